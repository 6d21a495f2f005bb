"""Several cells as one text to edit, and the hunks of that text as changes of cells. Pure.

Each cell stands behind a line with its number: `# %% 2`, or `# %% 3 [markdown]`, as in the percent
format of scripts. A header without a known number begins a new cell.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from ..completion.context import comment_mark
from ..protocol import Cell, CellType
from ..protocol import Hunk as CellHunk
from .difference import changes
from .hunks import Hunk
from .ladder import keeping
from .lines import body, replaced, split_lines
from .safety import Flag

ABOUT = (
    "These are cells of a notebook; each begins with a line as `{first}`. A new cell begins with"
    " `{new}`, or with `{new} [markdown]`."
)


@dataclass(frozen=True)
class _Piece:
    """A cell as it may become: `number` is that of the cell it was, None of a new one."""

    number: int | None
    type: CellType
    lines: tuple[str, ...]


class Sheet:
    """Cells, and the text that holds them: one cell stands there as it is."""

    def __init__(self, cells: Sequence[Cell], language: str) -> None:
        self._cells = cells
        mark = comment_mark(language)
        runs = re.compile(rf"^[ \t]*{mark}[ \t]*(%{{2,}})", re.MULTILINE)
        own = (len(found[1]) for cell in cells for found in runs.finditer(cell.source))
        percent = "%" * max(2, 1 + max(own, default=0))
        self._prose = mark + " "
        self._sign = f"{mark} {percent}"
        self._header = re.compile(rf"\s*{mark}\s*{percent}(?!%)\s*(\d{{0,6}})\s*(?:\[(\w+)\])?.*")
        self._heads: list[int] = []
        texts: list[str] = []
        for number, cell in enumerate(cells):
            if len(cells) > 1:
                self._heads.append(len(texts))
                kind = "" if cell.type == "code" else f" [{cell.type}]"
                texts.append(f"{self._sign} {number + 1}{kind}\n")
            texts += [self._shown(line, cell.type) for line in _lines(cell.source)]
            if len(cells) > 1 and not texts[-1].endswith("\n"):
                texts[-1] += "\n"
        self.text = "".join(texts)
        """What is to be edited."""
        self._base = [body(line) for line in split_lines(self.text)]

    @property
    def about(self) -> str:
        """What a model must know to read it; "" of one cell."""
        if not self._heads:
            return ""
        return ABOUT.format(first=f"{self._sign} 1", new=self._sign)

    def at(self, line: int) -> tuple[str, int]:
        """The id of the cell that holds `line` of the text, and the line's number in it."""
        if not self._heads:
            return self._cells[0].id, line
        number = max(0, bisect_right(self._heads, line) - 1)
        return self._cells[number].id, max(0, line - self._heads[number] - 1)

    def is_more_than_code(self, hunk: Hunk) -> bool:
        """Whether a hunk changes which cells there are, or the text of one that is no code."""
        if self._is_structural(hunk):
            return True
        return bool(self._heads) and self._cells[self._number(hunk.start)].type != "code"

    def settled(self, hunks: Sequence[Hunk]) -> list[CellHunk]:
        """Those of `hunks` that stay within a cell: what cells come and go is known at the end."""
        return [self._within(hunk) for hunk in hunks if not self._is_structural(hunk)]

    def final(self, hunks: Sequence[Hunk]) -> list[CellHunk]:
        """All of `hunks` as changes of cells, in the order of the cells."""
        shaken = {
            number
            for hunk in hunks
            if self._is_structural(hunk)
            for number in range(self._number(hunk.start), self._number(hunk.end) + 1)
        }
        # What changes in cells whose headers are touched is told together with that.
        inner = [hunk for hunk in hunks if self._number(hunk.start) not in shaken]
        outer = [hunk for hunk in hunks if self._number(hunk.start) in shaken]
        found = [*self._filled(self.settled(inner)), *self._restructured(outer)]
        order = {cell.id: number for number, cell in enumerate(self._cells)}
        return sorted(found, key=lambda hunk: (order.get(hunk.cell, -1), hunk.start))

    def split(self, text: str) -> list[tuple[int | None, CellType, str]]:
        """Number (None of a new one), type and source of the cells of another text."""
        if not self._heads:
            return [(0, self._cells[0].type, text)]
        new = [body(line) for line in split_lines(text)]
        found = [
            Hunk(c.old_start, c.old_end, tuple(new[c.new_start : c.new_end]))
            for c in changes(self._base, new)
        ]
        return [(piece.number, piece.type, self._source(piece)) for piece in self._pieces(found)]

    def _source(self, piece: _Piece) -> str:
        """The text of a cell as it may become; its lines end as they did."""
        if piece.number is None:
            return "\n".join(piece.lines)
        source = self._cells[piece.number].source
        if not source.strip():
            return "\n".join(_trimmed(list(piece.lines), True))
        old = [body(line) for line in _lines(source)]
        parts = [
            (c.old_start, c.old_end, piece.lines[c.new_start : c.new_end])
            for c in changes(old, piece.lines)
        ]
        return replaced(source, parts) if parts else source

    def _shown(self, line: str, type: CellType) -> str:
        """A line of a cell in the text: prose is a comment there, but not in a cell alone."""
        if type == "code" or len(self._cells) == 1:
            return line
        return self._prose + line if line.strip() else self._prose.rstrip() + line

    def _told(self, line: str, type: CellType) -> str:
        """A line of the text as one of a cell: the other way round."""
        if type == "code" or len(self._cells) == 1:
            return line
        return line.removeprefix(self._prose.rstrip()).removeprefix(" ")

    def _is_structural(self, hunk: Hunk) -> bool:
        if not self._heads:
            return False
        first, behind = (bisect_left(self._heads, n) for n in (hunk.start, hunk.end))
        return first != behind or any(map(self._header.fullmatch, hunk.new))

    def _number(self, place: int) -> int:
        """Which cell a place between lines is in; right before a header it ends a cell."""
        return max(0, bisect_left(self._heads, place) - 1)

    def _within(self, hunk: Hunk) -> CellHunk:
        """A hunk without headers as one of its cell."""
        number = self._number(hunk.start)
        first = self._heads[number] + 1 if self._heads else 0
        cell = self._cells[number]
        return CellHunk(
            cell.id,
            max(0, hunk.start - first),
            max(0, hunk.end - first),
            [self._told(line, cell.type) for line in hunk.new],
            label=hunk.label,
            reasons=_reasons([hunk]),
            other=[self._told(line, cell.type) for line in keeping(hunk, self._base)],
        )

    def _filled(self, hunks: Sequence[CellHunk]) -> Iterator[CellHunk]:
        """`hunks`; the blank line of an empty cell goes when the cell is written."""
        empty = {cell.id for cell in self._cells if not cell.source.strip()}
        for hunk in hunks:
            is_only = hunk.cell in empty and sum(hunk.cell == h.cell for h in hunks) == 1
            yield structs.replace(hunk, start=0, end=1) if is_only and hunk.end < 2 else hunk

    # --- cells that come, go and move ------------------------------------------

    def _restructured(self, hunks: Sequence[Hunk]) -> Iterator[CellHunk]:
        """What hunks that touch headers do together: a cell may go in one and come in another."""
        if not hunks:
            return
        reasons = _reasons(hunks)
        pieces = self._pieces(hunks)
        known = [piece.number for piece in pieces if piece.number is not None]
        settled = set(_rising(known))
        gone = [cell for number, cell in enumerate(self._cells) if number not in known]
        lost = {line.strip() for cell in gone for line in _lines(cell.source) if line.strip()}
        before = ""  # the id of the cell above
        for piece in pieces:
            if piece.number is None:
                lines = list(piece.lines)
                yield CellHunk(before, 0, 0, lines, "insert", piece.type, reasons=reasons)
                continue
            cell = self._cells[piece.number]
            if piece.number not in settled:
                yield CellHunk(cell.id, kind="move", after=before, reasons=reasons)
            for hunk in self._changed(cell, piece, reasons):
                # A header that was forgotten makes two cells one.
                joins = any(line.strip() in lost for line in hunk.new)
                yield structs.replace(hunk, reasons=_with_cell(reasons)) if joins else hunk
            before = cell.id
        for cell in gone:
            why = _with_cell(reasons) if cell.source.strip() else reasons
            yield CellHunk(cell.id, kind="remove", reasons=why)

    def _changed(self, cell: Cell, piece: _Piece, reasons: list[str]) -> Iterator[CellHunk]:
        if not cell.source.strip():
            if new := _trimmed(list(piece.lines), True):
                yield CellHunk(cell.id, 0, 1, new, reasons=reasons)
            return
        old = [body(line) for line in _lines(cell.source)]
        for change in changes(old, piece.lines):
            new = list(piece.lines[change.new_start : change.new_end])
            if any(map(str.strip, (*old[change.old_start : change.old_end], *new))):
                yield CellHunk(cell.id, change.old_start, change.old_end, new, reasons=reasons)

    def _pieces(self, hunks: Sequence[Hunk]) -> list[_Piece]:
        """The cells of the text with `hunks`."""
        heads = set(self._heads)
        lines: list[tuple[str, bool]] = []  # and whether it is a header of the text itself
        at = 0
        for hunk in hunks:
            lines += [(self._base[n], n in heads) for n in range(at, hunk.start)]
            lines += [(line, False) for line in hunk.new]
            at = hunk.end
        lines += [(self._base[n], n in heads) for n in range(at, len(self._base))]
        own = {
            int(found[1]) - 1
            for line, is_own in lines
            if is_own and (found := self._header.fullmatch(line))
        }
        pieces: list[_Piece] = []
        taken: set[int] = set()
        number: int | None = None
        type: CellType = "code"
        text: list[str] = []
        is_open = False

        def end_piece() -> None:
            if is_open or any(line.strip() for line in text):
                told = [self._told(line, type) for line in text]
                pieces.append(_Piece(number, type, tuple(_trimmed(told, number is None))))
            text.clear()

        for line, is_own in lines:
            found = self._header.fullmatch(line)
            if found is None:
                text.append(line)
                continue
            end_piece()
            is_open = True
            wanted = int(found[1]) - 1 if found[1] else None
            is_known = wanted is not None and 0 <= wanted < len(self._cells)
            # A header that stayed is its cell; of others with a known number the first one is.
            is_free = is_own or (wanted not in own and wanted not in taken)
            number = wanted if is_known and is_free else None
            if number is not None:
                taken.add(number)
            type = "markdown" if found[2] == "markdown" else "raw" if found[2] == "raw" else "code"
            if number is not None:
                type = self._cells[number].type
        end_piece()
        return pieces


def _lines(source: str) -> list[str]:
    """The lines of a cell; an empty one has one, too, for there is room to write."""
    return split_lines(source) or [""]


def _trimmed(lines: list[str], is_new: bool) -> list[str]:
    """The lines of a cell; of a new one without blank lines at the ends."""
    if not is_new:
        return lines
    filled = [n for n, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _reasons(hunks: Sequence[Hunk]) -> list[str]:
    return sorted({reason for hunk in hunks for reason in hunk.reasons})


def _with_cell(reasons: list[str]) -> list[str]:
    return sorted({*reasons, Flag.CELL.value})


def _rising(numbers: Sequence[int]) -> list[int]:
    """The longest rising run: the cells that need not move."""
    runs: list[list[int]] = []
    for number in numbers:
        before = [run for run in runs if run[-1] < number]
        runs.append([*max(before, key=len), number] if before else [number])
    return max(runs, key=len) if runs else []
