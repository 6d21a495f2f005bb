"""Where a sparse edit is complete: small models then copy on, to the end of the text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .lines import body, indent
from .markers import Delete, Keep, read

BEHIND = 6
"""Copied lines behind a change after which none will come, if they leave what is indented as the
change is: its block has ended. Who writes one more change behind so many is cut off, and that is
not seen; who only copies costs the time of these lines."""

INSIDE = 16
"""The same, if they do not."""


class Ending:
    """Watches a sparse edit of a text grow, line by line."""

    def __init__(self, original: Sequence[str]) -> None:
        """`original` holds bodies of lines."""
        self._original = [line.rstrip() for line in original]
        self._stripped = frozenset(line.strip() for line in original)
        self._next = 0
        self._before = ""
        self._marked = True
        self._column: int | None = None
        self._copied: list[int] = []

    def reached(self, line: str) -> bool:
        """Add the next line; whether all that follows just stays."""
        line = body(line).rstrip()
        item = read(line, self._stripped, self._before)
        self._before = line
        if isinstance(item, Keep):
            self._marked, self._copied = True, []
        elif isinstance(item, Delete):
            self._change(item.indent)
        elif line:
            self._add(line)
        if self._column is None:
            return False
        left = any(column < self._column for column in self._copied)
        return len(self._copied) >= (BEHIND if left else INSIDE)

    def _add(self, line: str) -> None:
        expected = self._skip_blank(self._next)
        place = self._find(line, expected)
        if place < 0:
            self._change(indent(line))
            return
        if place > expected and not self._marked:
            # What stood between goes, or became the new lines before this one.
            self._change(indent(self._original[expected]))
        self._marked = False
        self._next = place + 1
        self._copied.append(indent(line))

    def _change(self, column: int) -> None:
        self._column = column if self._column is None else min(column, self._column)
        self._copied = []
        self._marked = False

    def _skip_blank(self, place: int) -> int:
        while place < len(self._original) and not self._original[place]:
            place += 1
        return place

    def _find(self, line: str, start: int) -> int:
        """Where `line` stands first from `start` on; -1 if nowhere."""
        try:
            return self._original.index(line, start)
        except ValueError:
            return -1
