#!/usr/bin/env bash
# Tests of the scripts' own decisions, with stand-ins for what they ask: dpkg-query, apt-cache and
# the logs of test runs.
# The stand-ins live in subshells and are called by what is tested:
# shellcheck disable=SC2030,SC2031,SC2317
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/rust.sh
. "$root/scripts/lib/rust.sh"
# shellcheck source=scripts/lib/host.sh
. "$root/scripts/lib/host.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# same NAME FOUND WANTED
same() {
    if [[ "$2" == "$3" ]]; then return 0; fi
    failures=$((failures + 1))
    printf '%s\n  found:  %s\n  wanted: %s\n' "$1" "$2" "$3" >&2
}

# succeeds COMMAND...: as a word, for `same`.
succeeds() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

packages_that_are_missing() {
    # A host that has `there` by dpkg and `tool` as a program, and an apt that knows `offered`.
    dpkg-query() {
        if [[ "${*: -1}" == there ]]; then printf installed; else return 1; fi
    }
    apt-cache() {
        case $2 in
            offered) printf '%s:\n  Candidate: 1.2-3\n' "$2" ;;
            *) printf '%s:\n  Candidate: (none)\n' "$2" ;;
        esac
    }
    local list=$scratch/list
    cat >"$list" <<'LIST'
# package  when       check  what for
there      always     -      is here
gone       always     -      is not here
tool       always     sh     is here as a program
old        cgroup-v1  -      for older hosts
new        cgroup-v2  -      for newer hosts
offered    available  -      apt has it
unheard    available  -      apt does not
LIST
    same "what is missing is named with its purpose" \
        "$(missing_packages "$list" cgroup-v1 debian)" \
        $'gone\tis not here\nold\tfor older hosts\noffered\tapt has it'
    same "a half-installed package is not there" "$(
        dpkg-query() { printf config-files; }
        succeeds installed there
    )" no
    unset -f dpkg-query apt-cache
}

lists_have_all_columns() {
    local list
    for list in "$root"/scripts/packages/*.txt; do
        same "$(basename "$list") has four columns a line" \
            "$(awk '!/^#/ && NF && NF < 4' "$list")" ""
        same "$(basename "$list") knows when" \
            "$(awk '!/^#/ && NF && $2 !~ /^(always|available|cgroup-v[12]|debian|ubuntu)$/' "$list")" ""
    done
}

versions_compare_as_numbers() {
    same "1.100 is newer than 1.89" "$(succeeds version_at_least 1.100.0 1.89)" yes
    same "1.89.0 will do for 1.89" "$(succeeds version_at_least 1.89.0 1.89)" yes
    same "1.63 will not" "$(succeeds version_at_least 1.63.0 1.89)" no
    same "none will not" "$(succeeds version_at_least "" 1.89)" no
    same "Cargo.toml states one" "$(succeeds test -n "$(rust_wanted "$root")")" yes
}

rust_comes_from_where_it_is_new_enough() {
    candidate() { case $1 in rustc) echo "$rustc" ;; rustup) echo "$rustup" ;; esac; }
    local rustc rustup
    rustc=1.63.0+dfsg1-2 rustup=''
    same "an old distribution has no Rust for us" "$(rust_packages 1.89)" ""
    rustc=1.85.0+dfsg3-1 rustup=1.27.1-3
    same "a newer one has rustup" "$(rust_packages 1.89 | cut -f 1)" rustup
    rustc=1.91.1+dfsg1-1 rustup=1.27.1-3
    same "a new one has Rust itself" "$(rust_packages 1.89 | cut -f 1 | tr '\n' ' ')" \
        "rustc cargo rust-clippy rustfmt "
    unset -f candidate
    # shellcheck source=scripts/lib/packages.sh
    . "$root/scripts/lib/packages.sh"
}

a_host_without_rust_is_told_what_to_do() {
    local said
    # In a shell of its own, where the first failure ends it as it ends the real scripts.
    # shellcheck disable=SC2016 # its own $1
    said=$(PATH=$scratch/empty "$BASH" -euo pipefail -c \
        '. "$1/say.sh"; . "$1/packages.sh"; . "$1/rust.sh"; explain_rust 1.89' \
        - "$root/scripts/lib" 2>&1 || echo "status $?")
    same "the version, the command, the status" \
        "$(grep -c -e 'Rust 1.89 or newer; this host has none' -e '| sh -s -- -y' \
            -e 'apt-get install -y curl' -e 'status 1' <<<"$said")" 4
}

an_old_podman_is_refused_before_anything_is_installed() {
    have() { return 1; }
    candidate() { echo "$offered"; }
    local offered=4.3.1+ds1-8
    same "4.3 will do" "$(succeeds eval '(require_podman)')" yes
    offered=3.4.4+ds1-1
    same "3.4 will not" "$(succeeds eval '(require_podman)')" no
    offered=''
    same "none will not" "$(succeeds eval '(require_podman)')" no
    # shellcheck source=scripts/lib/say.sh
    . "$root/scripts/lib/say.sh"
    # shellcheck source=scripts/lib/packages.sh
    . "$root/scripts/lib/packages.sh"
}

configuration_fits_the_host() {
    same "an ordinary host needs none" "$(containers_conf "cgroup-v2 limits-free debian")" ""
    same "older cgroups need runc, and nothing about limits" \
        "$(containers_conf "cgroup-v1 limits-free debian" | grep -c -e '^runtime = "runc"' -e ulimits)" 1
    same "fixed limits are lowered" \
        "$(containers_conf "cgroup-v2 limits-fixed debian" | grep -c -e '^default_ulimits' -e runc)" 1
    printf 'Name:\tx\nCapEff:\t000001fffeffffff\n' >"$scratch/without"
    printf 'Name:\tx\nCapEff:\t000001ffffffffff\n' >"$scratch/with"
    same "CAP_SYS_RESOURCE is missed" "$(succeeds has_capability 24 "$scratch/without")" no
    same "CAP_SYS_RESOURCE is found" "$(succeeds has_capability 24 "$scratch/with")" yes
    same "the user's own configuration stays" "$(
        CONTAINERS_CONF=/mine
        use_containers_conf "$scratch/conf"
        echo "$CONTAINERS_CONF $(succeeds test -e "$scratch/conf")"
    )" "/mine no"
}

tally() { "$root/scripts/tally.sh" "$scratch/log" 2>/dev/null || echo unreadable; }

logs_are_counted() {
    cat >"$scratch/log" <<'LOG'
    Finished `test` profile in 2s
     Running unittests src/lib.rs (target/debug/deps/vagrantp-1)

running 3 tests
test a ... ok

successes:

---- b stdout ----
skipped: podman is not installed

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/integration/main.rs (target/debug/deps/integration-2)

test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s

   Doc-tests vagrantp

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
LOG
    same "sums, less what was skipped" "$(tally)" "6 2 2"
    sed -i '/FAILED/d' "$scratch/log"
    same "a program that never ended is noticed" "$(tally)" unreadable
    printf 'error: could not compile\n' >"$scratch/log"
    same "no program is no success" "$(tally)" unreadable
}

# The gate in small: stages that pass, fail, hang and skip.
gate() {
    (
        root=$scratch
        mkdir -p "$scratch/scripts"
        cp "$(dirname "$0")/tally.sh" "$scratch/scripts/"
        # shellcheck source=scripts/lib/stage.sh
        . "$here/scripts/lib/stage.sh"
        "$@"
        summary
    ) 2>"$scratch/gate.err"
}

stages_are_summed() {
    local here=$root
    good() { check good 5 true; }
    same "one that passes" "$(gate good)" "1 passed, 0 failed, 0 skipped"
    bad() { check bad 5 false && check good 5 true; }
    same "one that fails, and the next all the same" "$(gate bad || echo "status $?")" \
        $'1 passed, 1 failed, 0 skipped\nstatus 1'
    hangs() { check hangs 1 sleep 30; }
    same "one that hangs" "$(gate hangs || echo "status $?")" \
        $'0 passed, 1 failed, 0 skipped\nstatus 1'
    leaves() { check leaves 5 bash -c 'sleep 4 & exit 0'; }
    local begun=$SECONDS
    same "a process left behind holds nothing up" "$(gate leaves) $((SECONDS - begun < 4))" \
        "1 passed, 0 failed, 0 skipped 1"
    uncounted() { tests uncounted 5 true; }
    same "tests that ran nothing" "$(gate uncounted || echo "status $?")" \
        $'0 passed, 1 failed, 0 skipped\nstatus 1'
    counted() { tests counted 5 cat "$scratch/sample"; }
    printf '     Running unittests x\ntest result: ok. 7 passed; 0 failed; 0 ignored;\n' \
        >"$scratch/sample"
    same "tests that ran" "$(gate counted)" "7 passed, 0 failed, 0 skipped"
    crashed() { tests crashed 5 bash -c "cat '$scratch/sample'; exit 101"; }
    same "a failure that no test owns" "$(gate crashed || echo "status $?")" \
        $'7 passed, 1 failed, 0 skipped\nstatus 1'
    nothing() { :; }
    same "nothing checked is no success" "$(gate nothing || echo "status $?")" "status 1"
}

skips_are_agreed_to() {
    local here=$root list=$scratch/skips
    printf '# why\nno kvm\n' >"$list"
    known() { CI=true && skip "no kvm" "here" && forbid_unknown_skips "$list"; }
    both() { check good 5 true && known; }
    same "an agreed skip beside a pass" "$(gate both)" "1 passed, 0 failed, 1 skipped"
    other() { check good 5 true && CI=true && skip deny "not there" && forbid_unknown_skips "$list"; }
    same "any other fails CI" "$(gate other || echo "status $?")" \
        $'1 passed, 1 failed, 1 skipped\nstatus 1'
    outside() { check good 5 true && CI='' && skip deny "not there" && forbid_unknown_skips "$list"; }
    same "and is left alone elsewhere" "$(gate outside)" "1 passed, 0 failed, 1 skipped"
}

packages_that_are_missing
lists_have_all_columns
versions_compare_as_numbers
rust_comes_from_where_it_is_new_enough
a_host_without_rust_is_told_what_to_do
an_old_podman_is_refused_before_anything_is_installed
configuration_fits_the_host
logs_are_counted
stages_are_summed
skips_are_agreed_to

((failures == 0)) || die "$failures of the scripts' own tests failed"
say "the scripts decide as they should"
