#!/usr/bin/env bash
# Builds the guests that the tests boot, from Debian's packages alone: no loop devices, no root.
#
#   scripts/test-guests.sh DIR            small.vmlinuz, small.initrd, small.qcow2 and, where the
#                                         tools are there, small-efi.qcow2
#   scripts/test-guests.sh --debian DIR   debian.vmlinuz, debian.initrd, debian.qcow2 besides
#
# The small guest is a kernel with busybox and dropbear: SSH answers a few seconds after its start,
# without KVM. It takes up a NoCloud seed as far as tests need it. small.qcow2 is the same as a root
# disk, which keeps what is written. The Debian one has systemd and cloud-init.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

suite=bookworm
parts=$root/scripts/guest
# A number in front of a recipe forces a new build.
debian_recipe="1 $suite systemd-sysv,udev,dbus,linux-image-cloud-amd64,openssh-server,python3,\
cloud-init,cloud-guest-utils,e2fsprogs,sudo,ifupdown,isc-dhcp-client,netbase,iproute2,qemu-guest-agent"
packages=${debian_recipe##* }
# In the order that they are wanted in; what they need comes before them by itself.
modules=(virtio_pci virtio_blk virtio_net virtio_console virtio_rng virtio_balloon virtio_scsi
    sd_mod sr_mod ahci ata_piix isofs nls_cp437 nls_ascii nls_iso8859_1 nls_utf8 vfat ext4 button
    evdev 9pnet_virtio 9p virtiofs crc32c_intel crc32c_generic af_packet)

work=
trap '[[ -z "$work" ]] || rm -rf "$work"' EXIT

up_to_date() { [[ -s "$1" && "$(cat "$1.recipe" 2>/dev/null)" == "$2" ]]; }

# keep RECIPE FILE...: each was made as FILE.part; a killed build leaves none under its real name.
keep() {
    local recipe=$1 file
    shift
    for file in "$@"; do mv "$file.part" "$file"; done
    printf '%s\n' "$recipe" >"$1.recipe"
}

# The kernel of Debian's that has 9p, which the one for clouds lacks; unpacked, not installed.
kernel_package() {
    apt-cache depends linux-image-amd64 2>/dev/null |
        awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

unpack_package() {
    (cd "$work" && apt-get -qq download "$1" >&2 && dpkg-deb -x "$1"_*.deb "$2" && rm -f "$1"_*.deb)
}

# with_needs MODULES MODULE: the files of a module and of those that it needs, these first.
with_needs() {
    local tree=$1 name=${2//_/[-_]} line file need
    line=$(grep -E "/$name\.ko(\.[a-z]+)?:" "$tree/modules.dep" | head -n 1) || return 0
    file=${line%%:*}
    for need in $(printf '%s\n' "${line#*:}" | tr ' ' '\n' | tac); do printf '%s\n' "$need"; done
    printf '%s\n' "$file"
}

# add_program TREE PROGRAM: with its libraries.
add_program() {
    local path library
    path=$(command -v "$2" || echo "/usr/sbin/$2")
    install -D -m 0755 "$path" "$1/bin/${path##*/}"
    ldd "$path" 2>/dev/null | grep -oE '/[^ ]+' | while read -r library; do
        install -D -m 0755 "$library" "$1$library"
    done
}

small_tree() {
    local tree=$1 unpacked=$2 applet module file version
    mkdir -p "$tree"/{bin,sbin,dev,etc/acpi/PWRF,home,lib/modules,mnt,proc,root,run,srv,sys,tmp,usr/bin,usr/sbin,var/log}
    chmod 1777 "$tree/tmp"
    install -m 0755 "$(command -v busybox)" "$tree/bin/busybox"
    # The one applet that has to become somebody else.
    install -m 4755 "$(command -v busybox)" "$tree/bin/su"
    for applet in $("$tree/bin/busybox" --list); do
        [[ -e "$tree/bin/$applet" ]] || ln -s busybox "$tree/bin/$applet"
        ln -sf ../bin/busybox "$tree/sbin/$applet"
    done
    for applet in dropbear dropbearkey dropbearconvert resize2fs; do add_program "$tree" "$applet"; done
    install -m 0755 "$parts/init" "$tree/init"
    install -m 0755 "$parts/rc" "$parts/udhcpc" "$tree/etc/"
    install -m 0644 "$parts/inittab" "$tree/etc/"
    install -m 0755 "$parts/sudo" "$tree/usr/bin/sudo"
    printf '#!/bin/sh\nexec poweroff\n' >"$tree/etc/acpi/PWRF/00000080"
    chmod 0755 "$tree/etc/acpi/PWRF/00000080"
    printf 'root::0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
    printf 'root:x:0:\n' >"$tree/etc/group"
    printf '/bin/sh\n' >"$tree/etc/shells"
    printf 'NAME="small guest"\nID=small\nVERSION_ID=1\n' >"$tree/etc/os-release"
    : >"$tree/lib/modules/order"
    [[ -n "$unpacked" ]] || return 0
    version=$(ls "$unpacked/lib/modules")
    depmod -b "$unpacked" "$version" 2>/dev/null || busybox depmod -b "$unpacked" "$version"
    for module in "${modules[@]}"; do with_needs "$unpacked/lib/modules/$version" "$module"; done |
        awk '!seen[$0]++' | while read -r file; do
        install -m 0644 "$unpacked/lib/modules/$version/$file" "$tree/lib/modules/${file##*/}"
        printf '%s\n' "${file##*/}" >>"$tree/lib/modules/order"
    done
}

# The small guest as a disk that starts by itself, by EFI: one program of kernel, initrd and words.
build_efi() {
    local out=$1 recipe=$2 stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub esp=$work/esp disk=$work/disk
    if [[ ! -e $stub ]] || ! have objcopy || ! have mformat || ! have sfdisk; then
        say "small-efi.qcow2 is not built: it needs systemd-boot-efi, binutils, mtools and fdisk"
        return 0
    fi
    printf 'console=ttyS0 quiet' >"$work/cmdline"
    objcopy --add-section .cmdline="$work/cmdline" --change-section-vma .cmdline=0x30000 \
        --add-section .linux="$out/small.vmlinuz" --change-section-vma .linux=0x2000000 \
        --add-section .initrd="$out/small.initrd" --change-section-vma .initrd=0x4000000 \
        "$stub" "$work/BOOTX64.EFI"
    truncate -s 62M "$esp"
    mformat -i "$esp" -F -v ESP ::
    mmd -i "$esp" ::/EFI ::/EFI/BOOT
    mcopy -i "$esp" "$work/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI
    truncate -s 64M "$disk"
    printf 'label: gpt\nstart=2048, size=%d, type=uefi\n' $((62 * 2048)) | sfdisk -q "$disk"
    dd if="$esp" of="$disk" bs=1M seek=1 conv=notrunc status=none
    qemu-img convert -O qcow2 "$disk" "$out/small-efi.qcow2.part"
    keep "$recipe" "$out/small-efi.qcow2"
}

build_small() {
    local out=$1 recipe package tree
    package=$(kernel_package)
    [[ -n "$package" ]] || die "apt knows no linux-image-amd64"
    recipe="1 $package $(busybox | head -n 1) $(cat "$0" "$parts"/* | sha256sum | cut -c 1-16)"
    if up_to_date "$out/small.vmlinuz" "$recipe" && [[ -s "$out/small.qcow2" && -s "$out/small.initrd" ]]; then
        return 0
    fi
    have dropbear || [[ -x /usr/sbin/dropbear ]] || die "dropbear-bin is not installed"
    say "Building the small guest from $package, busybox and dropbear"
    work=$(mktemp -d)
    retry 3 unpack_package "$package" "$work/kernel"
    cp "$work"/kernel/boot/vmlinuz-* "$out/small.vmlinuz.part"
    tree=$work/tree
    small_tree "$tree" "$work/kernel"
    (cd "$tree" && find . | sort | busybox cpio -o -H newc -R 0:0) 2>/dev/null | gzip -1 >"$out/small.initrd.part"
    # The modules were loaded by then.
    rm -rf "$tree/lib/modules" "$tree/init"
    truncate -s 64M "$work/disk"
    fakeroot mkfs.ext4 -q -L smallroot -E root_owner=0:0 -d "$tree" "$work/disk"
    qemu-img convert -O qcow2 "$work/disk" "$out/small.qcow2.part"
    keep "$recipe" "$out/small.vmlinuz" "$out/small.initrd" "$out/small.qcow2"
    build_efi "$out" "$recipe"
    rm -rf "$work" && work=
}

debian_tree() {
    local mirror=()
    [[ -z "${VAGRANTP_DEBIAN_MIRROR:-}" ]] || mirror=("$VAGRANTP_DEBIAN_MIRROR")
    # shellcheck disable=SC2016 # $1 is mmdebstrap's
    mmdebstrap --variant=minbase --include="$packages" \
        --customize-hook='echo "datasource_list: [ NoCloud, None ]" >"$1/etc/cloud/cloud.cfg.d/90-source.cfg"' \
        --customize-hook='echo "LABEL=debroot / ext4 defaults 0 1" >"$1/etc/fstab"' \
        --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*' \
        "$suite" "$1" "${mirror[@]}" >"$1.log" 2>&1
}

build_debian() {
    local out=$1
    if up_to_date "$out/debian.vmlinuz" "$debian_recipe" && [[ -s "$out/debian.qcow2" ]]; then return 0; fi
    have mmdebstrap || die "mmdebstrap is not installed"
    say "Building a Debian guest with cloud-init (about two minutes)"
    work=$(mktemp -d)
    chmod 0755 "$work"
    if ! retry 3 debian_tree "$work/rootfs.tar"; then
        tail -n 20 "$work/rootfs.tar.log" >&2 || true
        die "mmdebstrap could not build the guest; its last lines are above"
    fi
    mkdir "$work/tree"
    # Owners and devices are kept by fakeroot, as long as all of it is one call.
    fakeroot sh -c 'tar -C "$1/tree" -xf "$1/rootfs.tar" && truncate -s 2G "$1/disk" &&
        mkfs.ext4 -q -L debroot -d "$1/tree" "$1/disk"' sh "$work"
    cp "$work"/tree/boot/vmlinuz-* "$out/debian.vmlinuz.part"
    cp "$work"/tree/boot/initrd.img-* "$out/debian.initrd.part"
    qemu-img convert -O qcow2 "$work/disk" "$out/debian.qcow2.part"
    keep "$debian_recipe" "$out/debian.vmlinuz" "$out/debian.initrd" "$out/debian.qcow2"
    rm -rf "$work" && work=
}

with_debian=no
if [[ "${1:-}" == --debian ]]; then with_debian=yes && shift; fi
[[ -n "${1:-}" && "$1" != -* ]] || die "say where the guests go: scripts/test-guests.sh [--debian] DIR"
[[ "$(uname -m)" == x86_64 ]] || die "the guests are built for x86_64 alone"
mkdir -p "$1"
out=$(cd "$1" && pwd)
build_small "$out"
[[ $with_debian == no ]] || build_debian "$out"
chmod a+r "$out"/small* "$out"/debian.{vmlinuz,initrd,qcow2} 2>/dev/null || true
