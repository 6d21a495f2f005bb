"""What a sparse edit may look like, as a grammar for the engine. Pure.

The first line, and every one behind a marker for lines that stay, is an original one: a small model
that is bound to that finds the place of its change, and the merge finds it again. Only where a
marker is nested, right behind such a line and indented, may something new follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.gbnf import anything_but, literal
from .markers import keep_marker

_DOTS = "..."

_RULES = """\
root ::= (keep | chunk keep) (chunk keep)* chunk? fence | chunk fence
chunk ::= border (nested line)? line*
line ::= [ \\t]* ({line})
keep ::= [ \\t]* {keep} "\\n"
nested ::= [ \\t]+ {keep} "\\n"
border ::= ({original}) "\\n"
fence ::= {fence}
"""


def sparse(lines: Sequence[str], language: str, fence: str) -> str:
    """The grammar (GBNF) of sparse edits of `lines`, which ends with `fence`.

    Of a long text they may be those that are shown, with markers for the others.
    """
    marker = keep_marker(language)
    texts = sorted({line for line in lines if line.strip() not in ("", marker)})
    return _RULES.format(
        line=anything_but(marker[: marker.index(_DOTS) + len(_DOTS)]),
        keep=literal(marker),
        original=" | ".join(map(literal, texts)),
        fence=literal(fence),
    )
