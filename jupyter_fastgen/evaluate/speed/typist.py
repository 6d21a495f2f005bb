"""A typist who types the same text at the same times, in every run.

Pure: it makes the plan, others press the keys.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...document import Cell, Document

PAUSE_AFTER = "\n("
"""Where a person stops to think: on a fresh line, and before an argument."""

# What one key inserts: a character, or a line break with the indentation the editor adds.
_KEY = re.compile(r"\n[ \t]*|.", re.DOTALL)


@dataclass(frozen=True)
class Typist:
    """Seconds between keys, and of the pauses.

    With `spread` above 0 the seconds are log-normal with that sigma around the given
    medians, drawn with `seed`; else they are exact.
    """

    interval: float = 0.15
    pause: float = 0.6
    spread: float = 0.0
    seed: int = 1

    def plan(self, text: str) -> list[Key]:
        """The keys of `text`, each with the second at which it is pressed; the first at 0."""
        draw = random.Random(self.seed)
        keys: list[Key] = []
        at = 0.0
        for insert in split_keys(text):
            rests = insert[0] in PAUSE_AFTER
            keys.append(Key(at, insert, rests))
            median = self.pause if rests else self.interval
            at += median * math.exp(draw.gauss(0.0, self.spread)) if self.spread else median
        return keys


@dataclass(frozen=True)
class Key:
    """One key: when it is pressed, what it inserts, whether the typist then `rests`."""

    at: float
    insert: str
    rests: bool


def split_keys(text: str) -> list[str]:
    """What each key of `text` inserts; a line break brings the next line's indentation along."""
    return _KEY.findall(text)


@dataclass(frozen=True)
class Passage:
    """What is typed into one cell: `text` behind the `kept` head of the cell."""

    cell: str
    kept: str
    text: str


def last_passages(
    document: Document, keys: int, insert: bool = False
) -> tuple[Document, list[Passage]]:
    """Take what about `keys` keys typed last from the code cells of a document.

    With `insert` they are taken from its middle, and the cells below stay as they are. Returns
    the document as it stood before, these code cells shortened and emptied, and the passages
    in the order they are to be typed, `keys` keys or all there are. The first one begins with a
    line break where its cell keeps something.
    """
    cells = [Cell(cell.id, cell.type, cell.source) for cell in document.cells]
    passages: list[Passage] = []
    left = keys
    for cell in reversed(cells[: _middle(cells)] if insert else cells):
        if left <= 0:
            break
        source = cell.source.strip("\n")
        if cell.type != "code" or not source:
            continue
        kept = _kept(source, left)
        passages.insert(0, Passage(cell.id, kept, source[len(kept) :]))
        left -= len(split_keys(passages[0].text))
        cell.source = kept
    if left < 0:
        # A line too many was taken at the start, so as not to begin inside one.
        last = passages[-1]
        text = "".join(split_keys(last.text)[: left or None])
        passages[-1] = Passage(last.cell, last.kept, text)
    return Document(document.language, document.path, 0, cells), passages


def _middle(cells: list[Cell]) -> int:
    """The number of cells that hold the first half of the text, one at least."""
    total = sum(len(cell.source) for cell in cells)
    seen = 0
    for index, cell in enumerate(cells):
        seen += len(cell.source)
        if 2 * seen >= total:
            return index + 1
    return len(cells)


def _kept(source: str, keys: int) -> str:
    """What stands of a cell before the last `keys` keys, to the end of a line."""
    kept = ""
    for end in _line_ends(source):
        if len(split_keys(source[end:])) < keys:
            break
        kept = source[:end]
    return kept


def _line_ends(source: str) -> Iterator[int]:
    return (match.start() for match in re.finditer("\n", source))
