"""Where does a suggestion become a guess? Told by how sure the model was of each token. Pure.

A suggestion ends before the token that makes its line less likely than a threshold. So nothing
waits for a decision, what the model knows is shown, and what it would only guess is not decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FLOOR = -8.0
"""A token less likely than that is as good as impossible."""

THRESHOLD = 0.4
"""Chosen from the curve in `docs/quality.md`."""

LENIENT = 1 / 3
"""Of the threshold: for a line's first token, which is one of several good ones more often than
those behind it; and for a block, which is read as an idea, not as what one is about to type."""

LIKELY = 0.4
"""Of what is left of a suggestion: less likely, it is taken too seldom to write what follows."""

RATE = 0.05
"""How far one outcome moves the bias, at most."""

MOST_BIAS = 1.5
"""How far a person's habit may move the judgement, in log-odds."""


class Line:
    """How likely a line is that grows token by token; whether it is part of a block."""

    def __init__(self, is_block: bool) -> None:
        self._is_block = is_block
        self._first: float | None = None
        self._rest = 0.0

    def push(self, logprob: float) -> None:
        """One more token."""
        if self._first is None:
            self._first = logprob
        else:
            self._rest += logprob

    @property
    def probability(self) -> float:
        """How likely the model takes the line to be, 0 to 1."""
        return math.exp((self._first or 0.0) + self._rest)

    def is_guess(self, threshold: float) -> bool:
        """Whether the first token, or what followed it, was less likely than it must be."""
        if self._is_block:
            threshold *= LENIENT
        first = math.exp(self._first or 0.0)
        return first < LENIENT * threshold or math.exp(self._rest) < threshold


@dataclass(frozen=True)
class Judgement:
    """How sure the model was of a first line: characters and log-probability of each token.

    `is_block`: it is that of a block.
    """

    tokens: tuple[tuple[int, float], ...]
    is_block: bool = False

    @property
    def probability(self) -> float:
        """How likely the model took the line to be, 0 to 1."""
        return math.exp(sum(logprob for _, logprob in self.tokens))

    def left(self, typed: int) -> float:
        """How likely the rest of the line is, 0 to 1, once its first `typed` characters stand."""
        total, start = 0.0, 0
        for characters, logprob in self.tokens:
            total += logprob if start >= typed else 0.0
            start += characters
        return math.exp(total)

    def sure(self, threshold: float) -> int | None:
        """How many characters stand before the line becomes a guess, None if it nowhere does."""
        line, length = Line(self.is_block), 0
        for characters, logprob in self.tokens:
            line.push(logprob)
            if line.is_guess(threshold):
                return length
            length += characters
        return None


@dataclass
class Habit:
    """What is known of the person: accepts more than others do, or less.

    `bias` is in log-odds, between -`MOST_BIAS` and `MOST_BIAS`; `count` outcomes made it.
    """

    bias: float = 0.0
    count: int = 0

    def learn(self, probability: float, right: bool) -> None:
        """A suggestion that was so likely was shown, and was `right` for the person or not."""
        step = RATE * (right - _shifted(probability, self.bias))
        self.bias = max(-MOST_BIAS, min(MOST_BIAS, self.bias + step))
        self.count += 1

    def threshold(self, usual: float) -> float:
        """What this person's suggestions must reach, where `usual` is for one not known."""
        return _shifted(usual, -self.bias)

    def forget(self) -> None:
        """Judge as for a person of whom nothing is known."""
        self.bias, self.count = 0.0, 0


class Judge:
    """Follows one answer until its first line becomes a guess, or ends.

    The other lines are not judged: a block without its body is worth less than a bold one.
    """

    def __init__(self, threshold: float, is_block: bool = False) -> None:
        """Less likely than `threshold` is a guess; at 0 nothing is. `is_block`: one is wanted."""
        self._threshold = threshold
        self._is_block = is_block
        self._text = ""
        self._line = Line(is_block)
        self._tokens: list[tuple[int, float]] = []
        self.doubt: float | None = None
        """How likely the line is that became a guess with the last token."""

    def push(self, text: str, logprobs: Sequence[float]) -> None:
        """The next tokens are `text`, and were so likely; an engine may not tell."""
        if "\n" in self._text.lstrip():
            return
        self._text += text
        if logprobs and text:
            logprob = sum(max(FLOOR, value) for value in logprobs)
            self._line.push(logprob)
            if self._line.is_guess(self._threshold):
                self.doubt = self._line.probability
            else:
                self._tokens.append((len(text), logprob))

    @property
    def doubts(self) -> bool:
        """Whether it has become a guess: nothing more is shown."""
        return self.doubt is not None

    @property
    def judgement(self) -> Judgement | None:
        """What is known of the first line; None if the engine told nothing."""
        return Judgement(tuple(self._tokens), self._is_block) if self._tokens else None


def _shifted(probability: float, bias: float) -> float:
    """`probability` with `bias` added to its log-odds."""
    odds = probability * math.exp(bias)
    return odds / (odds + 1 - probability)
