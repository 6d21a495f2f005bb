"""The replay itself, through a real server with a small model; its figures are not judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_fastgen.evaluate.speed.browser import BenchError
from jupyter_fastgen.evaluate.speed.keystrokes import Plan, compare
from jupyter_fastgen.evaluate.speed.server import run_server
from jupyter_fastgen.evaluate.speed.typist import Typist

QUICK = Typist(interval=0.05, pause=0.1)


def notebook(path: Path, *sources: str) -> Path:
    cells = [
        {"id": f"cell{n}", "cell_type": "code", "source": source, "metadata": {}, "outputs": [],
         "execution_count": None} for n, source in enumerate(sources)
    ]  # fmt: skip
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(content))
    return path


def test_typing_is_replayed_and_counted(tmp_path: Path, small_model: Path):
    path = notebook(tmp_path / "n.ipynb", "import math", "def area(r):\n    return math.pi * r")
    found = compare(
        Plan(path, QUICK, 50, options=(f"--FastgenApp.model={small_model}",)), usual=False
    )
    typed = "".join(key.insert for key in found.anchored.keys)
    assert typed == "import mathdef area(r):\n    return math.pi * r"
    summary = found.anchored.summary
    assert summary.keys == len(found.anchored.keys)
    assert summary.requests + summary.typed_through + summary.waiting == summary.keys
    assert summary.requests > 0
    assert summary.cached > 0
    assert summary.decoded > 0
    assert (summary.frame_bytes.worst or 1000) <= 300
    # A key sends its change, at most one request beside it, and one in a rest after it.
    assert all(1 <= key.sent <= 3 for key in found.anchored.keys)


def test_missing_model_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "none"))
    path = notebook(tmp_path / "n.ipynb", "x = 1")
    with pytest.raises(BenchError, match="jupyter fastgen models pull"):
        compare(Plan(path, QUICK, 5), usual=False)


def test_server_that_does_not_start(tmp_path: Path):
    with (
        pytest.raises(BenchError, match="did not start"),
        run_server(options=("--ServerApp.nonsense_dir=1", "--ServerApp.port=nonsense")),
    ):
        pass
