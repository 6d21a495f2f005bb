#!/usr/bin/env bash
# Build the wheel into the folder that is named, without what only developers need.
set -euo pipefail

# A development build would be packed as it is: replace it.
if [ -n "$(find jupyter_fastgen/labextension -name '*.map' -o -name build_log.json)" ]; then
  .venv/bin/jlpm build:prod
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
.venv/bin/python -m build --wheel --outdir "$1" . >"$log" 2>&1 || {
  cat "$log"
  echo 'build_wheel: the wheel cannot be built' >&2
  exit 1
}
tail -n 1 "$log"
