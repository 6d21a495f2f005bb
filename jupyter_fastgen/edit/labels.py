"""What people call a block: `def fit`, `.card:hover`, `## Setup`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

LENGTH = 60
"""Longest label, in characters."""

_NAMED = (
    *("_definition", "_declaration", "_specifier", "_signature", "pair"),
    *("_ifdef", "_module", "_item"),
)
"""How the types of nodes end that are called by their name."""

_WORD = re.compile(r"\w")


def label_of(node: Node, source: bytes) -> str:
    """Label of the block that `node` is, from its text in `source` (UTF-8)."""
    kind = node.type
    if kind.endswith(_NAMED) and (name := _name(node)) is not None:
        named = _line(source[node.start_byte : name.end_byte])
        if len(named) <= LENGTH:
            return named
    if kind == "element" and node.named_child_count and (tag := node.named_children[0]):
        return _cut(_line(source[tag.start_byte : tag.end_byte]))
    start = node.start_byte
    text = _text(source[start : node.end_byte][: 8 * LENGTH])
    if not _WORD.search(text):  # the first of several on a line, or only brackets
        text = _text(source[start : start + 8 * LENGTH])
    return header(text, kind == "rule_set")


def header(text: str, listed: bool = False) -> str:
    """First line of `text` that says something; with `listed` also those that a comma joins."""
    found = ""
    for line in text.split("\n"):
        found = f"{found} {line.strip()}"
        if _WORD.search(found) and not (listed and found.endswith(",")):
            break
    found = " ".join(found.split())
    return _cut(found.rstrip(" {([:=,;") or found)


def _name(node: Node) -> Node | None:
    """The node of the name: of a C declaration that of its innermost declarator."""
    if node.type in {"lexical_declaration", "variable_declaration"} and node.named_child_count:
        node = node.named_children[0]
    if node.type == "pair" or node.type == "block_mapping_pair":
        return node.child_by_field_name("key")
    found = node.child_by_field_name("name")
    while found is None and (inner := node.child_by_field_name("declarator")) is not None:
        found, node = inner.child_by_field_name("name"), inner
        if not inner.child_by_field_name("declarator"):
            return inner
    return found


def _line(source: bytes) -> str:
    return " ".join(_text(source).split())


def _text(source: bytes) -> str:
    return source.decode("utf-8", "replace")


def _cut(label: str) -> str:
    return label if len(label) <= LENGTH else label[: LENGTH - 1].rstrip() + "…"
