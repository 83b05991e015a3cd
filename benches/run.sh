#!/usr/bin/env bash
# Runs the benches against real Podman and prints their table. The arguments go to
# benches/containers.rs; `--help` lists them.
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
exec cargo bench --locked --bench containers -- --image "$root/target/test-images/busybox.tar" "$@"
