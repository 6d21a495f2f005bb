"""Files that are edited: read as text, and written again with nothing changed but the edit.

In a notebook only the sources of cells that change are written anew: outputs, metadata, and how the
file is laid out stay as they are, byte for byte.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FastgenError
from ..policy import UNSAID, Notebook
from ..protocol import Cell
from .grammars import language_of
from .ipynb import FileCell, read_cells, with_cells, with_source

if TYPE_CHECKING:
    from .sheet import Sheet

MOST_BYTES = 16 << 20
"""Of a file; a longer one is refused."""


class BadSourceError(FastgenError):
    """A file that can't be edited."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can't be edited: {reason}")


@dataclass(frozen=True)
class Source:
    """A text in a file: all of it, or what `cell` of a notebook holds (counted from 0).

    `raw` is all of the file, `cells` those of a notebook. Of a whole notebook the text is that of
    its `sheet`.
    """

    path: Path
    raw: bytes
    text: str
    language: str
    cell: int | None = None
    cells: tuple[FileCell, ...] = ()
    sheet: Sheet | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.path}" if self.cell is None else f"{self.path} cell {self.cell}"

    @property
    def others(self) -> list[str]:
        """The code of a notebook's other cells, where one is edited."""
        if self.cell is None:
            return []
        return [c.text for n, c in enumerate(self.cells) if n != self.cell and c.type == "code"]

    @property
    def notebook(self) -> Notebook:
        """What a notebook's metadata say of us."""
        return Notebook.of(json.loads(self.raw).get("metadata")) if self.cells else UNSAID

    def with_text(self, text: str) -> bytes:
        """The file's bytes with `text` in place of this one."""
        if self.sheet is not None:
            return with_cells(self.raw, self.cells, self.sheet.split(text))
        if self.cell is not None:
            return with_source(self.raw, self.cells[self.cell], text)
        return text.encode()


def read_source(path: Path, cell: int | None = None) -> Source:
    """Read a text file, a notebook, or a `cell` of it (from 0; -1 is the last).

    Raises `BadSourceError` for what is no text, and for a cell that is not there.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadSourceError(path, f"it is longer than {MOST_BYTES >> 20} MiB")
        raw = path.read_bytes()
    except OSError as error:
        raise BadSourceError(path, error.strerror or str(error)) from error
    if b"\0" in raw:
        raise BadSourceError(path, "it is a binary file")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 (byte {error.start}); convert it first"
        raise BadSourceError(path, reason) from error
    if path.suffix.lower() == ".ipynb":
        return _notebook(path, raw, cell)
    if cell is not None:
        raise BadSourceError(path, "it is no notebook, so it has no cells; leave --cell out")
    if not text.strip("\ufeff \t\r\n"):
        raise BadSourceError(path, "it is empty")
    return Source(path, raw, text, language_of(path.name))


def write_source(source: Source, text: str) -> None:
    """Write `text` in place of the source's; the file is always whole. Raises `BadSourceError`."""
    write_bytes(source, source.with_text(text))


def write_bytes(source: Source, raw: bytes) -> None:
    """Write the source's file anew; it is always whole. Raises `BadSourceError`."""
    path = source.path.resolve()
    try:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
            shutil.copymode(path, fresh)
            os.replace(fresh, path)
        except OSError:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadSourceError(source.path, error.strerror or str(error)) from error


def _notebook(path: Path, raw: bytes, cell: int | None) -> Source:
    try:
        cells = tuple(read_cells(raw))
    except ValueError as error:
        reason = "it is no notebook of format 4; open and save it in Jupyter first"
        raise BadSourceError(path, reason) from error
    except LookupError as error:
        raise BadSourceError(path, f"its cell {error} can't be read") from error
    if cell is None:
        return _sheet(path, raw, cells)
    count = len(cells)
    if not -count <= cell < count:
        has = f"cells 0 to {count - 1}" if count else "no cells"
        raise BadSourceError(path, f"it has no cell {cell}: it has {has}")
    cell %= count
    found = cells[cell]
    if not found.text.strip():
        raise BadSourceError(path, f"its cell {cell} is empty")
    return Source(path, raw, found.text, found.language, cell, cells)


def _sheet(path: Path, raw: bytes, cells: tuple[FileCell, ...]) -> Source:
    from .sheet import Sheet

    if not any(cell.text.strip() for cell in cells):
        raise BadSourceError(path, "it is empty")
    language = next((cell.language for cell in cells if cell.type == "code"), "python")
    told = [Cell(str(number), cell.type, cell.text) for number, cell in enumerate(cells)]
    sheet = Sheet(told, language)
    return Source(path, raw, sheet.text, language, None, cells, sheet)
