"""How likely is a suggestion to be right? Told by how sure the model was of its start. Pure.

A logistic model; its constants come from `jupyter fastgen eval gates --fit`. Features of the
place (line start, in a name, after a sign, how much of the line stands) and of the tokens (the
least and the mean probability, the margin to the second best, the entropy) gave nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TOKENS = 6
"""A decision waits for so many tokens, or for the line's end. With three the gate could hold
back only half as much without losing right suggestions."""

EARLY_TOKENS = 2
SURE = -0.3
"""Shown at once: what begins with so many tokens that are together that likely, as a logarithm.
Most suggestions that are right wait no longer."""

FLOOR = -8.0
"""A token less likely than that is as good as impossible."""

THRESHOLD = 0.09
"""Where the gate is on, what is less likely to be right is not shown: the least that makes what is
shown 1.3 times as often right. Right suggestions begin to be lost at 0.1 to 0.18."""

NAMES = ("log-probability so far", "the line has ended")
"""What the features are called."""

INTERCEPT = -0.722
WEIGHTS = (1.087, 2.374)

RATE = 0.05
"""How far one outcome moves the bias, at most."""

MOST_BIAS = 1.5
"""How far a person's habit may move the judgement, in log-odds."""


@dataclass(frozen=True)
class Judgement:
    """What is known of a suggestion: the `features`, as `NAMES` says.

    It could be decided after `waited` tokens; `early`: before the features were known, for the
    model was sure.
    """

    features: tuple[float, ...]
    waited: int
    early: bool = False

    def probability(self, bias: float = 0.0) -> float:
        """How likely the suggestion is to be right, 0 to 1."""
        weighed = (w * value for w, value in zip(WEIGHTS, self.features, strict=True))
        return 1 / (1 + math.exp(-(INTERCEPT + bias + sum(weighed))))


@dataclass
class Habit:
    """What is known of the person: accepts more than others do, or less.

    `bias` is in log-odds, between -`MOST_BIAS` and `MOST_BIAS`; `count` outcomes made it.
    """

    bias: float = 0.0
    count: int = 0

    def learn(self, judgement: Judgement, right: bool) -> None:
        """A suggestion was shown, and was `right` for the person or not."""
        step = RATE * (right - judgement.probability(self.bias))
        self.bias = max(-MOST_BIAS, min(MOST_BIAS, self.bias + step))
        self.count += 1

    def forget(self) -> None:
        """Judge as for a person of whom nothing is known."""
        self.bias, self.count = 0.0, 0


class Judge:
    """Decides on one answer as soon as enough of it is known."""

    def __init__(self, threshold: float, bias: float = 0.0) -> None:
        """Less likely than `threshold` is unsure; 0 lets all pass."""
        self._threshold = threshold
        self._bias = bias
        self._text = ""
        self._logprobs: list[float] = []
        self._is_early = False
        self.judgement: Judgement | None = None
        """None until it is known, and where the engine does not tell enough."""

    def push(self, text: str, logprobs: Sequence[float]) -> None:
        """More of the answer came, and how likely its tokens were."""
        self._text += text
        self._logprobs += logprobs
        if self.judgement is None:
            self._weigh(ended="\n" in self._text.lstrip())

    def finish(self) -> None:
        """The answer is over."""
        if self.judgement is None:
            self._weigh(ended=True)

    @property
    def is_pending(self) -> bool:
        """Whether nothing may be shown yet."""
        knows = self._is_early or self.judgement is not None
        return self._threshold > 0 and bool(self._logprobs) and not knows

    @property
    def doubt(self) -> float | None:
        """How likely a suggestion is that is too unlikely to be shown."""
        if self.judgement is None or self.judgement.early:
            return None
        sure = self.judgement.probability(self._bias)
        return sure if sure < self._threshold else None

    def _weigh(self, ended: bool) -> None:
        known = [max(FLOOR, value) for value in self._logprobs[:TOKENS]]
        if not known:
            return
        first = known[:EARLY_TOKENS]
        self._is_early = len(first) == EARLY_TOKENS and sum(first) >= SURE
        if ended or len(known) == TOKENS:
            waited = EARLY_TOKENS if self._is_early else len(known)
            self.judgement = Judgement((sum(known), float(ended)), waited, self._is_early)
