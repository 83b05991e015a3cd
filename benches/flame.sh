#!/usr/bin/env bash
# Draws flame graphs of vagrantp's own time, one for each verb that is called most, from hundreds of
# real calls against real Podman:
#
#   benches/flame.sh [FOLDER]     default: docs/performance
#
# Needs root or kernel.perf_event_paranoid <= 1, `perf`, and `inferno` (cargo install inferno).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# shellcheck source=scripts/lib/say.sh
. scripts/lib/say.sh
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/host.sh
. scripts/lib/host.sh

out=${1:-docs/performance}
[[ "$out" == /* ]] || out=$root/$out
for program in podman perf inferno-collapse-perf inferno-flamegraph; do
    have "$program" || die "$program is not installed"
done
use_containers_conf "$root/target/containers.conf"
scripts/test-images.sh --busybox target/test-images/busybox.tar

say "Building with frame pointers and names"
RUSTFLAGS="-C force-frame-pointers=yes" cargo build --quiet --locked --profile flame
vagrantp=$root/target/flame/vagrantp

folder=$(mktemp -d)
mkdir "$folder/project"
cp target/test-images/busybox.tar "$folder/project/"
printf 'INFRA_TYPE=container\nINFRA_ID=vpflame\nIMAGE=./busybox.tar\nMEMORY=512M\nCPUS=1\n' \
    >"$folder/project/.env"
export XDG_STATE_HOME=$folder/state XDG_RUNTIME_DIR=$folder/run
mkdir -m 0700 "$folder/run"
cd "$folder/project"
end() {
    "$vagrantp" rm --force >/dev/null 2>&1 || true
    pkill -f "$folder" || true
    rm -rf "$folder"
}
trap end EXIT

mkdir -p "$out"
# graph NAME TITLE COUNT COMMAND...: COUNT calls in one graph, of vagrantp's own threads alone.
graph() {
    local name=$1 title=$2 count=$3
    shift 3
    say "$title"
    # shellcheck disable=SC2016
    perf record --quiet --freq 19999 --call-graph fp --output "$folder/$name.data" -- \
        bash -c 'n=$1; shift; for ((i = 0; i < n; i++)); do "$@" >/dev/null 2>&1; done' _ \
        "$count" "$@"
    perf script --comm vagrantp --input "$folder/$name.data" 2>/dev/null |
        inferno-collapse-perf 2>/dev/null >"$folder/$name.folded"
    inferno-flamegraph --title "$title, $count calls" --countname samples --minwidth 0.3 \
        "$folder/$name.folded" >"$out/$name.svg" 2>/dev/null
}

"$vagrantp" up --yes >/dev/null 2>&1
graph status "vagrantp status, a service answering" 300 "$vagrantp" status
graph up-nothing "vagrantp up with nothing to do" 300 "$vagrantp" up --yes
graph validate "vagrantp validate" 300 "$vagrantp" validate
# shellcheck disable=SC2016
graph up-from-nothing "vagrantp up from nothing, then rm" 20 \
    bash -c '"$0" up --yes; "$0" rm --force' "$vagrantp"
say "Drawn into $out"
