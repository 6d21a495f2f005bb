"""The code fence that a model puts around its answer, and the prose outside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .markers import Line, read

FENCE = "```"

_RUN = re.compile("`{3,}")


def fence_for(lines: Iterable[str]) -> str:
    """A fence that is longer than any that `lines` have themselves."""
    runs = (found + "`" for line in lines for found in _RUN.findall(line))
    return max(runs, key=len, default=FENCE)


class Fence:
    """Which lines of a growing answer are code: those from `start` on, up to `end`.

    A fence of the answer has only prose on its other side: no original line, and no marker. Fences
    that the original has belong to it, but for one that opens or closes the answer.
    """

    def __init__(self, original: Sequence[str]) -> None:
        stripped = [line.strip() for line in original]
        self._original = frozenset(stripped)
        self._first = next((line for line in stripped if line), "")
        self._count = 0
        self._text_seen = self._code_seen = self._opened = self._inside = False
        self._closed: int | None = None
        self.start = 0

    @property
    def end(self) -> int:
        """The line behind the last one of code so far."""
        return self._count if self._closed is None else self._closed

    def add(self, line: str) -> None:
        """Look at the next line."""
        said = line.strip()
        known = said in self._original
        if line.startswith(FENCE):
            opens = not (self._opened or self._code_seen) and (
                not known or not (self._text_seen or said == self._first)
            )
            if opens:
                self._opened, self.start = True, self._count + 1
            elif said == FENCE and (not known or (self._opened and not self._inside)):
                self._closed = self._count if self._closed is None else self._closed
                self._inside = not self._inside
            else:
                self._code(said != FENCE or not self._inside)
        elif said and (known or not isinstance(read(line, self._original), Line)):
            self._code(self._inside)
        self._text_seen |= said != ""
        self._count += 1

    def is_last_line_of_answer(self, line: str) -> bool:
        """Whether `line`, the last one with text, closes a fence that the answer began with.

        Known only at the end: behind a marker nothing tells whether a fence of the text is open.
        """
        return self._opened and self._closed is None and line.strip() == FENCE

    def _code(self, inside: bool) -> None:
        self._code_seen, self._inside, self._closed = True, inside, None
