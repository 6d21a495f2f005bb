"""Which suggestions of one browser were right for the person. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..completion.writing import End
from ..protocol import Outcome
from .watch import Watch

MOST_SHOWN = 64
"""Suggestions whose outcome may yet be told."""

Learn = Callable[[float, bool], None]
"""Told how likely the model took a suggestion to be, and whether it was right for the person."""


@dataclass(frozen=True)
class _Shown:
    """A suggestion of whose first `length` code points the model was so sure, where it told."""

    watch: Watch
    probability: float | None
    length: int


class Outcomes:
    """Brings together what was suggested and what the browser tells of it later."""

    def __init__(self, learn: Learn) -> None:
        self._learn = learn
        self._shown: OrderedDict[int, _Shown] = OrderedDict()

    def expect(self, id: int, watch: Watch, text: str, end: End | None) -> None:
        """Job `id` has shown `text`; `end` is None where it did not come to one."""
        # Of several lines the first is what was judged.
        length = len(text.split("\n", 1)[0]) or len(text)
        judgement = end.judgement if end is not None else None
        self._shown[id] = _Shown(watch, judgement.probability if judgement else None, length)
        if len(self._shown) > MOST_SHOWN:
            self._shown.popitem(last=False)[1].watch.leave()

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Learn of each suggestion once; it was right if its first line was kept whole."""
        for outcome in outcomes:
            if outcome.id in self._shown:
                shown = self._shown.pop(outcome.id)
                shown.watch.settle(outcome.kept)
                if shown.probability is not None:
                    self._learn(shown.probability, outcome.kept >= shown.length)

    def close(self) -> None:
        """Nothing more will be told."""
        while self._shown:
            self._shown.popitem()[1].watch.leave()
