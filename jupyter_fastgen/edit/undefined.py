"""Python names that an edit uses, or no longer defines, and that nothing defines then. Pure.

A name is resolved as the interpreter does it, by scopes: a loop's variable in one function is none
in another. What can't be told counts as defined.
"""

from __future__ import annotations

import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..completion import lexer
from ..completion.names import INJECTING, Bound, bound
from ..completion.namespace import Namespace
from ..completion.soundness import is_given
from .checks import culprits
from .lines import split_lines
from .merge import Merge
from .safety import Flag

_WORD = re.compile(r"[^\W\d]\w*")
_OPEN = re.compile(r"\bimport\s*\(?\s*\*|\b(?:exec|globals|locals|vars)\s*\(")
"""Through these any name may be bound."""

_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)


def elsewhere(cells: Iterable[str], namespace: Namespace | None) -> Bound:
    """What the other cells of a notebook and its live kernel define."""
    found = Bound()
    for cell in cells:
        found |= bound(cell)
    if namespace is not None:
        found |= Bound(frozenset(namespace.variables), not namespace.complete)
    return found


def resolved(merge: Merge, base: str, known: Bound) -> Merge:
    """`merge` with flags on the hunks after which Python uses a name that nothing defines.

    `known` is what stands elsewhere; a name that `base` does not define either is left alone.
    """
    if known.open or not (names := _touched(merge, base) - known.names):
        return merge
    before = undefined(base, names)
    if before is None:
        return merge

    def faults(accepted: Sequence[int]) -> frozenset[str]:
        return (undefined(merge.apply(base, accepted), names) or frozenset()) - before

    found = zip(merge.hunks, culprits(len(merge.hunks), faults), strict=True)
    hunks = (
        replace(hunk, flags=hunk.flags | {Flag.UNDEFINED}, undefined=tuple(sorted(names)))
        if names
        else hunk
        for hunk, names in found
    )
    return replace(merge, hunks=tuple(hunks))


def undefined(source: str, names: frozenset[str]) -> frozenset[str] | None:
    """Those of `names` that a text uses and does not define; None where that can't be told."""
    if _OPEN.search(source) or INJECTING.search(source):
        return None
    top = _table(source)
    if top is None and lexer.is_python(source):
        top = _table(lexer.mask(source))
    if top is None:
        return None
    used: set[str] = set()
    defined: set[str] = set()
    for table in _scopes(top):
        for name in names.intersection(table.get_identifiers()):
            symbol = table.lookup(name)
            if symbol.is_assigned() or symbol.is_imported():
                if table is top or symbol.is_declared_global():
                    defined.add(name)
            elif symbol.is_global() and symbol.is_referenced():
                used.add(name)
    return frozenset(used - defined)


def _touched(merge: Merge, base: str) -> frozenset[str]:
    """The names in lines that come or go, where they are not the same in both."""
    lines = split_lines(base)
    found: set[str] = set()
    for hunk in merge.hunks:
        old = _WORD.findall("".join(lines[hunk.start : hunk.end]))
        new = _WORD.findall("\n".join(hunk.new))
        if old != new:
            found.update(old, new)
    return frozenset(name for name in found if not is_given(name))


def _table(source: str) -> symtable.SymbolTable | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in the person's strings
        try:
            return symtable.symtable(source, "", "exec")
        except _ERRORS:
            return None


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
