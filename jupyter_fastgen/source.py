"""Files that are edited: read as text, and written again with nothing changed but the edit.

In a notebook only the source of the one cell is written anew: outputs, metadata, and how the file
is laid out stay as they are, byte for byte.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .edit.grammars import TEXT, grammar, language_of
from .edit.lines import split_lines
from .errors import FastgenError

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_BYTES = 16 << 20
"""Of a file; a longer one is refused."""


class BadSourceError(FastgenError):
    """A file that can't be edited."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can't be edited: {reason}")


@dataclass(frozen=True)
class Source:
    """A text in a file: all of it, or what `cell` of a notebook holds (counted from 0).

    The text stands in the bytes [start, end) of `raw`, which is all of the file.
    """

    path: Path
    raw: bytes
    text: str
    language: str
    cell: int | None
    start: int
    end: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.path}" if self.cell is None else f"{self.path} cell {self.cell}"

    def with_text(self, text: str) -> bytes:
        """The file's bytes with `text` in place of this one."""
        if self.cell is None:
            return text.encode()
        spelled = _spelled(self.raw[self.start : self.end].decode(), text)
        return self.raw[: self.start] + spelled.encode() + self.raw[self.end :]


def read_source(path: Path, cell: int | None = None) -> Source:
    """Read a text file, or a `cell` of a notebook (from 0; -1 is the last).

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
    is_notebook = path.suffix.lower() == ".ipynb"
    if is_notebook and cell is not None:
        return _cell(path, raw, cell)
    if is_notebook:
        raise BadSourceError(path, "it is a notebook; say which cell, with --cell")
    if cell is not None:
        raise BadSourceError(path, "it is no notebook, so it has no cells; leave --cell out")
    if not text.strip("\ufeff \t\r\n"):
        raise BadSourceError(path, "it is empty")
    return Source(path, raw, text, language_of(path.name), None, 0, len(raw))


def write_source(source: Source, text: str) -> None:
    """Write `text` in place of the source's; the file is always whole. Raises `BadSourceError`."""
    path = source.path.resolve()
    try:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(source.with_text(text))
            shutil.copymode(path, fresh)
            os.replace(fresh, path)
        except OSError:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadSourceError(source.path, error.strerror or str(error)) from error


def _cell(path: Path, raw: bytes, cell: int) -> Source:
    try:
        notebook: Any = json.loads(raw)
        cells = notebook["cells"]
        count = len(cells)
        kernel = notebook.get("metadata", {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = "it is no notebook of format 4; open and save it in Jupyter first"
        raise BadSourceError(path, reason) from error
    if not -count <= cell < count:
        has = f"cells 0 to {count - 1}" if count else "no cells"
        raise BadSourceError(path, f"it has no cell {cell}: it has {has}")
    cell %= count
    try:
        node = _source_node(raw, cell)
        found = json.loads(raw[node.start_byte : node.end_byte])
        text = "".join(found)
        text.encode()
        language = _cell_language(kernel, cells[cell]["cell_type"])
    except (LookupError, TypeError, AttributeError, UnicodeEncodeError) as error:
        raise BadSourceError(path, f"its cell {cell} can't be read") from error
    if not text.strip():
        raise BadSourceError(path, f"its cell {cell} is empty")
    return Source(path, raw, text, language, cell, node.start_byte, node.end_byte)


def _cell_language(metadata: Any, kind: str) -> str:
    if kind != "code":
        return "markdown" if kind == "markdown" else TEXT
    told = metadata.get("language_info", {}).get("name")
    return language_of(told or metadata.get("kernelspec", {}).get("language") or "python")


def _source_node(raw: bytes, cell: int) -> Node:
    """Where the file spells the source of a cell; raises `LookupError`."""
    from tree_sitter import Parser

    rules = grammar("json")
    if rules is None:
        raise LookupError("json")
    cells = _member(Parser(rules).parse(raw).root_node.named_children[0], b"cells")
    return _member(cells.named_children[cell], b"source")


def _member(node: Node, key: bytes) -> Node:
    """The value of a key in a JSON object; the last one counts, as for every reader."""

    def values() -> Iterator[Node]:
        for pair in node.named_children:
            name, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if name and value and name.text == b'"' + key + b'"':
                yield value

    return [*values()][-1]


def _spelled(old: str, text: str) -> str:
    """`text` as JSON, laid out as `old` is: a string, or a list of lines."""
    found = json.loads(old)
    ascii_only = old.isascii() and not "".join(found).isascii()
    if isinstance(found, str):
        return json.dumps(text, ensure_ascii=ascii_only)
    quoted = [json.dumps(line, ensure_ascii=ascii_only) for line in split_lines(text)]
    inner = old[1:-1]
    before = inner[: len(inner) - len(inner.lstrip())]
    behind = inner[len(inner.rstrip()) :]
    between = "," + (before or " ")
    return "[" + before + between.join(quoted) + behind + "]"
