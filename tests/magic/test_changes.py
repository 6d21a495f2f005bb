"""Hunks on cells and files, as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_fastgen.edit.source import BadSourceError
from jupyter_fastgen.magic.changes import (
    Target,
    apply,
    difference,
    doubtful,
    in_words,
    lines_of,
    of_file,
    sure,
    write,
)
from jupyter_fastgen.protocol import Cell, Hunk

A = Cell("a", "code", "x = 1\ny = 2\nz = 3")
B = Cell("b", "markdown", "# Title")
TARGET = Target("In [3]", [A])


def sources(cells: list[Cell]) -> list[str]:
    return [cell.source for cell in cells]


def test_lines_change_and_others_stay():
    hunks = [Hunk("a", 0, 1, ["x = 0", "w = 0"]), Hunk("a", 2, 3, [])]
    assert sources(apply([A, B], hunks)) == ["x = 0\nw = 0\ny = 2", "# Title"]
    assert sources(apply([A, B], hunks[::-1])) == ["x = 0\nw = 0\ny = 2", "# Title"]


def test_line_ends_stay_as_they_are():
    cell = Cell("a", "code", "x = 1\r\ny = 2\r\n")
    assert sources(apply([cell], [Hunk("a", 1, 2, ["y = 3", "z = 4"])])) == [
        "x = 1\r\ny = 3\r\nz = 4\r\n"
    ]


def test_cells_come_go_and_move():
    c = Cell("c", "code", "last")
    hunks = [
        Hunk("a", new=["new 1"], kind="insert"),
        Hunk("a", new=["new 2"], kind="insert"),
        Hunk("b", kind="remove"),
        Hunk("c", kind="move", after=""),
        Hunk("", new=["top"], kind="insert", type="markdown"),
    ]
    assert sources(apply([A, B, c], hunks)) == ["top", "last", A.source, "new 1", "new 2"]


def test_a_change_is_told_as_a_diff():
    cells = apply([A], [Hunk("a", 1, 2, ["y = 5"])])
    assert difference(TARGET, cells).splitlines() == [
        "--- In [3]",
        "+++ In [3]",
        "@@ -1,3 +1,3 @@",
        " x = 1",
        "-y = 2",
        "+y = 5",
        " z = 3",
    ]
    assert difference(TARGET, [A]) == ""


def test_what_needs_a_look_is_told_apart():
    fine, odd = Hunk("a", 0, 1, ["x"]), Hunk("a", 1, 3, [], reasons=["it removes much"])
    assert sure([fine, odd]) == [fine]
    assert doubtful([fine, odd]) == [odd]
    assert in_words(TARGET, odd) == "In [3], lines 2-3: it removes much"
    assert lines_of(TARGET, odd) == ["y = 2", "z = 3"]


def test_a_text_file_is_written_with_nothing_else_changed(tmp_path: Path):
    path = tmp_path / "notes.py"
    path.write_bytes(b"x = 1\r\ny = 2\r\n")
    target = of_file(str(path))
    write(target, [Hunk(target.cells[0].id, 1, 2, ["y = 3"])])
    assert path.read_bytes() == b"x = 1\r\ny = 3\r\n"


def test_a_notebook_is_written_with_nothing_else_changed(tmp_path: Path):
    path = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "code", "id": "p", "metadata": {"k": 1}, "outputs": [], "source": "x = 1"},
        {"cell_type": "markdown", "id": "q", "metadata": {}, "source": "# T"},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    target = of_file(str(path))
    write(target, [Hunk("0", 0, 1, ["x = 2"]), Hunk("1", new=["y = 3"], kind="insert")])
    found = json.loads(path.read_bytes())["cells"]
    assert ["".join(cell["source"]) for cell in found] == ["x = 2", "# T", "y = 3"]
    assert found[0]["metadata"] == {"k": 1}


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path):
    path = tmp_path / "notes.py"
    path.write_text("x = 1\n", encoding="utf-8")
    target = of_file(str(path))
    path.write_text("x = 9\n", encoding="utf-8")
    with pytest.raises(BadSourceError, match="ask again"):
        write(target, [Hunk(target.cells[0].id, 0, 1, ["x = 2"])])
    assert path.read_text(encoding="utf-8") == "x = 9\n"


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(BadSourceError, match=r"nowhere\.py"):
        of_file(str(tmp_path / "nowhere.py"))
