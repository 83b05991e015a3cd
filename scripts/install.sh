#!/usr/bin/env bash
# Installs the release binary below PREFIX and prints where it is.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"

if ((EUID == 0)); then default=/usr/local; else default=$HOME/.local; fi
bin=${DESTDIR:-}${PREFIX:-$default}/bin
install -D -m 0755 "$root/target/release/vagrantp" "$bin/vagrantp"
printf '%s\n' "$bin/vagrantp"
case ":$PATH:" in
    *":$bin:"*) ;;
    *) say "$bin is not in PATH; add it with: export PATH=\"$bin:\$PATH\"" ;;
esac
