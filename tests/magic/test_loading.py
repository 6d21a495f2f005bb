"""What the magic costs a kernel that doesn't use it, and one that does: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jupyter_fastgen.evaluate.speed.loading import measure_loading

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


def test_an_answer_in_a_page_brings_no_model_with_it():
    new = python(
        SHELL
        + """
shell.run_line_magic("load_ext", "jupyter_fastgen")
from jupyter_fastgen.magic import loaded
from jupyter_fastgen.magic.widget import FastgenAnswer
import jupyter_fastgen.link.remote
loaded(shell).magics
FastgenAnswer()
print(*set(sys.modules) - before)
"""
    ).split()
    assert "ipywidgets" in new
    assert not (set(HEAVY) - {"ipywidgets"}) & set(new)


def test_it_loads_fast_and_takes_little_memory():
    cost = measure_loading(rounds=3)
    assert cost.load_ms < 100
    assert cost.loaded_mb <= cost.answer_mb < 15


def shell_after_startup(code: str, **environment: str) -> str:
    """What a shell prints that ran the startup file as IPython runs it."""
    (file,) = STARTUP.glob("*.py")
    started = f"names = set(shell.user_ns)\nshell.safe_execfile({str(file)!r}, shell.user_ns)\n"
    return python(SHELL + started + code, **environment)


def test_the_startup_file_makes_the_magic_known_and_leaves_no_name():
    code = 'print(shell.find_cell_magic("fastgen") is not None, set(shell.user_ns) - names)'
    assert shell_after_startup(code) == "True set()\n"


def test_the_startup_file_can_be_switched_off():
    code = 'print(shell.find_cell_magic("fastgen") is not None)'
    assert shell_after_startup(code, FASTGEN_MAGIC="0") == "False\n"


def test_what_is_loaded_already_can_be_loaded_again():
    code = """
for _ in range(2):
    shell.run_line_magic("load_ext", "jupyter_fastgen")
print(len(shell.Completer.custom_matchers))
"""
    assert shell_after_startup(code).endswith("1\n")
