"""Sparse edits made from two versions of a text, as an ideal model would write them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from ...edit.blocks import Forest
from ...edit.difference import Change, changes
from ...edit.lines import indent
from ...edit.markers import delete_marker, keep_marker

Granularity = Literal["unique", "definition", "top", "hunk3"]
"""How much is shown around a change: up to a line that is unique in the original; that, and the
whole of the innermost definition; that, and the whole top-level block; or just three lines."""

FARTHEST = 8
"""Lines of context among which a unique one is looked for."""

DEFINITIONS = frozenset(
    [
        "abstract_class_declaration",
        "arrow_function",
        "at_rule",
        "class_declaration",
        "class_definition",
        "class_specifier",
        "decorated_definition",
        "enum_declaration",
        "export_statement",
        "function_declaration",
        "function_definition",
        "interface_declaration",
        "keyframes_statement",
        "lexical_declaration",
        "media_statement",
        "method_definition",
        "namespace_definition",
        "public_field_definition",
        "rule_set",
        "struct_specifier",
        "supports_statement",
        "type_alias_declaration",
    ]
)


def sparse(
    old: Sequence[str], new: Sequence[str], language: str, granularity: Granularity, forest: Forest
) -> list[str]:
    """The lines of a sparse edit that turns `old` into `new`; all are bodies of lines.

    `forest` holds the blocks of `new`.
    """
    found = changes(old, new)
    shown = [False] * len(new)
    for change in found:
        _show(shown, change.new_start, change.new_end)
    changed = tuple(shown)
    counts = Counter(old)
    for change in found:
        for start, end in _blocks(change, forest, granularity):
            _show(shown, start, end)
        for at, step in ((change.new_start - 1, -1), (change.new_end, 1)):
            context = range(at, len(new) if step > 0 else -1, step)
            if granularity == "hunk3":
                for near in context[:3]:
                    shown[near] = True
            else:
                weak = [changed[n] or not _is_anchor(new[n], counts) for n in context]
                _show_context(shown, context, weak)
    return _render(old, new, found, shown, language)


def _blocks(change: Change, forest: Forest, granularity: Granularity) -> Iterator[tuple[int, int]]:
    """Lines [start, end) that are shown for the blocks around a change."""
    around = forest.enclosing(change.new_start)
    if granularity == "top":
        yield from ((block.start, block.end) for block in around[:1])
    elif granularity == "definition":
        named = [block for block in around if block.kind in DEFINITIONS]
        yield from ((block.start, block.start + 1) for block in named)
        yield from ((b.start, b.end) for b in named[-1:] if not b.is_container)


def _show(shown: list[bool], start: int, end: int) -> None:
    shown[start:end] = [True] * (end - start)


def _show_context(shown: list[bool], context: Sequence[int], weak: Sequence[bool]) -> None:
    """Show lines up to the first that is not weak; of a far one not those between."""
    anchor = next((n for n, is_weak in enumerate(weak) if not is_weak), len(context))
    for at in context[: min(anchor + 1, FARTHEST)]:
        shown[at] = True
    if anchor < len(context):
        shown[context[anchor]] = True


def _is_anchor(line: str, counts: Counter[str]) -> bool:
    return counts[line] == 1 and len(line.strip()) > 3 and any(map(str.isalnum, line))


def _render(
    old: Sequence[str],
    new: Sequence[str],
    found: Sequence[Change],
    shown: Sequence[bool],
    language: str,
) -> list[str]:
    deleted = {c.new_start: old[c.old_start : c.old_end] for c in found if c.new_start == c.new_end}
    lines: list[str] = []
    hidden: list[str] = []

    def end_run() -> None:
        texts = [line for line in hidden if line.strip()]
        if len(hidden) > 1 and texts:
            lines.append(texts[0][: indent(texts[0])] + keep_marker(language))
        else:
            lines.extend(hidden)
        hidden.clear()

    for at, line in enumerate([*new, None]):
        target = next((text for text in deleted.get(at, ()) if text.strip()), None)
        if target is not None:
            end_run()
            lines.append(target[: indent(target)] + delete_marker(language, target))
        if line is None or shown[at]:
            end_run()
        if line is not None:
            (lines if shown[at] else hidden).append(line)
    return lines
