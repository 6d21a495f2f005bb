#!/usr/bin/env bash
# Install the package, editable, into the environment $1 with all that tests and lint need.
set -euo pipefail

environment=$1
linked=$environment/share/jupyter/labextensions/jupyter_fastgen

# pip must not write through the link of an earlier run into the sources.
if [ -L "$linked" ]; then rm "$linked"; fi

"$environment/bin/python" -m pip install --quiet --editable '.[dev,test]'
# A link, so that a rebuilt labextension is live after a reload of the page.
"$environment/bin/jupyter-builder" develop . --overwrite
