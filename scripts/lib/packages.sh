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

# install_packages "package<TAB>what for" lines. A failure is most often a list that has aged.
install_packages() {
    local names=() package _
    while IFS=$'\t' read -r package _; do
        [[ -z "$package" ]] || names+=("$package")
    done <<<"$1"
    ((${#names[@]})) || return 0
    have apt-get || die "this knows how to install with apt alone; install by hand: ${names[*]}"
    apt_install "${names[@]}" && return 0
    warn "the installation failed; trying again with new lists of packages"
    retry 3 as_root apt-get -qq update
    retry 2 apt_install "${names[@]}" || die "could not install: ${names[*]}"
}
