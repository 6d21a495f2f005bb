"""What a live kernel holds -> comment lines that a model can read. Pure."""

from __future__ import annotations

import re

from ..document import Document
from .context import Budget, comment_mark, guess_tokens
from .namespace import Namespace, Variable

_PLAIN = (
    "int float complex bool str bytes NoneType list tuple dict set frozenset range"
    " module type function method builtin_function_or_method"
    " NULL logical integer double character numeric environment"
    " Nothing Bool Int64 Float64 String Char Symbol Dict Tuple"
)
PLAIN = frozenset(_PLAIN.split())
"""Types that say nothing which the code does not."""

_DEFINED = re.compile(r"^\s*(?:async\s+)?(?:def|class|function|struct)\s+(\w+)", re.MULTILINE)


def describe(namespace: Namespace, document: Document, budget: Budget) -> str:
    """What a live kernel holds and the code does not say, as comment lines; "" if nothing.

    Tables first, then arrays, objects and callables; of each the latest bound, as many as fit
    into 3/16 of the room for the cells (192 of 1,024 tokens). They are written in the order of
    their names, so that a cell which changes one of them leaves the lines before it as they are.
    """
    code = "\n".join(cell.source for cell in document.cells if cell.type == "code")
    defined = set(_DEFINED.findall(code))
    ranked = sorted(
        (pair for pair in ((_rank(v), v) for v in namespace.variables.values()) if pair[0]),
        key=lambda pair: pair[0],
    )
    mark = comment_mark(document.language)
    room = budget.above * 3 // 16
    lines: list[tuple[int, str, str]] = []
    for rank, variable in ranked:
        if variable.name in defined:
            continue
        line = _describe(variable, mark, room)
        room -= guess_tokens(line) + 1
        if room < 0:
            break
        lines.append((rank, variable.name, line))
    return "\n".join(line for _, _, line in sorted(lines))


def _rank(variable: Variable) -> int:
    """1 for what helps most; 0: it is not worth a line."""
    if variable.name.startswith("_"):
        return 0
    if variable.columns:
        return 1
    if variable.shape is not None:
        return 2
    if variable.signature:
        return 4
    return 0 if variable.type in PLAIN else 3


def _describe(variable: Variable, mark: str, room: int) -> str:
    if variable.signature:
        return f"{mark} {variable.name}{variable.signature}"
    line = f"{mark} {variable.name}: {variable.type}"
    if variable.shape is not None:
        line += f" {variable.shape}"
    columns = [f"{name} {dtype}".lstrip() for name, dtype in variable.columns]
    for index, column in enumerate(columns):
        # One wide table leaves room for another.
        if guess_tokens(line) + guess_tokens(column) > max(room // 2, 24):
            return line + ", ..."
        line += (", " if index else " with columns ") + column
    return line
