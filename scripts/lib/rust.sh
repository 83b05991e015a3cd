# shellcheck shell=bash
# The Rust toolchain: is there one that is new enough, and if not, what to do. Needs say.sh and
# packages.sh.

# The version that Cargo.toml asks for.
rust_wanted() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$1/Cargo.toml"; }

# version_at_least HAVE WANT
version_at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

# A toolchain by rustup is found although this shell has not read ~/.cargo/env.
find_cargo() {
    if ! have cargo && [[ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]]; then
        export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
}

rust_found() { rustc --version 2>/dev/null | awk '{ print $2 }' || true; }

# rust_is_ready WANTED
rust_is_ready() {
    find_cargo
    have cargo && have rustc && version_at_least "$(rust_found)" "$1"
}

# rust_packages WANTED: the distribution's packages that bring a toolchain that is new enough, as
# lines for announce_packages; nothing where it has none.
rust_packages() {
    local version
    version=$(candidate rustc)
    if [[ -n "$version" ]] && version_at_least "${version%%[+~-]*}" "$1"; then
        printf '%s\t%s\n' rustc "compiles vagrantp" cargo "fetches and builds its libraries" \
            rust-clippy "lints" rustfmt "formats"
    elif [[ -n "$(candidate rustup)" ]]; then
        printf '%s\t%s\n' rustup "installs Rust $1 or newer, which vagrantp is compiled with"
    fi
}

# What to do where the distribution has no Rust that is new enough.
explain_rust() {
    local found
    found=$(rust_found)
    say "error: vagrantp is compiled with Rust $1 or newer; this host has ${found:-none}," \
        "and its distribution has none that is new enough."
    say "Install it for this user with rustup, then call make again:"
    say
    local sudo='sudo '
    if ((EUID == 0)); then sudo=''; fi
    have curl || say "  ${sudo}apt-get install -y curl ca-certificates"
    say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
    say "  . \"\$HOME/.cargo/env\""
    exit 1
}

# After the packages: rustup alone brings no toolchain.
finish_rust() {
    rust_is_ready "$1" && return 0
    if have rustup; then
        say "Installing the stable Rust toolchain (rustup)"
        retry 3 rustup toolchain install stable --profile default >&2 && rustup default stable >&2
    fi
    rust_is_ready "$1" || explain_rust "$1"
}
