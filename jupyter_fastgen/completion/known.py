"""What a live kernel holds -> comment lines that a model can read. Pure."""

from __future__ import annotations

import re

from ..document import Cursor
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

NEAR = 3
"""Code cells above the cursor's that are near it."""

_NAME = re.compile(r"[^\W\d]\w*")
_DEFINED = re.compile(r"^\s*(?:async\s+)?(?:def|class|function|struct)\s+(\w+)", re.MULTILINE)


def describe(namespace: Namespace, cursor: Cursor, budget: Budget) -> str:
    """What a live kernel holds and the code does not say, as comment lines; "" if nothing.

    First what the cursor's cell and the `NEAR` code cells above it use; then tables, arrays,
    objects and callables, of each the latest bound; as many as fit into 3/16 of the room for the
    cells (192 of 1,024 tokens). They are written in the order of their names, so that a cell which
    changes one of them leaves the lines before it as they are.
    """
    code = [cell.source for cell in cursor.document.cells if cell.type == "code"]
    defined = set(_DEFINED.findall("\n".join(code)))
    near = _names_near(cursor)
    told = [v for v in namespace.variables.values() if _rank(v) and v.name not in defined]
    told.sort(key=lambda v: (v.name not in near, _rank(v)))
    mark = comment_mark(cursor.document.language)
    room = budget.above * 3 // 16
    lines: list[tuple[int, str, str]] = []
    tables: dict[frozenset[tuple[str, str]], str] = {}
    for variable in told:
        like = tables.setdefault(frozenset(variable.columns), variable.name)
        line = f"{mark} {_describe(variable, '' if like == variable.name else like, room)}"
        room -= guess_tokens(line) + 1
        if room < 0:
            break
        lines.append((_rank(variable), variable.name, line))
    return "\n".join(line for _, _, line in sorted(lines))


def _names_near(cursor: Cursor) -> set[str]:
    index = cursor.index
    cells = cursor.document.cells
    above = [cell.source for cell in cells[:index] if cell.type == "code" and cell.source.strip()]
    return set(_NAME.findall("\n".join([*above[-NEAR:], cells[index].source])))


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


def _describe(variable: Variable, like: str, room: int) -> str:
    """One variable; `like` names a table told before that has the same columns."""
    if variable.signature:
        return f"{variable.name}{variable.signature}"
    text = f"{variable.name}: {variable.type}"
    if variable.shape is not None:
        text += f" {variable.shape}"
    if not variable.columns:
        return text
    if like:
        return f"{text} with the columns of {like}"
    text += " with columns "
    groups: dict[str, list[str]] = {}
    left = max(room // 2, 24)  # one wide table leaves room for another
    for name, dtype in variable.columns:
        left -= guess_tokens(name) + 1
        if left < 0:
            break
        groups.setdefault(dtype, []).append(name)
    said = [", ".join(names) + f" ({dtype})" * bool(dtype) for dtype, names in groups.items()]
    return text + "; ".join(said) + ", ..." * (left < 0)
