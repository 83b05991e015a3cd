#!/usr/bin/env bash
# Reads what `cargo test` printed and prints "PASSED FAILED SKIPPED" on one line.
#
#   scripts/tally.sh LOG
#
# A test that could not run says so on a line "skipped: why" and returns; to libtest it passed, so
# it is taken from the passed here. Fails where the log cannot be believed: a test program was
# started and no result of it is there, or nothing was started at all.
set -euo pipefail

awk '
    { sub(/\r$/, "") }
    /^ +Running (unittests|tests|benches)/ || /^ +Doc-tests / { started += 1 }
    /^test result: / {
        ended += 1
        for (i = 1; i < NF; i++) {
            if ($(i + 1) == "passed;") passed += $i
            if ($(i + 1) == "failed;") failed += $i
            if ($(i + 1) == "ignored;") ignored += $i
        }
    }
    /^skipped: / { skipped += 1 }
    END {
        if (started == 0) { print "no test program was started" > "/dev/stderr"; exit 1 }
        if (started != ended) {
            printf "%d test programs started, %d ended\n", started, ended > "/dev/stderr"
            exit 1
        }
        if (skipped > passed) { print "more skips than passes" > "/dev/stderr"; exit 1 }
        print passed - skipped, failed + 0, skipped + ignored
    }
' "$1"
