"""How a sparse edit is indented: small models begin at the margin, wherever a part stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .lines import indent
from .markers import Line, read


class Margin:
    """Shifts each part between markers to where its first line stands in the text."""

    def __init__(self, original: Sequence[str]) -> None:
        """`original` holds bodies of lines."""
        self._exact = {line.rstrip() for line in original}
        self._stripped = frozenset(line.strip() for line in original)
        self._spaces: dict[str, set[str]] = {}
        for line in original:
            self._spaces.setdefault(line.strip(), set()).add(line[: indent(line)])
        self._begins = True
        self._cut = self._put = ""

    def shifted(self, line: str) -> str:
        """The next line of the answer, as it is to be read."""
        if not line.strip():
            return line
        if not isinstance(read(line, self._stripped), Line):
            self._begins = True
            return line
        if self._begins:
            self._begins = False
            self._begin(line)
        moved = self._put + line.removeprefix(self._cut)
        if line.rstrip() in self._exact and moved.rstrip() not in self._exact:
            # Only the first line was not indented as the text is.
            self._cut = self._put = ""
            return line
        return moved if line.startswith(self._cut) else line

    def _begin(self, line: str) -> None:
        spaces = line[: indent(line)]
        places = self._spaces.get(line.strip(), set())
        known = len(places) == 1 and spaces not in places
        self._cut, self._put = (spaces, next(iter(places))) if known else ("", "")
