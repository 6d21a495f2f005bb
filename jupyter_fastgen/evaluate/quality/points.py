"""Cursors in a notebook: a line is taken out from the cursor on, and is what is expected. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...document import Cell, Cursor, Document
from .names import without_strings

Kind = Literal["line start", "after a sign", "in a name", "in a quoted name"]
KINDS: tuple[Kind, ...] = ("line start", "after a sign", "in a name")
QUOTED: Kind = "in a quoted name"
"""Drawn beside the others: of a column, a key or an option the code above may say nothing."""

LEAST_LINE = 5
"""Characters of a line that is worth completing."""

TYPED = (2, 4)
"""Characters of a name that stand before a cursor within it, from and to."""

_SIGN = re.compile(r"[.(\[,]|(?<![=!<>])=(?!=)")
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED_NAME = re.compile(r"""(?<=(["']))[^\W\d]\w*(?=\1)""")


@dataclass(frozen=True)
class Point:
    """A cursor: `cell` is the cell's index, `offset` within it; `expected` the rest of the line."""

    cell: int
    offset: int
    kind: Kind
    expected: str


@dataclass(frozen=True)
class _Line:
    cell: int
    start: int
    text: str


def draw(document: Document, count: int, seed: str) -> list[Point]:
    """Up to `count` cursors of `KINDS` in equal parts, in the order of the notebook.

    For every three of them comes about one more, `QUOTED`. More cursors of the same seed hold the
    fewer ones.
    """
    lines = list(_lines(document))
    found: list[Point] = []
    # Where a notebook gets few, another begins with another kind.
    turn = random.Random(seed).randrange(len(KINDS))
    for number, kind in enumerate((*KINDS[turn:], *KINDS[:turn], QUOTED)):
        random_ = random.Random(f"{seed}:{kind}")
        left = (count + len(KINDS) - 1 - number) // len(KINDS)
        for line in random_.sample(lines, len(lines)):
            places = _places(kind, line.text)
            if left > 0 and places:
                # One of a line: its places are alike.
                place = random_.choice(places)
                found.append(Point(line.cell, line.start + place, kind, line.text[place:]))
                left -= 1
    return sorted(found, key=lambda point: (point.cell, point.offset))


def _lines(document: Document) -> Iterator[_Line]:
    """The lines worth completing: code, no comment, no magic."""
    for index, cell in enumerate(document.cells):
        if cell.type != "code" or cell.source.lstrip().startswith("%%"):
            continue
        start = 0
        for text in cell.source.split("\n"):
            if len(text.strip()) >= LEAST_LINE and text.lstrip()[0] not in "#%!":
                yield _Line(index, start, text)
            start += len(text) + 1


def _places(kind: Kind, line: str) -> list[int]:
    """Where in `line` a cursor of this kind may stand, with text behind it."""
    code = without_strings(line)
    if kind == "line start":
        found = [len(line) - len(line.lstrip())]
    elif kind == "after a sign":
        found = [match.end() for match in _SIGN.finditer(code)]
    else:
        names = _QUOTED_NAME.finditer(line) if kind == QUOTED else _NAME.finditer(code)
        found = [
            match.start() + typed
            for match in names
            for typed in range(TYPED[0], TYPED[1] + 1)
            if typed < len(match.group())
        ]
    return [place for place in found if line[place:].strip()]


def cut(document: Document, point: Point, below: bool) -> Cursor:
    """The cursor at `point`, and the notebook as it is then.

    The line ends at the cursor. Without `below` the notebook does too.
    """
    cell = document.cells[point.cell]
    rest = cell.source[point.offset + len(point.expected) :] if below else ""
    # An id of its own: a notebook's may occur twice.
    cells = [Cell(str(n), c.type, c.source, c.ran) for n, c in enumerate(document.cells)]
    cells[point.cell].source = cell.source[: point.offset] + rest
    cells[point.cell].ran = ""
    if not below:
        del cells[point.cell + 1 :]
    shortened = Document(document.language, document.path, 0, cells)
    return Cursor(shortened, str(point.cell), point.offset)
