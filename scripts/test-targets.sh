#!/usr/bin/env bash
# Prints the arguments that make `cargo test` run everything but the live tests: the library, the
# binary and each program in tests/ less `live`, which needs a real provider.
set -euo pipefail

cd "$(dirname "$0")/.."
args=(--lib --bins)
for path in tests/*.rs tests/*/main.rs; do
    [[ -e "$path" ]] || continue
    name=${path#tests/}
    name=${name%/main.rs}
    name=${name%.rs}
    [[ "$name" == live ]] || args+=(--test "$name")
done
printf '%s\n' "${args[@]}"
