#!/usr/bin/env bash
# Install the Debian packages named as arguments; fail where that is not possible.
set -euo pipefail

command -v apt-get >/dev/null || { echo 'apt-get is not available here' >&2; exit 1; }

as_root=()
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null || { echo "Please run: sudo apt-get install $*" >&2; exit 1; }
  as_root=(sudo -n)
fi

{
  ${as_root[@]+"${as_root[@]}"} apt-get update -q
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@"
} >&2
