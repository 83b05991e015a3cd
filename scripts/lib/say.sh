# shellcheck shell=bash
# What every script says and how: one voice, on stderr, so that stdout stays for data.

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Whether somebody sits there who can answer.
at_terminal() { [[ -t 0 && -t 2 && -z "${CI:-}" ]]; }

# Goes ahead where nobody can be asked: what will be done has been said by then.
agree() {
    at_terminal || return 0
    local answer
    read -r -p "$1 [Y/n] " answer >&2 || return 1
    [[ -z "$answer" || "$answer" == [Yy]* ]]
}

# retry TIMES COMMAND...: for what the network can spoil. Waits 2, 4, 8 s between the tries.
retry() {
    local times=$1 try=1 pause=2
    shift
    until "$@"; do
        ((try < times)) || return 1
        warn "failed, trying again in $pause s: $*"
        sleep "$pause"
        try=$((try + 1))
        pause=$((pause * 2))
    done
}
