"""The blocks of a text: definitions, statements, rules, entries and sections, as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from .grammars import grammar
from .labels import header, label_of
from .lines import BOM, indent, split_lines
from .mask import mask, without_header
from .syntax import DEEPEST, Draft, drafts, parse_tree

if TYPE_CHECKING:
    from tree_sitter import Tree

_CONTAINERS = (
    frozenset({"class", "class_definition", "class_declaration", "abstract_class_declaration"})
    | {"class_specifier", "struct_specifier", "interface_declaration", "impl_item", "trait_item"}
    | {"internal_module", "module", "module_definition", "mod_item", "namespace_definition"}
    | {"linkage_specification", "preproc_if", "preproc_ifdef"}
    | {"at_rule", "media_statement", "supports_statement", "element", "section"}
)


@dataclass(frozen=True)
class Block:
    """Lines `start` to `end` (without it; from 0), with the comments and decorators right above.

    `kind` is the grammar's node type, or "paragraph" without a grammar. `is_container` says that
    it holds definitions, as a class or a section does. `hash` is that of its text without white
    space at line ends. Blank lines between blocks belong to what is around them.
    """

    kind: str
    label: str
    start: int
    end: int
    is_container: bool
    children: tuple[Block, ...]
    hash: str


@dataclass(frozen=True)
class _Text:
    """`source` is in UTF-8, `lines` are without ends, `masked` the rows that are not Python."""

    source: bytes
    lines: list[str]
    masked: frozenset[int]


@dataclass(frozen=True)
class _Parsed:
    language: str
    source: bytes
    tree: Tree


@dataclass(frozen=True)
class Forest:
    """Blocks of a text, in order and nested."""

    blocks: tuple[Block, ...]
    has_errors: bool
    parsed: _Parsed | None = field(default=None, repr=False, compare=False)

    def enclosing(self, line: int) -> tuple[Block, ...]:
        """The blocks that hold `line` (from 0), outermost first."""
        found: list[Block] = []
        blocks = self.blocks
        while block := next((block for block in blocks if block.start <= line < block.end), None):
            found.append(block)
            blocks = block.children
        return tuple(found)


def parse(text: str, language: str, old: Forest | None = None) -> Forest:
    """The blocks of `text` in `language` (see `language_of`), however broken it is.

    `old` is the forest of an earlier version: what is the same is not parsed again. Without a
    grammar blocks are found by blank lines and indentation.
    """
    text = text.removeprefix(BOM)
    is_python = language == "python"
    language, read = without_header(text) if is_python else (language, text)
    lines = [line.rstrip() for line in split_lines(text)]
    rules = grammar(language)
    if rules is None:
        return Forest(_by_indent(lines, 0, len(lines), DEEPEST), False)
    source = _encode(read)
    before = old.parsed if old is not None else None
    same = (before.source, before.tree) if before and before.language == language else None
    tree = parse_tree(rules, source, same)
    parsed = _Parsed(language, source, tree) if tree and not tree.root_node.has_error else None
    masked: frozenset[int] = frozenset()
    if parsed is None and is_python and (other := _encode(mask(read))) != source:
        pairs = zip(source.split(b"\n"), other.split(b"\n"), strict=True)
        masked = frozenset(row for row, (one, two) in enumerate(pairs) if one != two)
        source, tree = other, parse_tree(rules, other)
    if tree is None:
        return Forest(_by_indent(lines, 0, len(lines), DEEPEST), True)
    found = drafts(tree.root_node, source)
    blocks = _built(found, _Text(_encode(text), lines, masked))
    return Forest(_filled(blocks, lines), tree.root_node.has_error, parsed)


def _filled(blocks: tuple[Block, ...], lines: list[str]) -> tuple[Block, ...]:
    """`blocks`, and paragraphs in place of what the grammar could not read."""
    filled: list[Block] = []
    at = 0
    for block in blocks:
        filled += [*_by_indent(lines, at, block.start, DEEPEST), block]
        at = block.end
    return (*filled, *_by_indent(lines, at, len(lines), DEEPEST))


def _built(found: list[Draft], text: _Text) -> tuple[Block, ...]:
    """Blocks of drafts, each with what leads it."""
    built: list[Block] = []
    leading: Draft | None = None
    for draft in found:
        start = draft.start
        if leading and leading.end == start and leading.column == draft.column:
            start = leading.start
        elif leading:
            built.append(_block(leading, leading.start, text))
        if draft.leads:
            leading = replace(draft, start=start)
        else:
            leading = None
            built.append(_block(draft, start, text))
    if leading:
        built.append(_block(leading, leading.start, text))
    return tuple(built)


def _block(draft: Draft, start: int, text: _Text) -> Block:
    kind = draft.node.type
    row = draft.node.start_point.row
    is_magic = row in text.masked
    children = _built(draft.inner, text)
    return Block(
        kind,
        header(text.lines[row]) if is_magic else label_of(draft.node, text.source),
        start,
        draft.end,
        bool(children) and kind in _CONTAINERS,
        children,
        _hash(text.lines, start, draft.end),
    )


def _by_indent(lines: list[str], start: int, end: int, deepest: int) -> tuple[Block, ...]:
    """Paragraphs: up to a blank line that is followed by one indented as little as the first."""
    built: list[Block] = []
    for first, behind in _paragraphs(lines, start, end):
        base = min(indent(line) for line in lines[first:behind] if line)
        children: tuple[Block, ...] = ()
        if deepest > 1:
            children = tuple(
                block
                for begin, finish in _deeper(lines, first, behind, base)
                for block in _by_indent(lines, begin, finish, deepest - 1)
            )
        label = header("\n".join(lines[first:behind]))
        digest = _hash(lines, first, behind)
        built.append(Block("paragraph", label, first, behind, False, children, digest))
    return tuple(built)


def _paragraphs(lines: Sequence[str], start: int, end: int) -> list[tuple[int, int]]:
    filled = [at for at in range(start, end) if lines[at]]
    if not filled:
        return []
    base = min(indent(lines[at]) for at in filled)
    found = [(filled[0], filled[0] + 1)]
    for at in filled[1:]:
        first, behind = found[-1]
        if at > behind and indent(lines[at]) <= base:
            found.append((at, at + 1))
        else:
            found[-1] = (first, at + 1)
    return found


def _deeper(lines: Sequence[str], start: int, end: int, base: int) -> list[tuple[int, int]]:
    """Runs of lines that are indented more than `base`, with the blank lines between them."""
    runs: list[tuple[int, int]] = []
    begin = -1
    for at in [*(at for at in range(start, end) if lines[at]), end]:
        inside = at < end and indent(lines[at]) > base
        if inside and begin < 0:
            begin = at
        elif not inside and begin >= 0:
            runs.append((begin, at))
            begin = -1
    return runs


def _hash(lines: Sequence[str], start: int, end: int) -> str:
    digest = blake2b(_encode("\n".join(lines[start:end])), digest_size=8)
    return digest.hexdigest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
