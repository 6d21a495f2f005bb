"""Texts that end an answer, wherever the pieces it comes in are cut."""

from __future__ import annotations


class Stops:
    """Cuts an answer at the first of some texts, however it comes in pieces."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.met = False

    def push(self, piece: str) -> str:
        """What may be handed on now; what may be the start of a stop is held."""
        text = self._held + piece
        ends = [end for stop in self._stops if (end := text.find(stop)) >= 0]
        if ends:
            self.met = True
            self._held = ""
            return text[: min(ends)]
        held = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held for nothing, at the answer's end."""
        return self._held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
