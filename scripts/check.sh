#!/usr/bin/env bash
# The quick gate, to be run before each commit: formatting, lints, the scripts, and every test that
# needs no provider. Nothing is installed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# shellcheck source=scripts/lib/say.sh
. scripts/lib/say.sh
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/rust.sh
. scripts/lib/rust.sh
# shellcheck source=scripts/lib/stage.sh
. scripts/lib/stage.sh

rust_is_ready "$(rust_wanted .)" || explain_rust "$(rust_wanted .)"
export CARGO_TERM_COLOR=never
# Properties are tried on the same sample at each run; `make prove` leaves it to chance.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}"
mapfile -t targets < <(scripts/test-targets.sh)

rm -rf "$stage_logs"
check format 60 cargo fmt --all --check
if have shellcheck; then
    check shellcheck 120 scripts/lint.sh
else
    skip shellcheck "shellcheck is not installed"
fi
check selftest 120 scripts/selftest.sh
check clippy 900 cargo clippy --locked --all-targets -- -D warnings
tests tests 900 cargo test --locked "${targets[@]}" -- --show-output
summary
