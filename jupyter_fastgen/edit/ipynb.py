"""The cells in the bytes of a notebook file, and the bytes with other cells: all else is kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol import CellType
from .grammars import TEXT, grammar, language_of
from .lines import split_lines

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class FileCell:
    """A cell that stands in bytes [start, end) of a file, its source in [source_start, source_end).

    `language` is what its text is written in.
    """

    type: CellType
    text: str
    language: str
    start: int
    end: int
    source_start: int
    source_end: int


def read_cells(raw: bytes) -> list[FileCell]:
    """The cells of a notebook file of format 4; raises `ValueError` if it is none.

    A cell whose source can't be read is a `LookupError` that holds its number.
    """
    try:
        notebook: Any = json.loads(raw)
        cells = notebook["cells"]
        metadata: Any = notebook.get("metadata") or {}
        nodes = _member(_root(raw), b"cells").named_children if cells else []
    except (KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise ValueError("no notebook of format 4") from error
    found: list[FileCell] = []
    for number, (cell, node) in enumerate(zip(cells, nodes, strict=True)):
        try:
            source = _member(node, b"source")
            text = "".join(json.loads(raw[source.start_byte : source.end_byte]))
            text.encode()
            kind: Any = cell["cell_type"]
            language = _language(metadata, kind)
        except (LookupError, TypeError, AttributeError, UnicodeEncodeError) as error:
            raise LookupError(number) from error
        spans = node.start_byte, node.end_byte, source.start_byte, source.end_byte
        found.append(FileCell(kind, text, language, *spans))
    return found


def with_source(raw: bytes, cell: FileCell, text: str) -> bytes:
    """The file with another text in a cell."""
    return raw[: cell.start] + _written(raw, cell, text) + raw[cell.end :]


def with_cells(
    raw: bytes, cells: Sequence[FileCell], wanted: Sequence[tuple[int | None, CellType, str]]
) -> bytes:
    """The file with these cells in this order: each was that number, or is new, and has a text.

    Without any there is one empty cell, as in a new notebook.
    """
    wanted = wanted or [(None, "code", "")]
    first, last = cells[0], cells[-1]
    between = raw[first.end : cells[1].start] if len(cells) > 1 else b","
    if len(cells) == 1:
        opened = raw[: first.start]
        between += opened[len(opened.rstrip()) :]
    found = [
        _new_cell(raw, cells[0], type, text)
        if number is None
        else _written(raw, cells[number], text)
        for number, type, text in wanted
    ]
    return raw[: first.start] + between.join(found) + raw[last.end :]


def _written(raw: bytes, cell: FileCell, text: str) -> bytes:
    """How the file spells a cell, with this text."""
    old = raw[cell.source_start : cell.source_end]
    source = old if text == cell.text else _spelled(old.decode(), text).encode()
    return raw[cell.start : cell.source_start] + source + raw[cell.source_end : cell.end]


def _new_cell(raw: bytes, like: FileCell, type: CellType, text: str) -> bytes:
    """A cell that has not run, laid out as another one is."""
    cell: dict[str, Any] = {"cell_type": type}
    if type == "code":
        cell["execution_count"] = None
    notebook: Any = json.loads(raw)
    if (notebook.get("nbformat") or 4, notebook.get("nbformat_minor") or 0) >= (4, 5):
        cell["id"] = uuid.uuid4().hex[:8]
    cell["metadata"] = {}
    if type == "code":
        cell["outputs"] = []
    cell["source"] = split_lines(text)
    spelled = raw[like.start : like.end].decode()
    if "\n" not in spelled:
        return json.dumps(cell, ensure_ascii=False).encode()
    before = raw[: like.start].decode()
    margin = before[len(before.rstrip(" \t")) :]
    first = spelled.split("\n")[1]
    step = len(first) - len(first.lstrip()) - len(margin)
    lines = json.dumps(cell, ensure_ascii=False, indent=max(step, 1)).split("\n")
    return f"\n{margin}".join(lines).encode()


def _language(metadata: Any, kind: str) -> str:
    if kind != "code":
        return "markdown" if kind == "markdown" else TEXT
    info: Any = metadata.get("language_info") or {}
    kernel: Any = metadata.get("kernelspec") or {}
    return language_of(info.get("name") or kernel.get("language") or "python")


def _root(raw: bytes) -> Node:
    from tree_sitter import Parser

    rules = grammar("json")
    if rules is None:
        raise LookupError("json")
    return Parser(rules).parse(raw).root_node.named_children[0]


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
