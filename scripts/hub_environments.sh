#!/usr/bin/env bash
# Makes what the tests of a real JupyterHub need beside the environment $1: the older supported major
# version of the hub, laid over that environment in $1/hub/5, and the proxy in $1/hub/node_modules.
set -euo pipefail

venv="$(cd "$1" && pwd)"
hub="$venv/hub"
python="$venv/bin/python"

mkdir -p "$hub"
if [ ! -x "$hub/5/bin/python" ]; then
  "$python" -m venv "$hub/5"
  # All but the hub itself is that of the environment; .pth files there count, too.
  packages="$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  overlay="$("$hub/5/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  echo "import site; site.addsitedir('$packages')" > "$overlay/environment.pth"
fi
"$hub/5/bin/pip" install --quiet --no-deps --ignore-installed "jupyterhub>=5.5,<6"

# 5.3 says that it wants Node 22.12 or newer, and runs on 20.
npm install --silent --no-audit --no-fund --prefix "$hub" configurable-http-proxy@5.3.0
