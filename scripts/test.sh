#!/usr/bin/env bash
# The whole gate. Installs what the tests need (said first), makes the images, prepares the host,
# runs everything, looks for what was left behind, and ends on one line with the sums.
#
# CI=true: every skip has to be one of scripts/skips-allowed.txt.
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
# shellcheck source=scripts/lib/stage.sh
. scripts/lib/stage.sh

cargo_deny=0.20.2

wanted=$(rust_wanted .)
read -ra facts < <(host_facts)

# What is missing, said before anything is done.
refresh_package_lists
require_podman
rust=
rust_is_ready "$wanted" || rust=$(rust_packages "$wanted")
rust_is_ready "$wanted" || [[ -n "$rust" ]] || explain_rust "$wanted"
missing=$(
    missing_packages scripts/packages/up.txt "${facts[@]}"
    missing_packages scripts/packages/test.txt "${facts[@]}"
    [[ -z "$rust" ]] || printf '%s\n' "$rust"
)
new_user=no
if ((EUID == 0)) && ! id vagrantp-test >/dev/null 2>&1; then new_user=yes; fi
new_deny=no
have cargo-deny || [[ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo-deny" ]] || new_deny=yes
if [[ -n "$missing" || $new_user == yes || $new_deny == yes ]]; then
    say "The tests need, and this will install:"
    announce_packages "$missing"
    [[ $new_deny == no ]] || say "  cargo-deny $cargo_deny        checks the licences of what is linked" \
        "(cargo install, some minutes)"
    [[ $new_user == no ]] || say "  a user, vagrantp-test    runs the tests of rootless containers"
    agree "Go ahead?" || die "nothing was done"
fi
install_packages "$missing"
finish_rust "$wanted"

export CARGO_TERM_COLOR=never CARGO_NET_RETRY=5
# Properties are tried on the same sample at each run; `make prove` leaves it to chance.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}"
retry 3 cargo fetch --locked --quiet || die "the libraries cannot be fetched"
if ! have cargo-deny; then
    say "Building cargo-deny $cargo_deny"
    # In a directory that stays where this fails, so that the next try goes on from there.
    if retry 2 cargo install cargo-deny --locked --quiet --version "$cargo_deny" \
        --target-dir target/cargo-deny >&2; then
        rm -rf target/cargo-deny
    fi
fi

# The host and the images, as the tests find them.
use_containers_conf "$root/target/containers.conf"
VAGRANTP_TEST_USER=$(scripts/test-user.sh)
export VAGRANTP_TEST_USER VAGRANTP_TEST_IMAGES=$root/target/test-images
export VAGRANTP_REQUIRE_PODMAN=1
# The guests are built for PCs alone.
[[ "$(uname -m)" != x86_64 ]] || export VAGRANTP_REQUIRE_QEMU=1
scripts/test-images.sh "$VAGRANTP_TEST_IMAGES"
mkdir -p target/gate
rm -f target/gate/*
scripts/leaks.sh snapshot target/gate/leaks.before

mapfile -t targets < <(scripts/test-targets.sh)

check format 60 cargo fmt --all --check
check shellcheck 120 scripts/lint.sh
check selftest 120 scripts/selftest.sh
check clippy 900 cargo clippy --locked --all-features --all-targets -- -D warnings
check clippy-none 900 cargo clippy --locked --no-default-features --all-targets -- -D warnings
tests tests 1200 cargo test --locked --all-features --no-fail-fast "${targets[@]}" -- --show-output
tests doctests 600 cargo test --locked --all-features --doc -- --show-output
tests tests-none 1200 cargo test --locked --no-default-features --no-fail-fast "${targets[@]}" \
    -- --show-output
check docs 600 env RUSTDOCFLAGS="-D warnings" \
    cargo doc --locked --all-features --no-deps --document-private-items
if have cargo-deny; then
    check deny 300 cargo deny --all-features check bans licenses sources
else
    skip deny "cargo-deny could not be installed"
fi
if [[ -e tests/live/main.rs ]]; then
    tests live 1200 cargo test --locked --all-features --no-fail-fast --test live -- --show-output
fi
check examples 300 scripts/examples.sh target/debug/vagrantp "$VAGRANTP_TEST_IMAGES/debian.tar"
check leaks 120 scripts/leaks.sh check target/gate/leaks.before
forbid_unknown_skips scripts/skips-allowed.txt
summary
