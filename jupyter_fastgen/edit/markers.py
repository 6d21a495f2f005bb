"""Markers: the lines of a sparse edit that stand for code which stays, or which goes. Pure.

One spelling is asked for in each language; what models write instead is understood too. A line
that stands in the original is never a marker.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from .lines import indent


@dataclass(frozen=True)
class Line:
    """A line of text; without its end."""

    text: str


@dataclass(frozen=True)
class Keep:
    """Original lines stay here; `indent` is the marker's own."""

    indent: int


@dataclass(frozen=True)
class Delete:
    """Original lines go here: those from `target` on, a stripped line's start; "" if unnamed."""

    indent: int
    target: str


Item = Line | Keep | Delete

_HASH = ("#", "")
_SLASHES = ("//", "")
_TAGS = ("<!--", "-->")
_COMMENTS = {
    **dict.fromkeys(("c", "cpp", "go", "java", "javascript", "rust", "scss", "tsx"), _SLASHES),
    **dict.fromkeys(("json", "typescript"), _SLASHES),
    **dict.fromkeys(("html", "markdown", "xml"), _TAGS),
    "css": ("/*", "*/"),
    "sql": ("--", ""),
    "latex": ("%", ""),
}
"""How a comment begins and ends; all other languages have `#`."""

_DOTS = r"(?:\.{3,}|…)"
_COMMENTED = re.compile(
    r"(#+|//+|/\*+|--+|<!--+|;+|%+|\{\s*/\*+)?(.*?)(\*+/\s*\}?|--+>)?", re.DOTALL
)
_BEHIND_TEXT = re.compile(
    rf"\s(?:#+|//+|/\*+|--+|<!--+|%+)\s*{_DOTS}\s*[^\W_][^\"'`]*(?:{_DOTS}|\*/|--+>)\s*$"
)
_ONLY_DOTS = re.compile(rf"\W*{_DOTS}\W*")
_DOTS_BEFORE = re.compile(rf"[(\[]?\s*{_DOTS}")
_DOTS_BEHIND = re.compile(rf"{_DOTS}\s*[)\]]?$")
_DELETED = re.compile(r"(?:deleted|removed)(?:\s+(?:block|code|lines?))?\s*:\s*(\S.*)", re.I)
_DELETED_UNNAMED = re.compile(rf"{_DOTS}?\s*(?:deleted|removed)(?:\s+(?:block|code|lines?))?", re.I)

# A marker says that something (first row) is left as it is; without dots nothing else may be said.
_CORE = frozenset(
    [
        "existing",
        "omitted",
        "original",
        "other",
        "previous",
        "remainder",
        "remaining",
        "rest",
        "same",
        "unchanged",
        "unmodified",
    ]
)
_FILLERS = frozenset(
    [
        "a",
        "above",
        "all",
        "and",
        "are",
        "as",
        "before",
        "below",
        "block",
        "body",
        "brevity",
        "cell",
        "class",
        "code",
        "content",
        "contents",
        "definitions",
        "file",
        "for",
        "from",
        "function",
        "functions",
        "goes",
        "here",
        "imports",
        "in",
        "is",
        "it",
        "keep",
        "lines",
        "logic",
        "method",
        "methods",
        "of",
        "other",
        "part",
        "remain",
        "remains",
        "rules",
        "same",
        "section",
        "stay",
        "stays",
        "stylesheet",
        "text",
        "the",
        "this",
        "unchanged",
        "with",
    ]
)


def keep_marker(language: str) -> str:
    """The marker for lines that stay, as the model is asked to write it."""
    return "..." if language == "json" else _comment(language, "... existing code ...")


def nested_marker(language: str) -> str:
    """The same inside of a block, where it is plain what stays: shorter."""
    return "..." if language == "json" else _comment(language, "...")


def delete_marker(language: str, target: str) -> str:
    """The marker for lines that go; `target` is the first of them."""
    return _comment(language, f"deleted: {target.strip()}")


def read(line: str, original: Collection[str], before: str = "") -> Item:
    """What a line of a sparse edit is.

    `original` holds the stripped lines of the original, `before` is the line written before.
    """
    stripped = line.strip()
    if not stripped or stripped in original:
        return Line(line)
    found = _COMMENTED.fullmatch(stripped)
    assert found is not None  # every part of it may be empty
    said = (found[2] or "").strip()
    commented = found[1] is not None
    if _ONLY_DOTS.fullmatch(said):
        # A body of dots is Python's own way to leave a new function empty.
        new_block = before.rstrip().endswith(":") and before.strip() not in original
        return Line(line) if new_block and not commented else Keep(indent(line))
    if (named := _DELETED.fullmatch(said)) and (target := _target(named[1], original)):
        return Delete(indent(line), target)
    dotted = _DOTS_BEFORE.match(said) or (commented and _DOTS_BEHIND.search(said))
    if dotted and commented and _DELETED_UNNAMED.match(said):
        return Delete(indent(line), "")
    return Keep(indent(line)) if _says_unchanged(said, bool(dotted), commented) else Line(line)


def split(line: str, original: Collection[str]) -> list[str]:
    """A line of a sparse edit without the marker behind its text, and that marker, if it has one.

    `original` holds the stripped lines of the original.
    """
    found = _BEHIND_TEXT.search(line)
    if found is None or line.strip() in original or not line[: found.start()].strip():
        return [line]
    marker = " " * indent(line) + found[0].strip()
    is_marker = isinstance(read(marker, original), Keep)
    return [line[: found.start()].rstrip(), marker] if is_marker else [line]


def _says_unchanged(said: str, dotted: bool, commented: bool) -> bool:
    words = re.findall(r"[^\W_]+", said.lower())
    if len(words) < 2 or not _CORE.intersection(words):
        # One word alone may be code: `...rest`.
        return dotted and commented and not _CORE.isdisjoint(words)
    return dotted or (commented and all(word in _CORE or word in _FILLERS for word in words))


def _target(said: str, original: Collection[str]) -> str:
    """The start of an original line that `said` names; "" if there is none."""
    for name in (said, re.sub(rf"\s*{_DOTS}$", "", said)):
        if name in original or any(line.startswith(name) for line in original):
            return name
    return ""


@lru_cache(maxsize=64)
def _comment(language: str, text: str) -> str:
    begin, end = _COMMENTS.get(language, _HASH)
    return f"{begin} {text} {end}".rstrip()
