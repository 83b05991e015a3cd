#!/usr/bin/env bash
# Every fault at every point of every verb, on this host's Podman, and the table of what came of it.
#
# All of it takes some hours on two cores. VAGRANTP_FAULTS=ends leaves out what differs least and takes
# less than half of that; VAGRANTP_FAULTS=20 tries twenty of each story. What came of each is kept in
# target/faults: a run that was ended goes on where it was, and tries again what failed. `--anew`
# forgets that.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/say.sh
. scripts/lib/say.sh
# shellcheck source=scripts/lib/host.sh
. scripts/lib/host.sh

export VAGRANTP_REQUIRE_PODMAN=1 VAGRANTP_FAULTS="${VAGRANTP_FAULTS:-all}"
export VAGRANTP_FAULT_THREADS="${VAGRANTP_FAULT_THREADS:-5}"
export VAGRANTP_FAULT_RESULTS="${VAGRANTP_FAULT_RESULTS:-$PWD/target/faults}"
if [ "${1:-}" = --anew ]; then
  rm -f "$VAGRANTP_FAULT_RESULTS"/*.tsv
fi
mkdir -p "$VAGRANTP_FAULT_RESULTS"
use_containers_conf "$PWD/target/containers.conf"
cargo test --locked --test live faults:: -- --show-output
