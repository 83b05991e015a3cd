#!/usr/bin/env bash
# From a fresh Debian or Ubuntu to a running machine: says what it will install, installs it,
# builds vagrantp, and brings examples/container up with it.
#
#   scripts/up.sh         all of that; what is there already is left as it is
#   scripts/up.sh --down  removes the example's container
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# shellcheck source=scripts/lib/say.sh
. scripts/lib/say.sh
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/rust.sh
. scripts/lib/rust.sh
# shellcheck source=scripts/lib/host.sh
. scripts/lib/host.sh

example=examples/container
vagrantp=$root/target/release/vagrantp
# An odd host's containers.conf has to outlive `cargo clean`: containers remember nothing of it.
conf=${XDG_CONFIG_HOME:-$HOME/.config}/vagrantp/containers.conf

if [[ "${1:-}" == --down ]]; then
    use_containers_conf "$conf"
    "$vagrantp" -C "$example" rm --yes
    exit
fi
[[ $# -eq 0 ]] || die "usage: scripts/up.sh [--down]"

install_what_is_missing() {
    local wanted rust='' missing facts
    wanted=$(rust_wanted .)
    read -ra facts < <(host_facts)
    refresh_package_lists
    require_podman
    if ! rust_is_ready "$wanted"; then
        # Lint and format are the tests' business.
        rust=$(rust_packages "$wanted" | grep -v -e ^rust-clippy -e ^rustfmt || true)
        [[ -n "$rust" ]] || explain_rust "$wanted"
    fi
    missing=$(
        missing_packages scripts/packages/up.txt "${facts[@]}"
        [[ -z "$rust" ]] || printf '%s\n' "$rust"
    )
    if [[ -n "$missing" ]]; then
        say "vagrantp needs, and this will install:"
        announce_packages "$missing"
    else
        say "All the packages that vagrantp needs are installed."
    fi
    if ((EUID == 0)); then
        say "It will build vagrantp and install it to ${PREFIX:-/usr/local}/bin,"
    else
        say "It will build vagrantp and install it to ${PREFIX:-$HOME/.local}/bin,"
    fi
    say "then bring the container of $example up."
    agree "Go ahead?" || die "nothing was done"
    install_packages "$missing"
    finish_rust "$wanted"
}

# Containers without root need ids to give to the users inside.
check_subordinate_ids() {
    ((EUID != 0)) || return 0
    local name
    name=$(id -un)
    if ! grep -q "^$name:" /etc/subuid 2>/dev/null || ! grep -q "^$name:" /etc/subgid 2>/dev/null; then
        die "$name has no subordinate ids, which containers without root need; give it some with:
  sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $name && podman system migrate"
    fi
}

# The image that the example's .env names, or one built here where that cannot be had.
provide_image() {
    local image
    if [[ -s "$example/rootfs.tar" && -e "$example/.env.local" ]]; then return 0; fi
    image=$(sed -n 's/^IMAGE=//p' "$example/.env")
    if podman image exists "$image"; then return 0; fi
    say "Pulling $image"
    if timeout --kill-after=5 120 podman pull --quiet "$image" >/dev/null; then return 0; fi
    say "It cannot be pulled here; building the same from Debian's packages instead."
    scripts/test-images.sh --debian "$example/rootfs.tar"
    {
        echo "# Written by \`make up\`: the image of .env could not be pulled on this host."
        echo "IMAGE=./rootfs.tar"
    } >"$example/.env.local"
}

install_what_is_missing
check_subordinate_ids
use_containers_conf "$conf"

say "Building vagrantp"
retry 3 cargo fetch --locked --quiet
cargo build --release --locked
installed_at=$(scripts/install.sh)
provide_image

"$vagrantp" -C "$example" up --yes
# The proof that it can be entered.
"$vagrantp" -C "$example" ssh -c 'uname -a'

say
say "It is up. From $example:"
if [[ "${CONTAINERS_CONF:-}" == "$conf" ]]; then
    say "  export CONTAINERS_CONF=$conf    (this host's Podman needs it)"
fi
if have vagrantp && [[ "$(command -v vagrantp)" -ef "$installed_at" ]]; then
    vagrantp=vagrantp
else
    vagrantp=$installed_at
fi
say "  $vagrantp ssh -c 'uname -a'"
say "  $vagrantp stop; $vagrantp up; $vagrantp rm"
"$vagrantp" -C "$example" ssh --info
