# shellcheck shell=bash
# Stages of the gate: each runs to its end, is logged, timed and counted, and a failed one does not
# keep the next from telling what it knows. Needs say.sh; `root` is the repository.

stage_logs=${root:?}/target/gate
stage_begun=$SECONDS
stage_rows=()
passed=0 failed=0 skipped=0

# A test's output is shown where it failed; of those that passed, only what was skipped and why.
quiet_successes() {
    awk '
        /^successes:$/ { hidden = 1 }
        /^(test result: |failures:$)/ { hidden = 0 }
        !hidden || /^skipped: / { print; fflush() }
    '
}

# run_logged SECONDS NAME COMMAND...: the command's own status. It writes into a file that is
# followed, not into a pipe: a process that it leaves behind must not hold up the gate.
run_logged() {
    local seconds=$1 log=$stage_logs/$2.log status=0 pid
    shift 2
    mkdir -p "$stage_logs"
    : >"$log"
    timeout --kill-after=30 "$seconds" "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    # shellcheck disable=SC2064 # the process of now
    trap "kill $pid; exit 130" INT TERM
    tail --lines=+1 --follow --pid="$pid" --sleep-interval=0.2 "$log" | quiet_successes >&2
    wait "$pid" || status=$?
    trap - INT TERM
    ((status != 124)) || say "ended after $seconds s: $*"
    return "$status"
}

# record NAME SECONDS PASSED FAILED SKIPPED
record() {
    passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
    stage_rows+=("$(printf '%-22s %6d s %6d passed %4d failed %4d skipped' "$@")")
}

# check NAME SECONDS COMMAND...: passes or fails as a whole.
check() {
    local name=$1 begun=$SECONDS status=0
    say "== $name"
    run_logged "$2" "$name" "${@:3}" || status=$?
    if ((status == 0)); then
        record "$name" $((SECONDS - begun)) 1 0 0
    else
        say "== $name failed (status $status)"
        record "$name" $((SECONDS - begun)) 0 1 0
    fi
}

# tests NAME SECONDS COMMAND...: a run of `cargo test`, counted test by test. One that fails
# without a failed test (it did not compile, it hung, it was killed) counts as one failure.
tests() {
    local name=$1 begun=$SECONDS status=0 counts p f s
    say "== $name"
    run_logged "$2" "$name" "${@:3}" || status=$?
    if ! counts=$("$root/scripts/tally.sh" "$stage_logs/$name.log" 2>"$stage_logs/$name.tally"); then
        say "== $name: no counts: $(cat "$stage_logs/$name.tally")"
        counts="0 1 0"
    fi
    read -r p f s <<<"$counts"
    if ((status != 0 && f == 0)); then f=1; fi
    record "$name" $((SECONDS - begun)) "$p" "$f" "$s"
}

# skip NAME WHY: a check that cannot be made here.
skip() {
    mkdir -p "$stage_logs"
    say "skipped: $1: $2"
    printf 'skipped: %s: %s\n' "$1" "$2" >"$stage_logs/$1.log"
    record "$1" 0 0 0 1
}

# In CI a skip has to be one that was agreed to: a line of LIST that begins the reason.
forbid_unknown_skips() {
    local list=$1 line allowed known unknown=0
    [[ "${CI:-}" == true ]] || return 0
    while IFS= read -r line; do
        known=no
        while IFS= read -r allowed; do
            [[ -z "$allowed" || "$allowed" == \#* ]] && continue
            [[ "$line" == "skipped: $allowed"* ]] && known=yes
        done <"$list"
        if [[ $known == no ]]; then
            say "not agreed to in $(basename "$list"): $line"
            unknown=$((unknown + 1))
        fi
    done < <(cat "$stage_logs"/*.log | grep '^skipped: ' | sort -u)
    ((unknown == 0)) || record skips 0 0 "$unknown" 0
}

# The last words: a line a stage, and one line with the sums. Fails where anything failed.
summary() {
    local row
    say
    for row in "${stage_rows[@]}"; do say "$row"; done
    say
    say "$(printf 'in %d min %d s' $(((SECONDS - stage_begun) / 60)) $(((SECONDS - stage_begun) % 60)))"
    if ((passed + failed == 0)); then
        say "error: nothing was checked"
        return 1
    fi
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    ((failed == 0))
}
