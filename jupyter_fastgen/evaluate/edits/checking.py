"""Whether an edit is right: its task's check, run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ...errors import FastgenError
from . import trial
from .tasks import Task

SECONDS = 20.0
"""A check takes less than a second, most of it for pandas."""


def require_libraries() -> None:
    """Raise `FastgenError` where a library is missing that edited code uses."""
    if find_spec("pandas") is None:
        raise FastgenError("the edits are checked with pandas: run `pip install pandas`")


def fault(task: Task, text: str) -> str:
    """What is wrong with `text`, edited as `task` says, in a line; "" if nothing is."""
    told = {"text": text, "old": task.text, "solution": task.solution, "check": task.check}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(Path(trial.__file__).resolve())],
                input=json.dumps(told),
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it does not end within {SECONDS:.0f} s"
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said[-1] if said else f"exit status {done.returncode}"
