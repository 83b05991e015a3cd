# shellcheck shell=bash
# Which Debian packages are missing, and how they get here. Needs say.sh.
#
# A list in scripts/packages/ has a line each: package, when, check, what for.
#   when   always     wanted on every host
#          available  wanted where this release has it
#          WORD       wanted where WORD is among the host's facts (cgroup-v1, ubuntu, …)
#   check  a command that makes the package needless, or - to ask dpkg alone

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root and there is no sudo; as root, run: $*"
    fi
}

installed() {
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" == installed ]]
}

# The version that apt would install; empty where it knows none.
candidate() {
    have apt-cache || return 0
    apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# missing_packages LIST FACT...: "package<TAB>what for" of what is wanted and not there.
missing_packages() {
    local list=$1 package when check purpose
    shift
    while read -r package when check purpose; do
        [[ -z "$package" || "$package" == \#* ]] && continue
        case $when in
            always | available) ;;
            *) [[ " $* " == *" $when "* ]] || continue ;;
        esac
        if [[ "$check" != - ]] && have "$check"; then continue; fi
        if installed "$package"; then continue; fi
        if [[ "$when" == available && -z "$(candidate "$package")" ]]; then continue; fi
        printf '%s\t%s\n' "$package" "$purpose"
    done <"$list"
}

# The names of the packages can only be looked up once apt has its lists.
refresh_package_lists() {
    have apt-get || return 0
    [[ -n "$(candidate base-files)" && -n "$(candidate podman)" ]] && return 0
    say "Reading the lists of packages (apt-get update)"
    retry 3 as_root apt-get -qq update || warn "apt-get update failed; going on with what is known"
}

announce_packages() {
    local package purpose
    while IFS=$'\t' read -r package purpose; do
        [[ -z "$package" ]] || printf '  %-24s %s\n' "$package" "$purpose" >&2
    done <<<"$1"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@" </dev/null >&2
}

# newer_suite PACKAGE: the suite that this host has chosen for a family of packages of which some are
# installed and whose versions have to fit each other; nothing where it is the release's own.
newer_suite() {
    local sibling=
    case $1 in
        qemu-*) sibling=qemu-utils ;;
        libvirt-*) sibling=libvirt0 ;;
        *) return 0 ;;
    esac
    [[ "$(dpkg-query -W -f='${Version}' "$sibling" 2>/dev/null || true)" == *~bpo* ]] || return 0
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s-backports' "$VERSION_CODENAME")
}

# add_suite SUITE: has apt know it, from where the release's own packages come.
add_suite() {
    local release=${1%-backports} uri
    # shellcheck disable=SC2016 # the words are apt's own
    [[ -z "$(apt-get indextargets --format '$(RELEASE)' "Codename: $1" 2>/dev/null)" ]] || return 0
    # shellcheck disable=SC2016
    uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" 2>/dev/null | awk 'NR == 1')
    [[ -n "$uri" ]] || die "apt has no source for $release that $1 could be taken from"
    say "Adding $1 to apt's sources: packages on this host are from there already"
    printf 'deb %s %s main\n' "$uri" "$1" | as_root tee "/etc/apt/sources.list.d/$1.list" >/dev/null
    retry 3 as_root apt-get -qq update
}

# install_packages "package<TAB>what for" lines. A failure is most often a list that has aged.
install_packages() {
    local names=() newer=() package suite='' _
    have apt-get || [[ -z "$1" ]] || die "this knows how to install with apt alone; install by hand: $1"
    while IFS=$'\t' read -r package _; do
        [[ -n "$package" ]] || continue
        if [[ -n "$(newer_suite "$package")" ]]; then
            suite=$(newer_suite "$package")
            newer+=("$package")
        else
            names+=("$package")
        fi
    done <<<"$1"
    if ((${#newer[@]})); then
        add_suite "$suite"
        retry 2 apt_install --target-release "$suite" "${newer[@]}" ||
            die "could not install from $suite: ${newer[*]}"
    fi
    ((${#names[@]})) || return 0
    apt_install "${names[@]}" && return 0
    warn "the installation failed; trying again with new lists of packages"
    retry 3 as_root apt-get -qq update
    retry 2 apt_install "${names[@]}" || die "could not install: ${names[*]}"
}
