"""Which names a piece of Python binds and uses. Pure.

By the syntax tree where the piece parses, by patterns where it does not: the code at a cursor is
seldom whole. Scopes are ignored: a name bound inside of a function counts as bound.
The gate, which is measured with this, has other code for it: it would find no fault of its own.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from functools import lru_cache

STAR = "*"
"""Among the bound names where anything may be bound: `from m import *`."""

_GIVEN = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "display", "get_ipython"})
"""Known without being bound; the last two come from IPython."""

_STRING_OR_COMMENT = re.compile(
    r"""(?:\b[rbfuRBFU]{1,2})?(?:"{3}.*?(?:"{3}|\Z)|'{3}.*?(?:'{3}|\Z)"""
    r"""|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|#[^\n]*""",
    re.DOTALL,
)
_MAGIC = re.compile(r"^[ \t]*[%!?].*$", re.MULTILINE)
_TARGETS = re.compile(
    r"^[ \t]*([(*]*[^\W\d]\w*(?:[) \t]*,[ \t(*]*[^\W\d]\w*)*)[) \t]*(?::[^=\n]+)?=(?!=)", re.M
)
_DECLARED = re.compile(r"\b(?:def|class|as|for|global|nonlocal)\s+([^\W\d]\w*(?:\s*,\s*\w+)*)")
_IMPORTED = re.compile(r"\bimport\s+([^\n#]+)")
_PARAMETERS = re.compile(r"\bdef\s+\w+\s*\(([^)\n]*)|\blambda\s+([^:\n]*)")
_NAME = re.compile(r"[^\W\d]\w*")
_USED = re.compile(r"(?<![\w.])[^\W\d]\w*(?!\w|\s*=(?!=))")


def without_strings(code: str) -> str:
    """`code` with strings and comments blanked, each character's place kept."""
    return _STRING_OR_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code)


@lru_cache(maxsize=4096)
def bound(code: str) -> frozenset[str]:
    """The names that `code` binds."""
    code = _MAGIC.sub("", code)
    tree = _parse(code)
    if tree is None:
        return _bound_by_pattern(without_strings(code))
    return frozenset(name for node in ast.walk(tree) for name in _binds(node))


def used(line: str) -> frozenset[str]:
    """The names that `line` uses and does not bind, Python's own left out."""
    line = _MAGIC.sub("", line)
    tree = _parse(line.strip()) or _parse(line.strip() + "\n    pass")
    if tree is None:
        plain = without_strings(line)
        found = frozenset(_USED.findall(plain)) - _bound_by_pattern(plain)
    else:
        nodes = list(ast.walk(tree))
        found = frozenset(
            n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        ) - {name for node in nodes for name in _binds(node)}
    return found - _GIVEN


def unresolved(line: str, known: frozenset[str]) -> frozenset[str]:
    """The names that `line` uses and that nothing binds."""
    return frozenset() if STAR in known else used(line) - known


def _parse(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return None


def _binds(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.arg(arg=name):
            return [name]
        case ast.alias(name=name, asname=other):
            return [other or name.split(".")[0]]
        case ast.ExceptHandler(name=str(name)):
            return [name]
        case _:
            return []


def _bound_by_pattern(code: str) -> frozenset[str]:
    """Assignments, what follows a keyword that binds, imports and parameters; strings blanked."""
    found: set[str] = set()
    for pattern in (_TARGETS, _DECLARED):
        for targets in pattern.findall(code):
            found.update(_NAME.findall(targets))
    for parameters in _PARAMETERS.finditer(code):
        for parameter in (parameters.group(1) or parameters.group(2) or "").split(","):
            found.update(_NAME.findall(parameter)[:1])
    for imported in _IMPORTED.findall(code):
        for part in imported.strip("() \t").split(","):
            words = part.split()
            found.update([words[-1].split(".")[0]] if words else [])
    return frozenset(found)
