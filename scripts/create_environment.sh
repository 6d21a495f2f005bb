#!/usr/bin/env bash
# Create the virtual environment $1 with the tool that builds JupyterLab extensions.
set -euo pipefail

environment=$1

is_recent() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python3.14}; do
    if is_recent "$name"; then
      command -v "$name"
      return
    fi
  done
  echo 'Python 3.10 or newer is needed. Install it, or name it: make PYTHON=/path/to/python3' >&2
  return 1
}

# Debian keeps the venv module in a package of its own.
install_venv_module() {
  echo 'Python has no venv module: installing the package python3-venv' >&2
  "$(dirname "$0")/apt_install.sh" python3-venv
}

# An environment whose interpreter is gone or was moved cannot be mended.
if ! "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  rm -rf "$environment"
  if ! "$python" -m venv "$environment"; then
    install_venv_module
    rm -rf "$environment"
    "$python" -m venv "$environment"
  fi
fi

"$environment/bin/python" -m pip install --quiet 'jupyter-builder>=1.2,<2'
