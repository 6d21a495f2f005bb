"""How likely is a suggestion to be right? Told by how sure the model was of its start. Pure.

A logistic model; its constants come from `jupyter fastgen eval fit`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TOKENS = 3
"""A decision waits for so many tokens, or for the line's end."""

FLOOR = -8.0
"""A token less likely than that is as good as impossible."""

THRESHOLD = 0.1
"""What is less likely to be right is not shown."""

NAMES = ("total", "least", "ended", "line start", "in a name", "after a dot", "right of it")
"""What the features are called."""

INTERCEPT = 0.0
WEIGHTS = (0.0,) * len(NAMES)

RATE = 0.05
"""How far one outcome moves the bias, at most."""

MOST_BIAS = 1.0
"""How far a person's habit may move the judgement, in log-odds."""

Features = tuple[float, ...]


def features(before: str, after: str, logprobs: Sequence[float], ended: bool) -> Features:
    """What is known of a suggestion between `before` and `after` on its line, as `NAMES` says.

    `logprobs` are those of its tokens so far; `ended`: its first line has no more.
    """
    known = [max(FLOOR, value) for value in logprobs]
    last = before[-1:]
    return (
        sum(known),
        min(known),
        float(ended),
        float(not before.strip()),
        float(last.isalnum() or last == "_"),
        float(last == "."),
        float(bool(after.strip())),
    )


def probability(found: Features, bias: float = 0.0) -> float:
    """How likely the suggestion with these features is to be right, 0 to 1."""
    weighed = (weight * value for weight, value in zip(WEIGHTS, found, strict=True))
    return 1 / (1 + math.exp(-(INTERCEPT + bias + sum(weighed))))


@dataclass
class Habit:
    """What is known of the person: accepts more than others do, or less.

    `bias` is in log-odds, between -`MOST_BIAS` and `MOST_BIAS`; `count` outcomes made it.
    """

    bias: float = 0.0
    count: int = 0

    def learn(self, found: Features, right: bool) -> None:
        """A suggestion with these features was shown, and was `right` for the person or not."""
        step = RATE * (right - probability(found, self.bias))
        self.bias = max(-MOST_BIAS, min(MOST_BIAS, self.bias + step))
        self.count += 1

    def forget(self) -> None:
        """Judge as for a person of whom nothing is known."""
        self.bias, self.count = 0.0, 0


class Judge:
    """Decides on one answer as soon as enough of it is known."""

    def __init__(self, before: str, after: str, threshold: float, bias: float = 0.0) -> None:
        """`before` and `after` stand on the cursor's line; less than `threshold` is unsure."""
        self._before = before
        self._after = after
        self._threshold = threshold
        self._bias = bias
        self._text = ""
        self._logprobs: list[float] = []
        self._is_told = True
        self.features: Features = ()
        """Empty until they are known, and where the engine does not tell enough."""

    def push(self, text: str, logprobs: Sequence[float]) -> None:
        """More of the answer came, and how likely its tokens were."""
        self._text += text
        if self.features:
            return
        self._logprobs += logprobs
        self._is_told = bool(self._logprobs)
        ended = "\n" in self._text.lstrip()
        if self._is_told and (ended or len(self._logprobs) >= TOKENS):
            self._weigh(ended)

    def finish(self) -> None:
        """The answer is over."""
        if self._logprobs and not self.features:
            self._weigh(ended=True)
        self._is_told = bool(self._logprobs)

    @property
    def is_pending(self) -> bool:
        """Whether nothing may be shown yet."""
        return self._threshold > 0 and self._is_told and not self.features

    @property
    def doubt(self) -> float | None:
        """How likely a suggestion is that is too unlikely to be shown."""
        if not self.features:
            return None
        sure = probability(self.features, self._bias)
        return sure if sure < self._threshold else None

    def _weigh(self, ended: bool) -> None:
        known = self._logprobs[:TOKENS]
        self.features = features(self._before, self._after, known, ended)
