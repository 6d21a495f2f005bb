"""How a program reads, and how easily it is kept: the static factors of RACE. Pure.

J. Zheng et al., "Beyond Correctness: Benchmarking Multi-dimensional Code Generation for Large
Language Models", arXiv:2407.11470, with the definitions of https://github.com/jszheng21/RACE.

RACE puts each factor as a demand into the prompt ("use snake case", "at most 79 characters a
line") and tells how many answers meet it. Here nothing is demanded: what is told is the style that
comes by itself. Names also count where RACE does not look: in `with`, comprehensions, `:=`, and
parameters that are not plain ones.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from importlib import import_module

import msgspec

from ...errors import FastgenError

LINE_LENGTH = 79
FUNCTION_LINES = 40
"""RACE's widest demand on length: characters of a line, and lines of a function."""

_SNAKE_CASE = re.compile(r"_?[a-z0-9]+(_[a-z0-9]+)*")
"""RACE's; `_`, for what is not used, is let through, too."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Style(msgspec.Struct, frozen=True):
    """Of one program.

    `snake_case`: all names of functions and variables are; `short`: no line and no function is
    longer than above; `docstrings`: every function has one. `comments` are comments and docstrings
    for each statement that is no header and no import. `maintainability` is radon's index, 0 to
    100; `functions` is how many there are (RACE's modularity asks for one, two or three).
    """

    snake_case: bool
    short: bool
    docstrings: bool
    comments: float
    maintainability: float
    functions: int


def require_radon() -> None:
    """Raise `FastgenError` where radon is not installed."""
    try:
        import_module("radon.metrics")
    except ImportError as error:
        raise FastgenError(
            "maintainability is measured with radon: run `pip install 'jupyter-fastgen[eval]'`"
        ) from error


def style(code: str) -> Style | None:
    """The style of a program; None if it doesn't parse."""
    try:
        tree = ast.parse(code)
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return None
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, _Function)]
    documented = [node for node in functions if ast.get_docstring(node, clean=False) is not None]
    said = len(documented) + sum(token.type == tokenize.COMMENT for token in tokens)
    docstrings = len(documented) + (ast.get_docstring(tree, clean=False) is not None)
    headers = (*_Function.__args__, ast.ClassDef, ast.Import, ast.ImportFrom)
    statements = sum(isinstance(node, ast.stmt) and not isinstance(node, headers) for node in nodes)
    return Style(
        snake_case=all(map(_is_snake_case, _names(nodes))),
        short=max(map(len, code.split("\n"))) <= LINE_LENGTH
        and all(_lines(node) <= FUNCTION_LINES for node in functions),
        docstrings=len(documented) == len(functions),
        comments=round(said / max(1, statements - docstrings), 3),
        maintainability=round(_maintainability(code), 2),
        functions=len(functions),
    )


def _names(nodes: list[ast.AST]) -> set[str]:
    """Functions, parameters and variables."""
    found = {node.name for node in nodes if isinstance(node, _Function)}
    found |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return found | {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _is_snake_case(name: str) -> bool:
    return name == "_" or _SNAKE_CASE.fullmatch(name) is not None


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _maintainability(code: str) -> float:
    """D. Coleman et al., "Using Metrics to Evaluate Software System Maintainability", as in radon.

    Docstrings count as comments.
    """
    return float(import_module("radon.metrics").mi_visit(code, True))
