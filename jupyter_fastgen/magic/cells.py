"""The cells that go along with a question: what ran, and what the notebook's file holds."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from ..policy import UNSAID, Notebook
from ..protocol import Cell
from .history import Ran, Recorder, is_ours

MOST_CHARS = 60_000
"""Of the cells that go along with a question: far more than any prompt has room for."""

MOST_BYTES = 20 * 1024 * 1024
"""Of a notebook file that is read; a bigger one is mostly outputs."""


def context(recorder: Recorder, saved: list[Cell], asking: str = "") -> list[Cell]:
    """The code that is there, for a question of the cell with the id `asking`.

    Those of `saved`, the notebook's file, above that one in its order, each as it last
    ran; before them what else ran. At most `MOST_CHARS`: the last ones.
    """
    runs = {ran.id or f"In [{ran.number}]": ran for ran in recorder.cells}
    ids = [cell.id for cell in saved]
    above = saved[: ids.index(asking)] if asking in ids else saved
    shown = {cell.id for cell in above}
    cells = [_cell(key, ran) for key, ran in runs.items() if key not in shown]
    cells += [_cell(cell.id, runs[cell.id]) if cell.id in runs else cell for cell in above]
    room = MOST_CHARS
    kept: list[Cell] = []
    for cell in reversed([cell for cell in cells if not is_ours(cell.source)]):
        room -= len(cell.source)
        if room < 0:
            break
        kept.append(cell)
    return kept[::-1]


def saved_cells(gone: dict[str, float]) -> list[Cell]:
    """The cells of the notebook's file, if the server says which it is and it can be read.

    Of notes the headings. Those are left out that are `gone` since a time after it was saved; one
    that it has later is there again, and taken out of `gone`.
    """
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))
    try:
        if path.suffix != ".ipynb" or path.stat().st_size > MOST_BYTES:
            return []
        saved = path.stat().st_mtime
        cells: list[Any] = json.loads(path.read_bytes())["cells"]
        found = [
            Cell(str(cell.get("id", number)), cell["cell_type"], "".join(cell["source"]))
            for number, cell in enumerate(cells)
            if cell["cell_type"] in ("code", "markdown")
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []  # there may be no such file: a name, or a path on another machine
    for cell in found:
        if saved > gone.get(cell.id, math.inf):
            del gone[cell.id]
    found = [cell for cell in found if cell.id not in gone]
    told = [cell if cell.type == "code" else _headings(cell) for cell in found]
    return [cell for cell in told if cell.source.strip()]


def saved_notebook() -> Notebook:
    """What the metadata of the notebook's file say of us."""
    try:
        path = Path(os.environ.get("JPY_SESSION_NAME", ""))
        if path.suffix != ".ipynb" or path.stat().st_size > MOST_BYTES:
            return UNSAID
        return Notebook.of(json.loads(path.read_bytes())["metadata"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return UNSAID


def kernel_id() -> str:
    """By which a Jupyter server knows this kernel; "" for one that no server started."""
    if "ipykernel" not in sys.modules:
        return ""  # to import it here would change what others of the process see
    try:
        from ipykernel.connect import get_connection_file

        name = Path(get_connection_file()).stem
    except (ImportError, RuntimeError, OSError):
        return ""
    return name.removeprefix("kernel-") if name.startswith("kernel-") else ""


def _headings(cell: Cell) -> Cell:
    lines = [line for line in cell.source.splitlines() if line.startswith("#")]
    return Cell(cell.id, cell.type, "\n".join(lines))


def _cell(id: str, ran: Ran) -> Cell:
    return Cell(id, "code", ran.source, "ok" if ran.ok else "error")
