#!/usr/bin/env bash
# Lints every shell script of the repository.
set -euo pipefail

cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run \
    scripts/guest/{init,rc,udhcpc,sudo})
shellcheck --external-sources "${files[@]}"
