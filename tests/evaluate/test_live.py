"""Notebooks that really run."""

from __future__ import annotations

import pytest

from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.evaluate import live


def test_what_the_kernel_holds_before_each_cell():
    sources = ["x = 1", "raise ValueError", "# note", "import pandas as pd", "df = pd.DataFrame()"]
    cells = [Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    cells.append(Cell("last", "markdown", "x"))
    turns: list[int] = []
    found = live.namespaces(Document("python", "", 0, cells), lambda: turns.append(1))
    names = [set(held.variables) if held else None for held in found]
    assert names == [set(), {"x"}, {"x"}, {"x"}, {"x", "pd"}, {"x", "pd", "df"}]
    assert len(turns) == len(cells)


def test_a_cell_that_takes_too_long_is_interrupted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "CELL_S", 5.0)
    sources = ["while True: pass", "y = 2", ""]
    cells = [Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    found = live.namespaces(Document("python", "", 0, cells), lambda: None)
    assert found[-1] is not None
    assert set(found[-1].variables) == {"y"}
