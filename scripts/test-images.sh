#!/usr/bin/env bash
# Builds the images that the tests run, from Debian's packages: no registry is asked.
#
#   scripts/test-images.sh DIR            busybox.tar, debian.tar and the guests of test-guests.sh,
#                                         each unless it is there
#   scripts/test-images.sh --debian FILE  the Debian one alone, there (for examples/)
#   scripts/test-images.sh --busybox FILE the small one alone, there (for benches/)
#
# An image is made again when its recipe here has changed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

suite=bookworm
# A recipe is the arguments that make the image; a number in front of it forces a new one.
debian_recipe=(--variant=minbase "--include=python3 sudo iproute2 procps" "$suite")
busybox_recipe="1 $(busybox 2>/dev/null | head -n 1 || true)"

# up_to_date IMAGE RECIPE
up_to_date() { [[ -s "$1" && "$(cat "$1.recipe" 2>/dev/null)" == "$2" ]]; }

# keep TEMPORARY IMAGE RECIPE: a killed build leaves no half image under the real name.
keep() {
    mv "$1" "$2"
    printf '%s\n' "$3" >"$2.recipe"
}

debootstrap_tar() {
    local log=$1.log mirror=()
    [[ -z "${VAGRANTP_DEBIAN_MIRROR:-}" ]] || mirror=("$VAGRANTP_DEBIAN_MIRROR")
    mmdebstrap "${debian_recipe[@]}" "$1" "${mirror[@]}" >"$log" 2>&1 && rm -f "$log"
}

build_debian() {
    local image=$1 recipe="${debian_recipe[*]}" temporary=$1.part.tar
    up_to_date "$image" "$recipe" && return 0
    have mmdebstrap || die "mmdebstrap is not installed"
    say "Building $image from Debian's packages (about half a minute)"
    if ! retry 3 debootstrap_tar "$temporary"; then
        tail -n 20 "$temporary.log" >&2 || true
        die "mmdebstrap could not build $image; its last lines are above"
    fi
    keep "$temporary" "$image" "$recipe"
}

build_busybox() {
    local image=$1 tree temporary=$1.part.tar binary applet
    up_to_date "$image" "$busybox_recipe" && return 0
    binary=$(command -v busybox) || die "busybox-static is not installed"
    say "Building $image from busybox-static"
    tree=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory of now
    trap "rm -rf '$tree'" EXIT
    mkdir -p "$tree"/{bin,dev,etc,proc,root,run,sys,tmp,var,work,home/app}
    chmod 1777 "$tree/tmp" "$tree/home/app"
    install -m 0755 "$binary" "$tree/bin/busybox"
    while read -r applet; do
        [[ "$applet" == busybox ]] || ln -s busybox "$tree/bin/$applet"
    done < <("$binary" --list)
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1000:app:/home/app:/bin/sh' \
        >"$tree/etc/passwd"
    printf '%s\n' 'root:x:0:' 'app:x:1000:' >"$tree/etc/group"
    printf '%s\n' 'NAME="busybox"' 'ID=busybox' >"$tree/etc/os-release"
    tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 \
        -C "$tree" -cf "$temporary" .
    keep "$temporary" "$image" "$busybox_recipe"
}

case ${1:-} in
    --debian)
        [[ -n "${2:-}" ]] || die "--debian needs the name of the file to write"
        build_debian "$2"
        ;;
    --busybox)
        [[ -n "${2:-}" ]] || die "--busybox needs the name of the file to write"
        mkdir -p "$(dirname "$2")"
        build_busybox "$2"
        ;;
    -* | '') die "say where the images go: scripts/test-images.sh DIR" ;;
    *)
        mkdir -p "$1"
        build_busybox "$1/busybox.tar"
        build_debian "$1/debian.tar"
        chmod a+r "$1"/*.tar
        if have qemu-img && [[ "$(uname -m)" == x86_64 ]]; then
            "$root/scripts/test-guests.sh" "$1"
        else
            say "no guests are built: qemu-img is not installed, or this is no x86_64"
        fi
        ;;
esac
