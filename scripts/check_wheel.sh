#!/usr/bin/env bash
# Build the wheel, install it with pip alone into a fresh environment, and check that both
# halves of the extension are active there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "check_wheel: $*" >&2
  exit 1
}

scripts/build_wheel.sh "$work"
wheel=$(echo "$work"/*.whl)

contents=$(.venv/bin/python -m zipfile --list "$wheel")
if grep -E '\.map |build_log\.json|(^|/)tests/|\.spec\.' <<<"$contents"; then
  fail 'the wheel contains files that only developers need'
fi

.venv/bin/python -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet 'jupyterlab>=4.6,<5' "$wheel"

# Only what the wheel brought counts, not the settings of the person who runs this.
export JUPYTER_CONFIG_DIR=$work/config JUPYTER_DATA_DIR=$work/data JUPYTER_PREFER_ENV_PATH=1
cd "$work"
labextensions=$(env/bin/jupyter labextension list 2>&1)
grep -E 'jupyter_fastgen v[0-9.]+ .*enabled.*OK' <<<"$labextensions" ||
  { echo "$labextensions"; fail 'the labextension is not active'; }
extensions=$(env/bin/jupyter server extension list 2>&1)
grep -E 'jupyter_fastgen [0-9.]+ .*OK' <<<"$extensions" ||
  { echo "$extensions"; fail 'the server extension is not active'; }
env/bin/jupyter fastgen --help >/dev/null || fail 'the command line does not start'
env/bin/python -c '
from jupyter_fastgen.edit.actions import load_actions
from jupyter_fastgen.models.catalog import load_catalog
assert load_actions() and list(load_catalog())
' || fail 'data files are missing from the wheel'
env/bin/python -c 'from jupyter_fastgen.kernel.kernels import request
for language in ("python", "r", "julia"): request(language)' || fail 'a kernel probe is missing'
IPYTHONDIR=$work/ipython env/bin/python -m IPython -c '%fastgen -h' >/dev/null ||
  fail 'IPython does not know the magic'

echo "$(basename "$wheel"), $(($(wc -c <"$wheel") / 1024)) KiB: both halves are active"
