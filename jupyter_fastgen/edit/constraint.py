"""What a sparse edit may look like, as a grammar for the engine. Pure.

The first line, and every one behind a marker for lines that stay, is an original one: a small model
that is bound to that finds the place of its change, and the merge finds it again. It may be
indented as the model likes: many begin at the margin, and would take another line if they could
not. Only where a marker is nested, right behind such a line and indented, may something new follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.gbnf import anything_but, literal
from .markers import keep_marker, nested_marker

_DOTS = "..."

_RULES = """\
root ::= (keep | chunk keep) (chunk keep)* chunk? fence | chunk fence
chunk ::= {chunk} line*
line ::= [ \\t]* ({line})
keep ::= [ \\t]* {keep} "\\n"
nested ::= [ \\t]+ {nested} "\\n"
border ::= [ \\t]* ({original}) "\\n"
fence ::= {fence}
"""

_CHUNK = "border (nested line)?"

_PLAIN_CHUNK = "border"
"""Where the text has a line that is spelled as a nested marker: it is no marker there."""

_UNORDERED = frozenset(["css", "scss"])
"""Where a new line may stand at the end of its block as well as anywhere in it. There small models
write the line that opens a block, the new one and the end, as if the rest were to go."""

_UNORDERED_RULES = """\
opening ::= [ \\t]* ({opening}) "\\n"
other ::= [ \\t]* ({other}) "\\n"
"""

_UNORDERED_CHUNK = "(opening nested line | other)"
"""So a line that opens a block has a nested marker behind it."""


def sparse(lines: Sequence[str], language: str, fence: str) -> str:
    """The grammar (GBNF) of sparse edits of `lines`, which ends with `fence`.

    Of a long text they may be those that are shown, with markers for the others.
    """
    marker = keep_marker(language)
    texts = sorted({line.strip() for line in lines} - {"", marker})
    opening = [text for text in texts if text.endswith("{")]
    other = [text for text in texts if not text.endswith("{")]
    nests = nested_marker(language) not in texts
    unordered = nests and language in _UNORDERED and bool(opening and other)
    nested = _UNORDERED_CHUNK if unordered else _CHUNK
    rules = _RULES.format(
        chunk=nested if nests else _PLAIN_CHUNK,
        line=anything_but(marker[: marker.index(_DOTS) + len(_DOTS)]),
        keep=literal(marker),
        nested=literal(nested_marker(language)),
        original=_any(texts),
        fence=literal(fence),
    )
    if unordered:
        rules += _UNORDERED_RULES.format(opening=_any(opening), other=_any(other))
    return rules


def _any(texts: Sequence[str]) -> str:
    return " | ".join(map(literal, texts))
