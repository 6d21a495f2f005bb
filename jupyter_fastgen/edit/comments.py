"""Whether a change is one of comments and docstrings alone. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .grammars import grammar
from .hunks import Hunk
from .lines import indent, split_lines
from .mask import mask, without_header
from .merge import Merge
from .safety import Flag, is_comment
from .syntax import parse_tree

if TYPE_CHECKING:
    from tree_sitter import Node

_INDENTED = frozenset({"python", "yaml"})
"""Languages in which white space in front says where a line belongs."""

_TEXT = frozenset({"string", "string_literal"})
"""Nodes that are a docstring where they stand alone."""


def only_comments(
    merge: Merge,
    base: str,
    language: str,
    is_more: Callable[[Hunk], bool] = lambda hunk: False,
) -> Merge:
    """`merge` with a flag on each hunk that changes more of `base` than its comments.

    `is_more` knows of others, which no reader of code could tell.
    """
    before = _code(base, language)

    def judged(number: int, hunk: Hunk) -> Hunk:
        if not is_more(hunk) and _code(merge.apply(base, [number]), language) == before:
            return hunk
        return replace(hunk, flags=hunk.flags | {Flag.BEYOND})

    hunks = (judged(number, hunk) for number, hunk in enumerate(merge.hunks))
    return replace(merge, hunks=tuple(hunks))


def _code(text: str, language: str) -> list[str]:
    """What a text says without its comments: tokens, or lines where there is no grammar.

    Where indentation counts, that of a row stands before its first token. What of a cell is not
    Python, as magics, stands as it is.
    """
    own: list[str] = []
    if language == "python":
        language, read = without_header(text)
        read = mask(read) if language == "python" else read
        rows = zip(text.split("\n"), read.split("\n"), strict=True)
        own = [row.rstrip() for row, other in rows if row != other]
        text = read
    rules = grammar(language)
    source = text.encode("utf-8", "surrogatepass")
    tree = parse_tree(rules, source) if rules else None
    if tree is None:
        lines = [line.rstrip() for line in split_lines(text)]
        return [*own, *(line for line in lines if line and not is_comment(line))]
    columns = [indent(line) for line in text.split("\n")]
    found: list[str] = []
    waiting: list[Node] = [tree.root_node]
    row = -1
    while waiting:
        node = waiting.pop()
        if "comment" in node.type or _is_docstring(node):
            continue
        if node.children:
            waiting += reversed(node.children)
            continue
        if language in _INDENTED and node.start_point.row != row:
            row = node.start_point.row
            found.append(str(columns[row]))
        found.append(source[node.start_byte : node.end_byte].decode("utf-8", "replace"))
    return [*own, *found]


def _is_docstring(node: Node) -> bool:
    if node.type != "expression_statement":
        return False
    return len(node.children) == 1 and node.children[0].type in _TEXT
