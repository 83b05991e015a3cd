#!/usr/bin/env bash
# Every fault at every point of every verb, on this host's Podman, and the table of what came of it.
# It takes an hour or more; VAGRANTP_FAULTS=20 tries twenty of each story.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/say.sh
. scripts/lib/say.sh
# shellcheck source=scripts/lib/host.sh
. scripts/lib/host.sh

use_containers_conf "$PWD/target/containers.conf"
export VAGRANTP_REQUIRE_PODMAN=1 VAGRANTP_FAULTS="${VAGRANTP_FAULTS:-all}"
cargo test --locked --test live faults:: -- --show-output
