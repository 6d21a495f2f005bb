"""Hunks on cells as text: applied, shown as a unified diff, written to a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..edit.ipynb import with_cells
from ..edit.lines import body, replaced, split_lines
from ..edit.source import BadSourceError, Source, read_source, write_bytes
from ..protocol import Cell, CellType, Hunk


@dataclass(frozen=True)
class Target:
    """What is to be changed: cells of the kernel, or a file. `name` is what a person calls it."""

    name: str
    cells: list[Cell]
    language: str = "python"
    source: Source | None = None


def of_file(path: str) -> Target:
    """A text file is one cell, a notebook has its own; raises `BadSourceError`."""
    source = read_source(Path(path).expanduser())
    cells = [Cell(str(n), cell.type, cell.text) for n, cell in enumerate(source.cells)]
    return Target(path, cells or [Cell("0", "code", source.text)], source.language, source)


def doubtful(hunks: Iterable[Hunk]) -> list[Hunk]:
    """Those that a person has to look at."""
    return [hunk for hunk in hunks if hunk.reasons]


def sure(hunks: Iterable[Hunk]) -> list[Hunk]:
    """Those that nothing speaks against."""
    return [hunk for hunk in hunks if not hunk.reasons]


def apply(cells: Sequence[Cell], hunks: Sequence[Hunk]) -> list[Cell]:
    """The cells with these hunks taken; a new one has the id "" and stands where it says."""
    changed = {cell.id: cell for cell in cells}
    order = [cell.id for cell in cells]
    fresh: dict[str, Cell] = {}
    for id in order:
        own = [hunk for hunk in hunks if hunk.kind == "lines" and hunk.cell == id]
        cell = changed[id]
        changed[id] = Cell(id, cell.type, _with_lines(cell.source, own))
    for number, hunk in enumerate(hunks):
        if hunk.kind == "remove":
            order.remove(hunk.cell)
        elif hunk.kind == "move":
            order.remove(hunk.cell)
            order.insert(_behind(order, hunk.after), hunk.cell)
        elif hunk.kind == "insert":
            key = f"new {number}"
            fresh[key] = Cell("", hunk.type, "\n".join(hunk.new))
            place = _behind(order, hunk.cell)
            while place < len(order) and order[place] in fresh:
                place += 1  # several behind one cell stand in their order
            order.insert(place, key)
    return [fresh.get(id) or changed[id] for id in order]


def difference(target: Target, cells: Sequence[Cell]) -> str:
    """What became of the target, as a unified diff."""
    before = {cell.id: cell.source for cell in target.cells}
    parts: list[str] = []
    for cell in cells:
        parts.append(_diff(_called(target, cell.id), before.pop(cell.id, ""), cell.source))
    parts += [_diff(_called(target, id), text, "") for id, text in before.items()]
    return "".join(parts)


def write(target: Target, hunks: Sequence[Hunk]) -> None:
    """Write the file with these hunks taken, nothing else in it changed.

    Raises `BadSourceError`, also where it is not any more what the hunks were made for.
    """
    source = target.source
    if source is None:
        raise ValueError(f"{target.name} is no file")
    if read_source(source.path).raw != source.raw:
        raise BadSourceError(source.path, "it has changed meanwhile; ask again")
    cells = apply(target.cells, hunks)
    if source.cells:
        wanted: list[tuple[int | None, CellType, str]] = [
            (int(cell.id) if cell.id else None, cell.type, cell.source) for cell in cells
        ]
        write_bytes(source, with_cells(source.raw, source.cells, wanted))
    else:
        write_bytes(source, source.with_text(cells[0].source))


def lines_of(target: Target, hunk: Hunk) -> list[str]:
    """The lines that a hunk takes away."""
    source = next((cell.source for cell in target.cells if cell.id == hunk.cell), "")
    return [body(line) for line in split_lines(source)[hunk.start : hunk.end]]


def in_words(target: Target, hunk: Hunk) -> str:
    """Where a hunk is, and why it is doubtful."""
    gone = hunk.end - hunk.start
    lines = f"line {hunk.start + 1}" if gone <= 1 else f"lines {hunk.start + 1}-{hunk.end}"
    return f"{_called(target, hunk.cell)}, {lines}: {'; '.join(hunk.reasons)}"


def _with_lines(text: str, hunks: Sequence[Hunk]) -> str:
    ordered = sorted(hunks, key=lambda hunk: hunk.start)
    return replaced(text, [(hunk.start, hunk.end, hunk.new) for hunk in ordered])


def _behind(order: Sequence[str], id: str) -> int:
    return order.index(id) + 1 if id else 0


def _called(target: Target, id: str) -> str:
    if len(target.cells) == 1 and id:
        return target.name
    return f"{target.name} cell {id}" if id else f"{target.name} new cell"


def _diff(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(split_lines(old), split_lines(new), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
