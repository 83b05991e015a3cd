#!/usr/bin/env bash
# Runs every example as its reader would: up, up again, into it, stop, up, rm. The image is the
# tests' own, so that no registry is asked; state and records go into a scratch directory.
#
#   scripts/examples.sh VAGRANTP IMAGE
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

vagrantp=$(realpath "$1")
image=$(realpath "$2")
[[ -x "$vagrantp" ]] || die "$vagrantp is not there"

scratch=$(mktemp -d)
example=

clean_up() {
    if [[ -n "$example" ]]; then
        "$vagrantp" -C "$example" rm --all --force >&2 || true
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT

export XDG_STATE_HOME=$scratch/state XDG_CACHE_HOME=$scratch/cache

# try SENTENCE COMMAND...: what it wrote to stdout is in $said.
try() {
    local sentence=$1
    shift
    if ! said=$("$@" </dev/null); then die "$example: $sentence: failed: $*"; fi
    say "$(basename "$example"): $sentence"
}

# expect PATTERN: in the JSON that the last try printed, whatever its spaces.
expect() {
    tr -d ' \n' <<<"$said" | grep -qF -- "$1" || die "$example: expected $1 in: $said"
}

count=0
for env_file in "$root"/examples/*/.env; do
    [[ -e "$env_file" ]] || continue
    # A copy, so that what a person does in the example itself is not disturbed.
    example=$scratch/$(basename "$(dirname "$env_file")")
    cp -R "$(dirname "$env_file")" "$example"
    rm -f "$example/.env.local" "$example"/*.tar
    printf 'IMAGE=%s\n' "$image" >"$example/.env.local"

    try "its .env is valid" "$vagrantp" -C "$example" validate --json
    expect '"valid":true'
    try "up" "$vagrantp" -C "$example" up --yes --json
    expect '"changed":true'
    try "up again changes nothing" "$vagrantp" -C "$example" up --yes --json
    expect '"changed":false'
    try "it runs" "$vagrantp" -C "$example" status --json
    expect '"state":"running"'
    try "a command inside" "$vagrantp" -C "$example" ssh -c 'uname -a'
    grep -q Linux <<<"$said" || die "$example: no kernel in: $said"
    try "stop" "$vagrantp" -C "$example" stop --json
    try "up from stopped" "$vagrantp" -C "$example" up --yes --json
    expect '"changed":true'
    try "rm" "$vagrantp" -C "$example" rm --yes --json
    try "it is gone" "$vagrantp" -C "$example" status --json
    expect '"state":"not_created"'
    example=
    count=$((count + 1))
done
((count > 0)) || die "there are no examples"
