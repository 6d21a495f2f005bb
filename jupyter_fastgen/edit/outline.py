"""The lines of a long text that matter for a task, the rest behind markers. Pure.

A view has the lines that are to be changed, where these are known; the headers of blocks, level by
level as long as all of a level are not too many; and the blocks that fit the instruction best, in
full, below the headers of those around them. Headers do not depend on the instruction: so the
prompts for two instructions are the same up to the first block that only one of them shows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..completion.context import guess_tokens
from .lines import indent
from .markers import keep_marker
from .ranking import Passage, ranked

PIECE = 30
"""Lines of a block that is shown whole or not at all; of a longer one its parts are."""

HEADERS = 4
"""Headers take at most the tokens through this."""

HIDDEN = "\0"
"""What stands for a marker where answers are merged: no answer has it."""

_OPEN = (",", "(", "[", "\\")
"""A line that ends so is not the last one of a header."""

_HEADER_LINES = 6


class Block(Protocol):
    """A block of the text, as far as an outline needs it."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    @property
    def start(self) -> int:
        """Its first line."""
        ...

    @property
    def end(self) -> int:
        """The line behind its last."""
        ...

    @property
    def is_container(self) -> bool:
        """Whether it holds definitions."""
        ...

    @property
    def children(self) -> Sequence[Block]:
        """The blocks inside it."""
        ...


@dataclass(frozen=True)
class View:
    """Lines of a text, some of them markers for what is not shown.

    `starts` tells at which line of the text each begins, and at the end how many that has;
    `hidden` are the indices of the markers.
    """

    lines: tuple[str, ...]
    starts: tuple[int, ...]
    hidden: frozenset[int]

    def at(self, line: int) -> int:
        """The index of what shows or hides a line of the text."""
        return bisect_right(self.starts, line) - 1

    @property
    def merged(self) -> str:
        """The text that an answer is merged into: no answer has a line like those for markers."""
        lines = (
            line[: indent(line)] + HIDDEN if n in self.hidden else line
            for n, line in enumerate(self.lines)
        )
        return "".join(line + "\n" for line in lines)


def outline(
    lines: Sequence[str],
    blocks: Sequence[Block],
    language: str,
    instruction: str,
    focus: Sequence[tuple[int, int]],
    tokens: int,
    wanted: Sequence[tuple[int, int]] = (),
) -> View:
    """What to show of `lines`, which are without ends, in at most about so many `tokens`.

    The lines [start, end) of `focus` and the headers around them are shown in any case, those of
    `wanted` before all others, in half of the tokens. Without an instruction only headers are: it
    is what all instructions for the text have in common.
    """
    pieces = [
        piece
        for piece in _pieces(lines, blocks, 0, len(lines), ())
        if any(lines[n].strip() for n in piece.own)
    ]
    page = _Page(lines, language)
    for start, end in focus:
        around = (run for piece in _within(pieces, start, end) for run in piece.around)
        page.show([range(start, end), *around], math.inf)
    for start, end in wanted:
        for piece in _within(pieces, start, end):
            page.show([*piece.around, piece.own], tokens / 2)
    for level in _levels(pieces):
        if not page.show(level, tokens / HEADERS):
            break
    passages = [
        Passage(
            piece.label,
            _text(lines, [piece.header]),
            _text(lines, [piece.own]),
            _text(lines, piece.around),
        )
        for piece in pieces
    ]
    numbers = ranked(passages, instruction)
    if instruction and not numbers:
        numbers = range(len(pieces))
    for n in numbers:
        page.show([*pieces[n].around, pieces[n].own], tokens)
    return page.view()


def _within(pieces: Sequence[_Piece], start: int, end: int) -> list[_Piece]:
    return [p for p in pieces if start < p.own.stop and p.own.start < end]


@dataclass(frozen=True)
class _Piece:
    """Lines that are shown together, below the headers `around`.

    Without a `header` they are what stands between blocks.
    """

    label: str
    header: range
    own: range
    around: tuple[range, ...]


def _pieces(
    lines: Sequence[str], blocks: Sequence[Block], start: int, end: int, around: tuple[range, ...]
) -> Iterator[_Piece]:
    """The lines [start, end) in pieces: blocks, what is in long ones, and what is between them."""
    at = start
    for block in blocks:
        yield from _cut("", range(0), range(at, block.start), around)
        header = _header(lines, block)
        if block.children and (block.is_container or block.end - block.start > PIECE):
            inner = (*around, header)
            yield from _pieces(lines, block.children, block.start, block.end, inner)
        else:
            yield from _cut(block.label, header, range(block.start, block.end), around)
        at = block.end
    yield from _cut("", range(0), range(at, end), around)


def _cut(label: str, header: range, own: range, around: tuple[range, ...]) -> Iterator[_Piece]:
    for first in range(0, len(own), PIECE):
        yield _Piece(label, header, own[first : first + PIECE], around)


def _header(lines: Sequence[str], block: Block) -> range:
    """The lines of a block that say what it is: not the comments and decorators above."""
    above = range(block.start, min(block.end, block.start + PIECE))
    start = next((n for n in above if block.label in " ".join(lines[n].split())), block.start)
    end = start + 1
    while end < min(block.end, start + _HEADER_LINES) and lines[end - 1].rstrip().endswith(_OPEN):
        end += 1
    return range(start, end)


def _levels(pieces: Sequence[_Piece]) -> list[list[range]]:
    """Headers of what is longer than they are, by how many blocks are around them."""
    levels: dict[int, dict[range, None]] = {}
    for piece in pieces:
        own = [piece.header] if len(piece.header) < len(piece.own) else []
        for depth, header in enumerate((*piece.around, *own)):
            if header:
                levels.setdefault(depth, {})[header] = None
    return [list(levels[depth]) for depth in sorted(levels)]


def _text(lines: Sequence[str], runs: Iterable[range]) -> str:
    return "\n".join(lines[n] for run in runs for n in run)


class _Page:
    """Lines that are shown so far, and about how many tokens they and the markers are."""

    def __init__(self, lines: Sequence[str], language: str) -> None:
        self._lines = lines
        self._marker = keep_marker(language)
        self._costs = [guess_tokens(line + "\n") + 1 for line in lines]
        self._shown = bytearray(len(lines))
        self._gap = guess_tokens(self._marker + "\n") + 1
        self._cost = self._gap + self._column(0)

    def show(self, runs: Iterable[range], most: float) -> bool:
        """Show lines, unless the page would then be more than `most` tokens."""
        new = [run for run in runs if not all(self._shown[run.start : run.stop])]
        more = {line for run in new for line in run if not self._shown[line]}
        cost = self._cost + sum(self._costs[n] for n in more)
        cost += sum(self._markers(run) for run in new)
        if cost > most:
            return False
        self._cost = cost
        for line in more:
            self._shown[line] = 1
        return True

    def _markers(self, run: range) -> int:
        """Tokens of markers that come by showing a run, or move to another column."""
        before, behind = run.start - 1, run.stop
        if behind == len(self._lines) or self._shown[behind]:
            return 0
        parted = before >= 0 and not self._shown[before]
        return self._column(behind) + (self._gap if parted else 0)

    def _column(self, at: int) -> int:
        """Tokens of the white space before a marker that hides the line `at` and what follows."""
        behind = (self._lines[n] for n in range(at, len(self._lines)))
        texts = (line for line in behind if line.strip())
        return guess_tokens(" " * indent(next(texts, ""))) + 1

    def view(self) -> View:
        """The page, with markers in the column of what they hide."""
        lines: list[str] = []
        starts: list[int] = []
        hidden: set[int] = set()
        at = 0
        while at < len(self._lines):
            end = at + 1
            while end < len(self._lines) and self._shown[end] == self._shown[at]:
                end += 1
            if self._shown[at] or sum(self._costs[at:end]) <= self._gap:
                lines += self._lines[at:end]
                starts += range(at, end)
            else:
                hidden.add(len(lines))
                first = next((line for line in self._lines[at:end] if line.strip()), "")
                lines.append(first[: indent(first)] + self._marker)
                starts.append(at)
            at = end
        return View(tuple(lines), (*starts, len(self._lines)), frozenset(hidden))
