"""A block that a sparse edit shows by its first line, a marker, a new line, and its end. Pure.

The new line is what became of one in the block; where more stand behind that, they stay too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rapidfuzz.distance import Indel

from .lines import indent
from .markers import Keep, read
from .safety import SAME


class Nesting:
    """Adds the markers for what stays behind a new line in a block."""

    def __init__(self, original: Sequence[str]) -> None:
        """`original` holds bodies of lines."""
        self._original = original
        self._stripped = frozenset(line.strip() for line in original)
        self._before = ""
        self._header = ""
        self._marker = ""
        self._new: list[str] = []

    def complete(self, line: str) -> Iterator[str]:
        """The next line of the answer, and before it the marker that is missing there."""
        stripped = line.strip()
        if isinstance(read(line, self._stripped), Keep):
            known = self._before.strip() in self._stripped
            opens = known and indent(self._before) < indent(line)
            self._header, self._marker = (self._before, line) if opens else ("", "")
            self._new = []
        elif self._header and stripped in self._stripped:
            if len(self._new) == 1 and indent(line) == indent(self._header):
                block = body_of(self._header, self._original)
                if alike(self._new[0], block[:-1]):
                    yield self._marker
            self._header = ""
        elif stripped:
            self._new.append(line)
        if stripped:
            self._before = line
        yield line


def body_of(header: str, original: Sequence[str]) -> Sequence[str]:
    """The lines of the block that `header` opens, indented deeper; none if it stands twice."""
    places = [at for at, line in enumerate(original) if line.rstrip() == header.rstrip()]
    if len(places) != 1:
        return ()
    start = end = places[0] + 1
    while end < len(original) and (
        not original[end].strip() or indent(original[end]) > indent(header)
    ):
        end += 1
    return original[start:end]


def alike(new: str, lines: Sequence[str]) -> list[str]:
    """Those of `lines` that `new` may be what became of."""
    said = new.strip()
    return [line for line in lines if Indel.normalized_similarity(line.strip(), said) >= SAME]
