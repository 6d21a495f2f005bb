"""The names that Python code binds, found even where the code is broken or unfinished."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from . import lexer

MOST_CHARS = 20_000
"""Of a cell that is looked into; in a larger one any name may be bound."""

INJECTING = re.compile(r"\s*%%?(?:pylab|run|store|cython|sql|R|load|macro|edit)\b")
"""A magic that may bind any name."""

_NAMESPACES = frozenset(("globals", "locals", "vars"))

_CLAUSES = (
    (re.compile(r"elif\b"), "if"),
    (re.compile(r"(?:else|finally|try)\b"), "if _"),
    (re.compile(r"except\b"), "try: pass\nexcept"),
    (re.compile(r"case\b"), "match _:\n case"),
)
"""Statements that stand only behind others, and what makes them stand alone."""

_ENDINGS = ("", "\n  pass", "\n case _: pass", "\ndef _(): pass")
"""What may complete the head of a compound statement, and a decorator."""

_INNER = ("", " _", " else _", " in _", ": _")
"""What may complete what is written so far inside of brackets."""

_CLOSE = {"(": ")", "[": "]", "{": "}"}

_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What the parser raises: for bad code, null characters, too deep nesting."""


@dataclass(frozen=True)
class Bound:
    """The `names` that code binds; `open`: it may bind any other, too."""

    names: frozenset[str] = frozenset()
    open: bool = False

    def __or__(self, other: Bound) -> Bound:
        return Bound(self.names | other.names, self.open or other.open)


@lru_cache(maxsize=1024)
def bound(source: str) -> Bound:
    """What a cell binds, whatever the scope. In broken statements every name that could be."""
    if len(source) > MOST_CHARS:
        return Bound(open=True)
    if not lexer.is_python(source):
        return Bound(open=bool(INJECTING.match(source)))
    found = lexer.tokens(source)
    injected = Bound(open=any(t.kind == "magic" and INJECTING.match(t.text) for t in found))
    tree = _parse(lexer.mask(source, found))
    if tree is not None:
        return injected | _of_tree(tree)
    for statement in lexer.statements(found):
        injected |= bound_by(lexer.source(source, statement))
    return injected


@lru_cache(maxsize=4096)
def bound_by(statement: str) -> Bound:
    """What one statement binds, or the head of a compound one."""
    tree = parse_statement(statement)
    if tree is not None:
        return _of_tree(tree)
    found = lexer.tokens(statement)
    pairs = zip([None, *found], found, [*found[1:], None], strict=False)
    return Bound(
        frozenset(
            token.text
            for before, token, after in pairs
            if token.kind == "name"
            and not (before and before.text == ".")
            and not (after and after.text in ("(", "[", "."))
        )
    )


@lru_cache(maxsize=4096)
def parse_statement(statement: str) -> ast.Module | None:
    """The tree of one statement or the head of a compound one, None where it is wrong.

    Open brackets and triple quotes at the end are no error: the rest is to be written.
    """
    found = lexer.tokens(statement)
    code = lexer.mask(statement, found).strip().rstrip(";")
    last = next((t for t in reversed(found) if t.kind == "string"), None)
    if last is not None and not last.closed and _is_triple(last.text):
        code += last.text.lstrip("rRbBfFuUtT")[:3]
    closers = _closers(found)
    if closers is None:
        return None
    continued = code.endswith("\\")
    code = code.removesuffix("\\")
    heads = [code, *(head.sub(alone, code, 1) for head, alone in _CLAUSES if head.match(code))]
    tails = _ENDINGS
    if closers or continued:
        tails = tuple(f"{inner}\n{closers}{end}" for inner in _INNER for end in ("", ":\n  pass"))
    trees = (_parse(head + tail) for head in heads for tail in tails)
    return next((tree for tree in trees if tree is not None), None)


def _closers(found: list[lexer.Token]) -> str | None:
    """What closes the brackets that are open at the end, None where they do not match."""
    stack: list[str] = []
    for token in found:
        if token.kind != "op":
            continue
        if token.text in _CLOSE:
            stack.append(_CLOSE[token.text])
        elif token.text in _CLOSE.values() and (not stack or stack.pop() != token.text):
            return None
    return "".join(reversed(stack))


def _is_triple(string: str) -> bool:
    return string.lstrip("rRbBfFuUtT")[:3] in ("'''", '"""')


def _parse(code: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in the person's strings
        try:
            return ast.parse(code)
        except _ERRORS:
            return None


def _of_tree(tree: ast.Module) -> Bound:
    names: set[str] = set()
    is_open = False
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
            is_open |= node.name == "*"
        elif isinstance(node, ast.Name):
            is_open |= node.id == "exec"
            if isinstance(node.ctx, ast.Store):
                names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Subscript | ast.Attribute):
            is_open |= _is_namespace(node.value)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        else:
            # Functions, classes, handlers, captures of patterns, type parameters.
            for name in (getattr(node, "name", None), getattr(node, "rest", None)):
                if isinstance(name, str):
                    names.add(name)
    return Bound(frozenset(names), is_open)


def _is_namespace(node: ast.expr) -> bool:
    """Whether it is `globals()` or its like, through which names can be bound."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _NAMESPACES
    )
