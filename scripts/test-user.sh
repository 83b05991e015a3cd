#!/usr/bin/env bash
# Makes the user that rootless tests run as, and prints its name; prints nothing where the caller
# is not root (then the caller's own containers are the rootless ones).
#
#   scripts/test-user.sh           make it, unless it is there
#   scripts/test-user.sh --remove  remove it with its home
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

name=vagrantp-test

subordinate_ids() {
    local file=/etc/sub${1}id
    grep -q "^$name:" "$file" 2>/dev/null && return 0
    # The first range of 65536 above every range that is given out.
    local first
    first=$(awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' \
        "$file" 2>/dev/null || echo 100000)
    usermod "--add-sub${1}ids" "$first-$((first + 65535))" "$name"
}

((EUID == 0)) || exit 0

if [[ "${1:-}" == --remove ]]; then
    id "$name" >/dev/null 2>&1 || exit 0
    rm -rf "/run/user/$(id -u "$name")"
    userdel --remove "$name" 2>/dev/null
    exit 0
fi

if ! id "$name" >/dev/null 2>&1; then
    say "Making the user $name, for the tests of rootless containers"
    useradd --create-home --shell /bin/bash "$name"
fi
subordinate_ids u
subordinate_ids g

# Where no login makes the runtime directory, Podman and vagrantp still want one.
runtime=/run/user/$(id -u "$name")
if [[ ! -d "$runtime" ]]; then
    install -d -m 0755 /run/user
    install -d -m 0700 -o "$name" -g "$name" "$runtime"
fi
# Rootless networks open this device. udev gives it to everybody (its rule for tun is 0666); a
# machine without udev keeps what the kernel made.
if [[ -c /dev/net/tun && $(stat -c %a /dev/net/tun) == 600 ]]; then
    say "Letting every user open /dev/net/tun, as udev does"
    chmod 0666 /dev/net/tun
fi
printf '%s\n' "$name"
