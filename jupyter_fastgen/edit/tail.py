"""What a model writes behind its answer: blank lines without end, and a fence too short. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .fence import FENCE
from .markers import Line, read

MORE_BLANK = 6
"""So many blank lines in a row more than the text has anywhere say nothing more."""


class Tail:
    """Holds back lines that may not belong to a growing answer, until one behind them does.

    The answer's own fence is longer than those of a text that has some, as Markdown does, but
    models close it with the usual one.
    """

    def __init__(self, original: Sequence[str], whole: bool) -> None:
        """`original` holds bodies of lines; `whole` says that the answer has no markers."""
        runs = groupby(original, lambda line: bool(line.strip()))
        blank = (len(list(run)) for is_text, run in runs if not is_text)
        self._most_blank = max(blank, default=0) + MORE_BLANK
        self._texts = [said for line in original if (said := line.strip())]
        self._whole = whole
        self._held: list[str] = []
        self._is_open = False
        self._last = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return len(self._held) - self._texts_held() > self._most_blank

    def add(self, line: str) -> list[str]:
        """The lines that the next one shows to belong to the answer."""
        if not line.strip() or (line.strip() == FENCE and not self._texts_held()):
            self._held.append(line)
            return []
        return [*self._taken(len(self._held)), *self._note([line])]

    def rest(self) -> list[str]:
        """At the end, those of the last lines that belong to the answer."""
        texts = self._texts_held()
        if texts and not self._closes():
            return []
        return self._taken(texts if self.ended else len(self._held))

    def _closes(self) -> bool:
        """Whether the fence that is held closes one of the text, not the answer's own.

        The one that opened it may stand behind a marker.
        """
        if self._whole or self._is_open:
            return self._is_open
        if self._last in self._texts:
            return (self._last, FENCE) in zip(self._texts, self._texts[1:], strict=False)
        return isinstance(read(self._last, frozenset(self._texts)), Line) and not self.ended

    def _texts_held(self) -> int:
        """How many of the lines that are held there are up to the last with text."""
        return max((at + 1 for at, line in enumerate(self._held) if line.strip()), default=0)

    def _taken(self, count: int) -> list[str]:
        lines, self._held = self._held[:count], []
        return self._note(lines)

    def _note(self, lines: list[str]) -> list[str]:
        for said in filter(None, map(str.strip, lines)):
            self._is_open ^= said.startswith(FENCE)
            self._last = said
        return lines
