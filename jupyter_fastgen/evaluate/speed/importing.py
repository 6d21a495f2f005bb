"""What the server extension costs when the Jupyter server imports it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import msgspec

HEAVY = ("torch", "numpy", "xllamacpp", "huggingface_hub", "transformers")
"""What must not be imported before it is needed."""

_PROGRAM = f"""
import json, sys, time
import jupyter_server.serverapp
before = set(sys.modules)
start = time.perf_counter()
import jupyter_fastgen.app
ms = (time.perf_counter() - start) * 1000
heavy = [name for name in {HEAVY!r} if name in sys.modules and name not in before]
print(json.dumps([ms, heavy]))
"""


class ImportCost(msgspec.Struct, frozen=True):
    """Milliseconds beyond what the server has imported anyway; heavy packages it drew in."""

    ms: float
    heavy: list[str]


def measure_import(rounds: int = 5) -> ImportCost:
    """Import it in fresh processes; the median."""
    times: list[float] = []
    drawn: set[str] = set()
    for _ in range(rounds):
        command = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ms, heavy = json.loads(done.stdout.splitlines()[-1])
        times.append(ms)
        drawn.update(heavy)
    return ImportCost(round(statistics.median(times), 1), sorted(drawn))
