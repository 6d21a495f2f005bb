"""What `%%fastgen` costs a kernel: until it is known, and once an answer stands in a page."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import msgspec

_PROGRAM = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
import psutil

shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
memory = psutil.Process().memory_info
before = memory().rss
start = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_fastgen")
load_ms = (time.perf_counter() - start) * 1000
loaded = memory().rss
from jupyter_fastgen.magic import loaded as extension
from jupyter_fastgen.magic.widget import FastgenAnswer
import jupyter_fastgen.link.remote

extension(shell).magics
FastgenAnswer(prompt="a description")
print(json.dumps([load_ms, loaded - before, memory().rss - before]))
"""


class LoadCost(msgspec.Struct, frozen=True):
    """Milliseconds of `%load_ext`, and megabytes that the kernel's memory grows by."""

    load_ms: float
    loaded_mb: float
    answer_mb: float
    """With the widget of an answer and the way to the server."""


def measure_loading(rounds: int = 5) -> LoadCost:
    """Load it in fresh processes with an IPython shell, as kernels have; the medians."""
    found: list[list[float]] = []
    for _ in range(rounds):
        command = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    load_ms, loaded, answer = map(statistics.median, zip(*found, strict=True))
    return LoadCost(round(load_ms, 1), round(loaded / 1e6, 1), round(answer / 1e6, 1))
