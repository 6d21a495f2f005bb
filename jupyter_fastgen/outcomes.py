"""Which suggestions of one browser were right for the person. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from .completion.service import End
from .protocol import Outcome

MOST_SHOWN = 64
"""Suggestions whose outcome may yet be told."""

Learn = Callable[[float, bool], None]
"""Told how likely the model took a suggestion to be, and whether it was right for the person."""


class Outcomes:
    """Brings together what was suggested and what the browser tells of it later."""

    def __init__(self, learn: Learn) -> None:
        self._learn = learn
        self._shown: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def expect(self, id: int, text: str, end: End) -> None:
        """Job `id` has suggested `text`, and ended so."""
        if end.judgement and text and end.reason != "held":
            # Of several lines the first is what was judged.
            length = len(text.split("\n", 1)[0]) or len(text)
            self._shown[id] = end.judgement.probability, length
            if len(self._shown) > MOST_SHOWN:
                self._shown.popitem(last=False)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Learn of each suggestion once; it was right if its first line was kept whole."""
        for outcome in outcomes:
            if outcome.id in self._shown:
                probability, length = self._shown.pop(outcome.id)
                self._learn(probability, outcome.kept >= length)
