"""Whether a change is one of comments and docstrings alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .grammars import grammar
from .lines import split_lines
from .mask import mask, without_header
from .merge import Merge
from .safety import Flag, is_comment
from .syntax import parse_tree

if TYPE_CHECKING:
    from tree_sitter import Node

_TEXT = frozenset({"string", "string_literal"})
"""Nodes that are a docstring where they stand alone."""


def only_comments(merge: Merge, base: str, language: str) -> Merge:
    """`merge` with a flag on each hunk that changes more of `base` than its comments."""
    before = _code(base, language)
    return replace(
        merge,
        hunks=tuple(
            hunk
            if _code(merge.apply(base, [number]), language) == before
            else replace(hunk, flags=hunk.flags | {Flag.BEYOND})
            for number, hunk in enumerate(merge.hunks)
        ),
    )


def _code(text: str, language: str) -> list[bytes]:
    """What a text says without its comments: tokens, or lines where there is no grammar."""
    if language == "python":
        language, text = without_header(text)
    rules = grammar(language)
    source = (mask(text) if language == "python" else text).encode("utf-8", "surrogatepass")
    tree = parse_tree(rules, source) if rules else None
    if tree is None:
        lines = [line.strip() for line in split_lines(text)]
        return [line.encode() for line in lines if line and not is_comment(line)]
    found: list[bytes] = []
    waiting: list[Node] = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type or _is_docstring(node):
            continue
        if node.children:
            waiting += reversed(node.children)
        else:
            found.append(source[node.start_byte : node.end_byte])
    return found


def _is_docstring(node: Node) -> bool:
    if node.type != "expression_statement":
        return False
    return len(node.children) == 1 and node.children[0].type in _TEXT
