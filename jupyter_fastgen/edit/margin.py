"""How a sparse edit is indented: small models begin at the margin, wherever a part stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .lines import indent
from .markers import Line, read


class Margin:
    """Indents each part between markers as the text is, if its first line is not.

    Lines that the text has tell which of the part's columns is which of the text's.
    """

    def __init__(self, original: Sequence[str]) -> None:
        """`original` holds bodies of lines."""
        self._exact = {line.rstrip() for line in original}
        self._stripped = frozenset(line.strip() for line in original)
        self._spaces: dict[str, set[str]] = {}
        for line in original:
            self._spaces.setdefault(line.strip(), set()).add(line[: indent(line)])
        texts = [line for line in original if line.strip()]
        self._inner = {a.strip(): b[: indent(b)] for a, b in pairwise(texts)}
        self._first: int | None = None
        self._columns: dict[int, str] = {}
        self._opened = ""

    def indented(self, line: str) -> str:
        """The next line of the answer, as it is to be read."""
        stripped, column = line.strip(), indent(line)
        if not stripped:
            return line
        if not isinstance(read(line, self._stripped), Line):
            if self._first is None or column <= self._first:
                self._first = None
                return line
            return self._moved(stripped, column) if self._columns else line  # nested in the part
        places = self._spaces.get(stripped, set())
        known = next(iter(places)) if len(places) == 1 else None
        if self._first is None:
            self._first = column
            self._columns = {}
            if known is not None and len(known) != column:
                self._columns[column] = known
                self._opened = self._inner.get(stripped, "")
        if not self._columns:
            return line
        if (
            len(self._columns) == 1
            and len(self._opened) > len(self._columns[self._first])
            and column > self._first
        ):
            # The first line inside of the block that the part begins with.
            self._columns[column] = self._opened
        if line.rstrip() in self._exact:
            known = line[:column]
        if known is not None:
            self._columns[column] = known
        return self._moved(stripped, column)

    def _moved(self, stripped: str, column: int) -> str:
        """A line of the part at the text's column for its own, or beside the nearest one's."""
        near = max((c for c in self._columns if c <= column), default=min(self._columns))
        steps = [
            (len(self._columns[b]) - len(self._columns[a])) / (b - a)
            for a, b in pairwise(sorted(self._columns))
        ]
        more = round((column - near) * (steps[0] if steps else 1))
        return self._columns[near] + " " * more + stripped
