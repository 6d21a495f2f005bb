"""What the magic costs a kernel that doesn't use it, and one that does: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STARTUP = Path(__file__).parents[2] / "jupyter-config" / "ipython-startup"

HEAVY = ["numpy", "httpx", "jupyter_server", "tree_sitter", "xllamacpp", "ipywidgets", "typer"]


def python(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


SHELL = """
import os, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
before = set(sys.modules)
"""


def test_loading_brings_nothing_heavy():
    new = python(
        SHELL
        + 'shell.run_line_magic("load_ext", "jupyter_fastgen")\n'
        + "print(*set(sys.modules) - before)"
    ).split()
    assert len([name for name in new if not name.startswith(("jupyter_fastgen", "IPython"))]) < 10
    assert not set(HEAVY) & set(new)


def test_an_answer_in_a_page_brings_no_model_and_little_memory():
    """Of what the magic itself needs: the widgets, the messages and the way to a server."""
    lines = python(
        SHELL
        + """
import psutil
memory = psutil.Process().memory_info
start = memory().rss
shell.run_line_magic("load_ext", "jupyter_fastgen")
from jupyter_fastgen.magic import loaded
from jupyter_fastgen.magic.widget import FastgenAnswer
import jupyter_fastgen.link.remote
loaded(shell).magics
FastgenAnswer()
print(memory().rss - start)
print(*set(sys.modules) - before)
"""
    ).splitlines()
    assert int(lines[0]) < 15_000_000
    assert not (set(HEAVY) - {"ipywidgets"}) & set(lines[1].split())


KERNEL = """
import os, sys
from ipykernel.kernelapp import IPKernelApp
"""


def ipython(*arguments: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--colors=nocolor", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout + ran.stderr


def shell_after_startup(code: str, tmp_path: Path, **environment: str) -> str:
    """What a shell prints that ran the startup file as IPython runs it."""
    (file,) = STARTUP.glob("*.py")
    return python(
        SHELL
        + f"names = set(shell.user_ns)\nshell.safe_execfile({str(file)!r}, shell.user_ns)\n"
        + code,
        **environment,
    )


def test_the_startup_file_makes_the_magic_known_and_leaves_no_name(tmp_path: Path):
    code = 'print(shell.find_cell_magic("fastgen") is not None, set(shell.user_ns) - names)'
    assert shell_after_startup(code, tmp_path) == "True set()\n"
