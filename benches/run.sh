#!/usr/bin/env bash
# Runs the benches against real Podman and prints their table.
#
#   benches/run.sh [ARGS]             as the caller
#   benches/run.sh --rootless [ARGS]  as the user of the rootless tests; for root
#
# The arguments go to benches/containers; `--help` lists them.
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

rust_is_ready "$(rust_wanted .)" || explain_rust "$(rust_wanted .)"
for program in podman busybox /usr/bin/time; do
    have "$program" || die "$program is not installed; \`make test\` installs what the benches need"
done
use_containers_conf "$root/target/containers.conf"
scripts/test-images.sh --busybox target/test-images/busybox.tar
image=$root/target/test-images/busybox.tar
if [[ "${1:-}" != --rootless ]]; then
    exec cargo bench --locked --bench containers -- --image "$image" "$@"
fi
shift
((EUID == 0)) || die "only root can be somebody else; without --rootless it is rootless already"
user=$(scripts/test-user.sh)
# What is run is copied to where that user can read it.
bench=$(cargo bench --locked --bench containers --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*containers-[^"]*\)".*/\1/p' | tail -n 1)
[[ -x "$bench" ]] || die "the bench was not built"
folder=$(mktemp -d)
as_user() {
    setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --inh-caps=-all -- \
        env -i "${variables[@]}" "$@"
}
end() {
    as_user podman system migrate 2>/dev/null || true
    as_user podman unshare rm -rf "$folder/home" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT
cp "$bench" "$folder/bench"
if grep -q VAGRANTP_FAULT "$root/target/release/vagrantp"; then
    echo "the release build knows fault points, which are for development builds" >&2
    exit 1
fi
cp "$root/target/release/vagrantp" "$image" "$folder/"
mkdir -m 0700 "$folder/home" "$folder/run"
chown -R "$user" "$folder"
chmod 0755 "$folder"
# An engine of its own: nothing of the user's is touched.
variables=("HOME=$folder/home" "USER=$user" "PATH=$PATH" "XDG_RUNTIME_DIR=$folder/run")
if [[ -n "${CONTAINERS_CONF:-}" ]]; then
    cp "$CONTAINERS_CONF" "$folder/containers.conf"
    chmod 0644 "$folder/containers.conf"
    variables+=("CONTAINERS_CONF=$folder/containers.conf")
fi
cd "$folder"
as_user "$folder/bench" --image "$folder/busybox.tar" --vagrantp "$folder/vagrantp" \
    --folder "$folder/bench-files" "$@"
