"""Which of the cells above the cursor say something worth reading, and as what text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz import fuzz

from ..document import Cell

NOTE_CHARS = 400
"""Of the last paragraph of one markdown cell."""

ALIKE = 90.0
"""Similarity (`fuzz.ratio`, 0 to 100) above which the earlier of two cells says nothing more."""

LEAST_LINES = 2
"""Of a cell that may be a version of another: `df.head()` twice costs little and is no mistake."""

LOOKED_BACK = 100
"""Cells that are compared with one another."""

_DEFINED = re.compile(r"^(?:async\s+)?(?:def|class|function|struct)\s+(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^[ \t]*(\w+)[ \t]*(?:=(?!=)|<-)", re.MULTILINE)
_HEADING = re.compile(r"#{1,6}\s+")


def texts(cells: Sequence[Cell], mark: str) -> list[str]:
    """What each of `cells` says, "" where nothing: code as it is, markdown as comments.

    Left out are cells that failed and stand as they were, earlier versions of a cell further
    down, and definitions that were not run where a cell that ran defines the same names.
    `mark` starts a comment line.
    """
    dropped = _dropped(tuple((cell.type, cell.ran, cell.source) for cell in cells))
    return [
        "" if index in dropped else _text(cell.type, cell.source, mark)
        for index, cell in enumerate(cells)
    ]


@lru_cache(maxsize=32)
def _dropped(cells: tuple[tuple[str, str, str], ...]) -> frozenset[int]:
    """Indices of code cells that are left out; `cells` are type, how it ran, and source."""
    code = [(n, ran, source) for n, (kind, ran, source) in enumerate(cells) if kind == "code"]
    failed = {n for n, ran, _ in code if ran == "error"}
    live = {name for _, ran, source in code if ran == "ok" for name in _defined(source)}
    stale = {
        n for n, ran, source in code if ran == "" and (names := _defined(source)) and names <= live
    }
    rest = [(n, source) for n, _, source in code if n not in failed | stale][-LOOKED_BACK:]
    long = [(n, source) for n, source in rest if source.strip().count("\n") + 1 >= LEAST_LINES]
    earlier = {
        n
        for at, (n, source) in enumerate(long)
        if any(_is_version(source, later) for _, later in long[at + 1 :])
    }
    return frozenset(failed | stale | earlier)


def _is_version(one: str, later: str) -> bool:
    """Whether `one` says nothing beyond what a `later` cell says, which is much alike."""
    if not _bound(one) <= _bound(later):
        return False
    return fuzz.ratio(one, later, score_cutoff=ALIKE) > 0


@lru_cache(maxsize=1024)
def _bound(source: str) -> frozenset[str]:
    return frozenset(_ASSIGNED.findall(source)) | _defined(source)


@lru_cache(maxsize=1024)
def _defined(source: str) -> frozenset[str]:
    return frozenset(_DEFINED.findall(source))


@lru_cache(maxsize=4096)
def _text(kind: str, source: str, mark: str) -> str:
    if kind == "code":
        return source.strip("\n").rstrip()
    if kind == "raw":
        return ""
    return "\n".join(f"{mark} {line}".rstrip() for line in _note(source))


def _note(source: str) -> list[str]:
    """The headings of markdown and its last paragraph, which leads to the code below.

    Headings lose their signs: behind a comment's own, the model would write them, too.
    """
    paragraphs = re.split(r"\n[ \t]*\n", source.strip())
    last = paragraphs[-1].strip()[:NOTE_CHARS].splitlines()
    before = "\n".join(paragraphs[:-1]).splitlines()
    lines = [line for line in before if _HEADING.match(line)] + [line for line in last if line]
    return [_HEADING.sub("", line, count=1) if _HEADING.match(line) else line for line in lines]
