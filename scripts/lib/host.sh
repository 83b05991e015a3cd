# shellcheck shell=bash
# What this host is like for Podman, and the containers.conf that an odd one needs. Needs say.sh.

# v1 covers the hybrid layout: crun refuses that, runc works with all of them.
cgroup_kind() {
    local type
    type=$(stat -fc %T /sys/fs/cgroup 2>/dev/null || true)
    if [[ "$type" == cgroup2fs ]]; then echo cgroup-v2; else echo cgroup-v1; fi
}

# has_capability BIT STATUS_FILE: whether the effective set has it.
has_capability() {
    local set
    set=$(awk '$1 == "CapEff:" { print $2 }' "${2:-/proc/self/status}")
    (((0x${set:-0} >> $1) & 1))
}

# Podman raises its containers' limits; root without CAP_SYS_RESOURCE (24) may not.
ulimit_kind() {
    if ((EUID != 0)) || has_capability 24; then echo limits-free; else echo limits-fixed; fi
}

# The facts that the lists of packages and the configuration depend on.
host_facts() {
    local id=
    # shellcheck source=/dev/null
    [[ -r /etc/os-release ]] && id=$(. /etc/os-release && printf '%s' "${ID:-}")
    printf '%s %s %s\n' "$(cgroup_kind)" "$(ulimit_kind)" "$id"
}

# containers_conf FACTS: the text of a containers.conf; nothing where the host needs none.
containers_conf() {
    local facts=" $1 " engine='' limits=''
    [[ "$facts" == *" cgroup-v1 "* ]] && engine=$'[engine]\nruntime = "runc"\n'
    [[ "$facts" == *" limits-fixed "* ]] &&
        limits=$'[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
    [[ -n "$engine$limits" ]] || return 0
    printf '# Written by vagrantp'\''s scripts for a host of this kind: %s\n' "$1"
    # A host that has no containers.conf of its own has no say in this either: netavark is the
    # back end that keeps projects apart.
    printf '%s%s[network]\nnetwork_backend = "netavark"\n' "$limits" "$engine"
}

# use_containers_conf FILE: writes it where this host needs one and has not been told otherwise.
use_containers_conf() {
    local text
    [[ -z "${CONTAINERS_CONF:-}" ]] || return 0
    text=$(containers_conf "$(host_facts)")
    [[ -n "$text" ]] || return 0
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$text" >"$1"
    chmod 0644 "$1"
    export CONTAINERS_CONF=$1
}

# Said before anything is installed: an older Podman would be of no use. Needs packages.sh, rust.sh.
require_podman() {
    local version
    if have podman; then
        version=$(podman --version 2>/dev/null | awk '{ print $3 }' || true)
    else
        version=$(candidate podman)
    fi
    version=${version%%[+~-]*}
    [[ -n "$version" ]] || die "this distribution has no package podman; install Podman 4.3 or newer"
    version_at_least "$version" 4.3 ||
        die "vagrantp needs Podman 4.3 or newer (Debian 12, Ubuntu 24.04); this host has $version"
}
