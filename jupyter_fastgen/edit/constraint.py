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
chunk ::= border (nested line)? line*
line ::= [ \\t]* ({line})
keep ::= [ \\t]* {keep} "\\n"
nested ::= [ \\t]+ {nested} "\\n"
border ::= [ \\t]* ({original}) "\\n"
fence ::= {fence}
"""


def sparse(lines: Sequence[str], language: str, fence: str) -> str:
    """The grammar (GBNF) of sparse edits of `lines`, which ends with `fence`."""
    texts = sorted({line.strip() for line in lines} - {""})
    marker = keep_marker(language)
    return _RULES.format(
        line=anything_but(marker[: marker.index(_DOTS) + len(_DOTS)]),
        keep=literal(marker),
        nested=literal(nested_marker(language)),
        original=" | ".join(map(literal, texts)),
        fence=literal(fence),
    )
