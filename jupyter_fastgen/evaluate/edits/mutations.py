"""Slips that models make in sparse edits, made on purpose. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...edit.lines import indent
from ...edit.markers import Delete, Keep, keep_marker, read


@dataclass(frozen=True)
class Case:
    """An edit of `old` into `new` by the lines `sparse`; all are bodies of lines.

    `complete` says whether the answer came to its end, `line_end` how lines of the texts end. With
    `loose` blank lines do not count: the answer does not tell where they are.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    sparse: tuple[str, ...]
    language: str
    complete: bool = True
    line_end: str = "\n"
    loose: bool = False


Mutation = Callable[[Case, random.Random], Case]

_WORDINGS = (
    "...",
    "... rest of the code ...",
    "rest of the code remains unchanged",
    "(existing code)",
    "... same as before ...",
    "[... unchanged ...]",
)


def _markers(case: Case, kind: type[Keep] | type[Delete] = Keep) -> list[int]:
    original = {line.strip() for line in case.old}
    return [n for n, line in enumerate(case.sparse) if isinstance(read(line, original), kind)]


def _without(case: Case, numbers: Sequence[int]) -> Case:
    dropped = set(numbers)
    lines = (line for n, line in enumerate(case.sparse) if n not in dropped)
    return replace(case, sparse=tuple(lines))


def _leading(case: Case) -> list[int]:
    return [n for n in _markers(case) if n == 0]


def _trailing(case: Case) -> list[int]:
    return [n for n in _markers(case) if n == len(case.sparse) - 1]


def _no_inner(case: Case, draw: random.Random) -> Case:
    inner = sorted(set(_markers(case)) - {0, len(case.sparse) - 1})
    return _without(case, [draw.choice(inner)]) if inner else case


def _each(case: Case, numbers: Sequence[int], change: Callable[[str], str]) -> Case:
    chosen = set(numbers)
    lines = (change(line) if n in chosen else line for n, line in enumerate(case.sparse))
    return replace(case, sparse=tuple(lines))


def _reworded(case: Case, draw: random.Random) -> Case:
    sign, _, end = keep_marker(case.language).partition("... existing code ...")

    def reword(line: str) -> str:
        return line[: indent(line)] + sign + draw.choice(_WORDINGS) + end

    return _each(case, _markers(case), reword)


def _context(case: Case) -> list[int]:
    known = {line for line in case.old if line.strip()}
    return [n for n, line in enumerate(case.sparse) if line in known]


def _spaced(case: Case, draw: random.Random) -> Case:
    chosen = [n for n in _context(case) if draw.random() < 0.2]
    return _each(case, chosen, lambda line: line + "  ")


def _uncommented(case: Case, _: random.Random) -> Case:
    """Blank lines and comments that stay are left out where they should have been shown."""
    sign = keep_marker(case.language).partition(" ")[0]
    new = Counter(case.new) - Counter(case.old)
    stays = [n for n in _context(case) if case.sparse[n] not in new]
    dropped = [n for n in stays if case.sparse[n].strip().startswith(sign)]
    dropped += [n for n, line in enumerate(case.sparse) if not line.strip()]
    return replace(_without(case, dropped), loose=True) if dropped else case


def _truncated(case: Case, _: random.Random) -> Case:
    return replace(case, sparse=case.sparse[: len(case.sparse) * 7 // 10], complete=False)


def _swapped(case: Case, draw: random.Random) -> Case:
    """Two neighbouring parts between markers change places."""
    keeps = [-1, *_markers(case), len(case.sparse)]
    parts = [(a + 1, b) for a, b in pairwise(keeps) if b > a + 1]
    if len(parts) < 2:
        return case
    at = draw.randrange(len(parts) - 1)
    (first, first_end), (second, second_end) = parts[at], parts[at + 1]
    s = case.sparse
    middle = s[first_end:second]
    lines = (*s[:first], *s[second:second_end], *middle, *s[first:first_end], *s[second_end:])
    return replace(case, sparse=lines)


def _hallucinated(case: Case, draw: random.Random) -> Case:
    """A line beside a marker is one that the original never had."""
    keeps = _markers(case)
    beside = {n - 1 for n in keeps} | {n + 1 for n in keeps}
    context = [n for n in _context(case) if n in beside]
    if not context:
        return case
    return _each(
        case, [draw.choice(context)], lambda line: line[: indent(line)] + "made_up(of, it)"
    )


def _tabbed(case: Case, _: random.Random) -> Case:
    def tab(line: str) -> str:
        spaces = len(line) - len(line.lstrip(" "))
        return "\t" * (spaces // 4) + line[spaces // 4 * 4 :]

    return _each(case, range(len(case.sparse)), tab)


def _indented(case: Case, _: random.Random) -> Case:
    return _each(
        case, range(len(case.sparse)), lambda line: "    " + line if line.strip() else line
    )


def _duplicated(case: Case, draw: random.Random) -> Case:
    """Both texts have a part of the old one twice, around something that the edit shows."""
    shown = {line for n in _context(case) if len((line := case.sparse[n]).strip()) > 3}
    places = [n for n, line in enumerate(case.old) if line in shown]
    if not places or not _trailing(case):
        return case
    at = draw.choice(places)
    again = case.old[max(0, at - 12) : at + 12]
    return replace(case, old=(*case.old, "", *again), new=(*case.new, "", *again))


MUTATIONS: dict[str, Mutation] = {
    "in a code fence": lambda case, _: replace(case, sparse=("```", *case.sparse, "```")),
    "no leading marker": lambda case, _: _without(case, _leading(case)),
    "no trailing marker": lambda case, _: _without(case, _trailing(case)),
    "no outer markers": lambda case, _: _without(case, [*_leading(case), *_trailing(case)]),
    "one inner marker missing": _no_inner,
    "no deletion markers": lambda case, _: _without(case, _markers(case, Delete)),
    "markers reworded": _reworded,
    "markers not indented": lambda case, _: _each(case, _markers(case), str.lstrip),
    "cut off at 70 %": _truncated,
    "spaces behind context": _spaced,
    "comments and blank lines dropped": _uncommented,
    "CRLF": lambda case, _: replace(case, line_end="\r\n"),
    "tabs for spaces": _tabbed,
    "all indented by 4": _indented,
    "duplicate code": _duplicated,
    "parts swapped": _swapped,
    "made-up context": _hallucinated,
}
