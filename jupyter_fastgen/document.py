"""The server's copy of an open notebook or file, kept in step by deltas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import protocol
from .policy import UNSAID, Notebook

MAX_CHARS = 16 * 1024 * 1024
"""Characters of one document; past this it is refused rather than held."""


NEW_CELL = ""
"""The id of a cell that is only thought of."""

DELETED_FOR = 30.0
"""Seconds that a deleted text is remembered."""

MOST_DELETED = 16
"""Deleted texts that are remembered at once."""


class OutOfStepError(Exception):
    """A delta does not fit the copy: the browser must send the whole document again."""


@dataclass
class Cell:
    """One cell as it stands now, and how that ran."""

    id: str
    type: protocol.CellType
    source: str
    ran: protocol.Ran = ""


@dataclass
class _Deletion:
    cell: str
    start: int
    text: str
    time: float


class Deletions:
    """What a person deleted a moment ago. Deleting sign by sign adds up to one text."""

    def __init__(self) -> None:
        self._found: list[_Deletion] = []
        self._typed = False

    def note(self, cell: str, start: int, removed: str, inserted: str, now: float) -> None:
        """At `start` of `cell`, `inserted` has replaced `removed`."""
        # A completion that replaces what was typed of a word deletes nothing.
        if removed and not inserted.startswith(removed):
            self._found.append(_Deletion(cell, start, removed, now))
            if not self._typed:
                self._join()
            del self._found[:-MOST_DELETED]
        self._typed = bool(inserted)

    def _join(self) -> None:
        """Make the last two one where the person went on deleting."""
        if len(self._found) < 2:
            return
        last, new = self._found[-2:]
        if last.cell != new.cell or new.time - last.time > DELETED_FOR:
            return
        if new.start + len(new.text) == last.start:  # by Backspace
            text = new.text + last.text
        elif new.start == last.start:  # by Delete
            text = last.text + new.text
        else:
            return
        self._found[-2:] = [_Deletion(new.cell, new.start, text, new.time)]

    def recent(self, cell: str, now: float) -> tuple[str, ...]:
        """The texts deleted in `cell` in the last `DELETED_FOR` seconds.

        What was cut out of another cell may be wanted in this one.
        """
        return tuple(
            found.text
            for found in self._found
            if found.cell == cell and now - found.time <= DELETED_FOR
        )


@dataclass
class Document:
    """Cells in order, at revision `rev`. Offsets are code points, as Python's indices are.

    `kernel`: whether its live kernel may be looked at; `notebook`: what its metadata say of us.
    A delta that raises leaves the copy as it is, but what the browser has is then unknown.
    """

    language: str
    path: str
    rev: int
    cells: list[Cell] = field(default_factory=lambda: [])
    kernel: bool = True
    notebook: Notebook = UNSAID
    deletions: Deletions = field(default_factory=Deletions, compare=False)

    @classmethod
    def opened(cls, message: protocol.Open) -> Document:
        """The document that `message` holds whole; raises `ValueError` if that is too much."""
        document = cls(
            message.language,
            message.path,
            message.rev,
            kernel=message.kernel,
            notebook=message.notebook,
        )
        document.cells = [Cell(c.id, c.type, c.source, c.ran) for c in message.cells]
        document._check_size(0)
        return document

    def change(self, message: protocol.Change, now: float = 0.0) -> None:
        """Apply a delta of one cell; raises `OutOfStepError`, `ValueError` past the limit.

        `now`, in seconds of any clock, is when the person did it.
        """
        self._check_rev(message.rev)
        cell = self.cells[self.index(message.cell)]
        if not 0 <= message.start <= message.end <= len(cell.source):
            raise OutOfStepError(
                f"range {message.start}:{message.end} of {len(cell.source)} characters"
            )
        self._check_size(len(message.text) - (message.end - message.start))
        removed = cell.source[message.start : message.end]
        self.deletions.note(message.cell, message.start, removed, message.text, now)
        cell.source = cell.source[: message.start] + message.text + cell.source[message.end :]
        cell.ran = ""
        self.rev = message.rev

    def splice(self, message: protocol.Splice) -> None:
        """Replace a run of cells; raises `OutOfStepError`, `ValueError` past the limit."""
        self._check_rev(message.rev)
        end = message.index + message.delete
        if not 0 <= message.index <= end <= len(self.cells):
            raise OutOfStepError(f"cells {message.index}:{end} of {len(self.cells)}")
        self._check_size(_size(message.insert) - _size(self.cells[message.index : end]))
        self.cells[message.index : end] = [
            Cell(c.id, c.type, c.source, c.ran) for c in message.insert
        ]
        self.rev = message.rev

    def executed(self, message: protocol.Executed) -> None:
        """A cell has run; raises `OutOfStepError` for an unknown one."""
        self.cells[self.index(message.cell)].ran = "ok" if message.ok else "error"

    def with_new_cell(self, cell: str) -> Document:
        """As this, with an empty code cell `NEW_CELL` behind `cell`; raises `OutOfStepError`."""
        index = self.index(cell) + 1
        cells = [*self.cells[:index], Cell(NEW_CELL, "code", ""), *self.cells[index:]]
        return replace(self, cells=cells)

    def index(self, cell: str) -> int:
        """Where the cell with this id stands; raises `OutOfStepError`."""
        for index, candidate in enumerate(self.cells):
            if candidate.id == cell:
                return index
        raise OutOfStepError(f"no cell {cell!r}")

    def _check_rev(self, rev: int) -> None:
        if rev != self.rev + 1:
            raise OutOfStepError(f"revision {rev} after {self.rev}")

    def _check_size(self, more: int) -> None:
        if _size(self.cells) + more > MAX_CHARS:
            raise ValueError(f"the document has more than {MAX_CHARS:,} characters")


@dataclass(frozen=True)
class Cursor:
    """A place in a document: `offset` code points into the text of `cell`."""

    document: Document
    cell: str
    offset: int

    @property
    def index(self) -> int:
        """Where the cell stands; raises `OutOfStepError`, as the others do, if it does not."""
        return self.document.index(self.cell)

    @property
    def before(self) -> str:
        """The cell's text before it."""
        return self.document.cells[self.index].source[: self.offset]

    @property
    def after(self) -> str:
        """The cell's text behind it."""
        return self.document.cells[self.index].source[self.offset :]


def _size(cells: Sequence[Cell | protocol.Cell]) -> int:
    return sum(len(cell.source) for cell in cells)
