#!/usr/bin/env bash
# Install the package, editable, into the environment $1 with all that tests and lint need.
set -euo pipefail

environment=$1
linked=$environment/share/jupyter/labextensions/jupyter_fastgen

# pip must not write through the link of an earlier run into the sources; and where it has, because
# somebody ran it by hand, what it wrote would be packed twice.
if [ -L "$linked" ]; then rm "$linked"; fi
rm -f jupyter_fastgen/labextension/install.json

"$environment/bin/python" -m pip install --quiet --editable '.[dev,test]'
# The tests of the ExLlamaV2 engine need torch, but no GPU. From PyPI it comes with CUDA, several
# gigabytes; where pip knows a build for the CPU (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS) that is
# taken, and else these tests are skipped. Of the library's dependencies only those of a running
# model are needed.
has() { "$environment/bin/python" -c "import $1" 2>/dev/null; }
if has torch || "$environment/bin/python" -m pip install --quiet 'torch==2.13.0+cpu' 2>/dev/null; then
  "$environment/bin/python" -m pip install --quiet --no-deps 'exllamav2>=0.3.2,<0.4'
  "$environment/bin/python" -m pip install --quiet \
    'llguidance>=1.9,<2' 'pillow>=9.1' 'safetensors>=0.3.2' 'tokenizers>=0.20' \
    'transformers>=5,<6' 2>/dev/null
else
  echo 'no torch for the CPU: the tests of ExLlamaV2 will be skipped' >&2
fi
# A link, so that a rebuilt labextension is live after a reload of the page.
"$environment/bin/jupyter-builder" develop . --overwrite
