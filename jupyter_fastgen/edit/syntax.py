"""Syntax trees, and the nodes in them that are blocks of whole lines. Pure.

A node is a block if its first token begins a line, and only closing brackets, commas, semicolons
and comments follow its last one. That needs no rules for a single language, and a broken text
still has blocks around what is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point, Tree

DEEPEST = 64
"""Blocks nested deeper are part of those around them: who reads a forest may recurse."""

PATIENCE = 1.0
"""Seconds for a tree: recovery from some errors goes round in circles."""

_CHUNK = 1 << 16

_WRAPPERS = {
    "ambient_declaration": "",
    "decorated_definition": "definition",
    "export_statement": "declaration",
    "expression_statement": "",
    "template_declaration": "",
}
"""Nodes known by what they wrap, and the field that holds it; without a field their last child."""

_LISTS = (
    frozenset({"block", "braced_expression", "class_body", "compound_statement"})
    | {"declaration_list", "field_declaration_list", "statement_block", "document", "ERROR"}
    | {"block_mapping", "block_node", "block_sequence"}
)
"""Nodes that only hold blocks and are none."""

_PARTS = (
    frozenset({"start_tag", "end_tag", "jsx_opening_element", "jsx_closing_element"})
    | {"atx_heading", "setext_h1_underline", "setext_h2_underline"}
    | {"function_declarator", "heredoc_end"}
)
"""Parts of the block around them, even on a line of their own."""

_STRINGS = frozenset({"string", "string_literal", "raw_string_literal", "template_string"}) | {
    "block_scalar",
    "fenced_code_block",
    "heredoc_redirect",
    "raw_text",
}
"""What is not looked into."""

_CLOSING = b" \t\r\f,;)]}"


@dataclass
class Draft:
    """Lines `start` to `end` that `node` covers, and what is within. `column` is in bytes."""

    start: int
    end: int
    column: int
    node: Node
    inner: list[Draft] = field(default_factory=list["Draft"])

    @property
    def leads(self) -> bool:
        """Whether it belongs to what follows it."""
        return _is_comment(self.node.type) or self.node.type == "decorator"


def parse_tree(
    language: Language, source: bytes, old: tuple[bytes, Tree] | None = None
) -> Tree | None:
    """The tree of `source` (UTF-8), or None if that takes too long.

    `old` is an earlier source with its tree, free of errors.
    """
    if old is not None:
        tree = _parsed(language, source, _edited(*old, source))
        # Recovery from an error may go another way when it starts from an old tree.
        if tree is not None and not tree.root_node.has_error:
            return tree
    return _parsed(language, source)


def _parsed(language: Language, source: bytes, old: Tree | None = None) -> Tree | None:
    from tree_sitter import Parser

    last = monotonic() + PATIENCE

    def is_late(_offset: int, _has_error: bool) -> bool:
        return monotonic() > last

    def read(at: int, _point: Point) -> bytes:
        return source[at : at + _CHUNK]

    parser = Parser(language)
    try:
        if old is None:
            return parser.parse(read, progress_callback=is_late)
        return parser.parse(read, old, progress_callback=is_late)
    except ValueError:  # that is how it says that it was stopped
        return None


def _edited(before: bytes, tree: Tree, after: bytes) -> Tree:
    """A copy of the tree of `before` that knows what differs in `after`."""
    start = _common(before, after)
    rest = min(len(before), len(after)) - start
    same = _common(before[len(before) - rest :][::-1], after[len(after) - rest :][::-1])
    ends = len(before) - same, len(after) - same
    copy = tree.copy()
    copy.edit(start, *ends, _point(before, start), _point(before, ends[0]), _point(after, ends[1]))
    return copy


def _common(one: bytes, other: bytes) -> int:
    """Length of the longest common prefix, by bisection: slices compare fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(source: bytes, at: int) -> tuple[int, int]:
    return source.count(b"\n", 0, at), at - source.rfind(b"\n", 0, at) - 1


def drafts(root: Node, source: bytes) -> list[Draft]:
    """The blocks in a tree of `source`, in order and nested."""
    rows = source.split(b"\n")
    found, remarks = _candidates(root, rows)
    whole: list[Draft] = []
    for draft, last, column in found:
        # A comment at the line's end is no reason against a block.
        if column == 0 or not rows[last][column : remarks.get(last)].strip(_CLOSING):
            while draft.end > draft.start and _is_blank(rows[draft.end - 1]):
                draft.end -= 1
            if draft.end > draft.start:
                whole.append(draft)
    whole.sort(key=lambda draft: (draft.start, -draft.end))  # stable: what is around comes first
    return _nested(whole)


def _is_blank(row: bytes) -> bool:
    return not row.decode("utf-8", "replace").strip()


def _candidates(
    root: Node, rows: list[bytes]
) -> tuple[list[tuple[Draft, int, int]], dict[int, int]]:
    """Nodes that begin a line, with row and column of their end; columns of comments by row.

    Several nodes that share a line are one draft, as in `a = 1; b = 2`, unless they are parts of
    something with names for them.
    """
    begins = [len(row) - len(row.lstrip()) for row in rows]
    above = list(range(len(rows)))  # row of the comment that ends before what begins a row
    found: list[tuple[Draft, int, int]] = []
    remarks: dict[int, int] = {}
    stack = [root]
    while stack:
        parent = stack.pop()
        lead: tuple[int, Draft] | None = None
        before = -1  # row on which the child before ends
        for index, child in enumerate(parent.children):
            (row, column), (last, end) = child.start_point, child.end_point
            if row == last and column == end:
                continue
            kind = child.type
            if row != before:
                lead = None
            before = last
            is_comment = _is_comment(kind)
            if is_comment and (end == 0 or not rows[last][end:].strip()):
                remarks[row] = column
            node = _unwrapped(child) if kind in _WRAPPERS else child
            holds = _only_holds(child)
            if holds or (row != last and kind not in _STRINGS):
                stack.append(node)
            if not child.is_named:
                if kind not in {",", ";"}:
                    lead = None
            elif holds or kind in _PARTS or _is_keyword(child):
                lead = None
            elif column <= begins[row]:
                draft = Draft(above[row], last + (end > 0), column, node)
                found.append((draft, last, end))
                lead = None if is_comment else (index, draft)
                if is_comment and end:
                    begins[last] = len(rows[last]) - len(rows[last][end:].lstrip())
                    above[last] = above[row]
            elif lead is not None and not is_comment:
                if parent.field_name_for_child(lead[0]) or parent.field_name_for_child(index):
                    lead = None
                else:
                    first = lead[1]
                    draft = Draft(first.start, last + (end > 0), first.column, first.node)
                    found.append((draft, last, end))
    return found, remarks


def _nested(whole: list[Draft]) -> list[Draft]:
    top: list[Draft] = []
    around: list[Draft] = []
    for draft in whole:
        while around and around[-1].end <= draft.start:
            around.pop()
        if around and (
            # Operands and headers begin where the block does that they are part of.
            draft.start == around[-1].start or draft.end > around[-1].end or len(around) == DEEPEST
        ):
            continue
        (around[-1].inner if around else top).append(draft)
        around.append(draft)
    return top


def _unwrapped(node: Node) -> Node:
    while (name := _WRAPPERS.get(node.type)) is not None:
        inner = node.child_by_field_name(name) if name else _last(node)
        if inner is None:
            break
        node = inner
    return node


def _last(node: Node) -> Node | None:
    return node.named_child(node.named_child_count - 1) if node.named_child_count else None


def _only_holds(node: Node) -> bool:
    if node.type != "list":  # what it is depends on the language
        return node.type in _LISTS
    return any(child.type == "list_item" for child in node.named_children[:1])


def _is_keyword(node: Node) -> bool:
    """Whether it is a word that the grammar of SQL has a named node for."""
    return node.type.startswith("keyword_") and not node.child_count


def _is_comment(kind: str) -> bool:
    return kind.endswith("comment")
