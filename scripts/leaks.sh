#!/usr/bin/env bash
# What vagrantp leaves on a host: its objects in Podman, its processes, its files.
#
#   scripts/leaks.sh snapshot FILE  writes down what is there
#   scripts/leaks.sh check FILE     fails, naming them, where there is more than the snapshot has
#
# Only what came since counts: a developer's own machines may be there before and after.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

label=io.vagrantp.uuid
user=${VAGRANTP_TEST_USER:-}

as_test_user() {
    (cd / && runuser -u "$user" -- env -i PATH="$PATH" HOME="$(getent passwd "$user" | cut -d: -f6)" \
        XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" ${CONTAINERS_CONF:+CONTAINERS_CONF="$CONTAINERS_CONF"} "$@")
}

# objects OWNER RUNNER...: a line for each labelled object; fails where Podman does not answer.
objects() {
    local owner=$1
    shift
    "$@" podman ps --all --external=false --filter "label=$label" --format '{{.ID}} {{.Names}}' |
        sed "s/^/container of $owner: /"
    "$@" podman network ls --filter "label=$label" --format '{{.Name}}' |
        sed "s/^/network of $owner: /"
    "$@" podman volume ls --filter "label=$label" --format '{{.Name}}' |
        sed "s/^/volume of $owner: /"
    "$@" podman images --all --filter "label=$label" --format '{{.ID}} {{.Repository}}' |
        sed "s/^/image of $owner: /"
}

# Files in the places of design section 8, and temporary ones.
files() {
    local home=$1 runtime=$2
    find "$home/.local/state/vagrantp" "$home/.local/share/vagrantp" "$runtime/vagrantp" \
        -mindepth 1 2>/dev/null | sed 's/^/file: /' || true
}

list() {
    if have podman; then
        objects "$(id -un)" env
        if [[ -n "$user" ]]; then objects "$user" as_test_user; fi
    fi
    ps -eo pid=,comm=,args= | awk '$2 == "vagrantp" { print "process: " $0 }'
    files "$HOME" "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
    if [[ -n "$user" ]]; then
        files "$(getent passwd "$user" | cut -d: -f6)" "/run/user/$(id -u "$user")"
    fi
    find "${TMPDIR:-/tmp}" -maxdepth 1 -name '*vagrantp*' 2>/dev/null | sed 's/^/file: /' || true
}

case ${1:-} in
    snapshot)
        list | LC_ALL=C sort >"$2"
        ;;
    check)
        # What was just ended may need a moment until it is gone.
        for _ in 1 2 3 4 5; do
            new=$(list | LC_ALL=C sort | LC_ALL=C comm -13 "$2" -)
            [[ -n "$new" ]] || break
            sleep 1
        done
        if [[ -n "$new" ]]; then
            say "left behind:"
            say "$new"
            exit 1
        fi
        say "nothing was left behind"
        ;;
    *) die "usage: scripts/leaks.sh snapshot|check FILE" ;;
esac
