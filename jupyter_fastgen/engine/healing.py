"""Answers that must begin with a text, from a server that can't be bound to it. Pure.

The server writes freely, and what it writes is compared. Where it goes another way, it is asked
again behind the likeliest of the tokens it had to choose from that agree, and where none does,
behind the text itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .base import Start
from .openai_api import Choice, Token

MOST_ASKED = 4
"""Times one answer is asked for: a word has few tokens."""


def agreeing(choices: Sequence[Choice], begin: str) -> list[Choice]:
    """Those that go on towards `begin` or beyond it, in their order."""
    return [c for c in choices if c.text.startswith(begin) or begin.startswith(c.text)]


class Healed:
    """One answer, however often it is asked for.

    The prompt is to be continued by `forced`. After a `push` that sets `again`, it is to be asked
    anew; `asked_again` then begins that.
    """

    def __init__(self, begin: str) -> None:
        self._left = begin
        self._held = ""
        self._handed = ""
        self._times = 1
        self._logprobs: list[float] = []
        self.forced = ""
        self.again = False

    @property
    def is_bound(self) -> bool:
        """Whether it must still begin with something."""
        return self._left != ""

    def asked_again(self) -> None:
        """The answer begins anew behind `forced`."""
        self.again = False
        self._times += 1
        self._held = ""

    def push(self, text: str, tokens: Sequence[Token]) -> str:
        """The text to hand on, now that the server wrote `text`."""
        if not self.is_bound:
            self._logprobs += [token.logprob for token in tokens]
            return self._unhanded() + text
        before, self._held = self._held, self._held + text
        begin = self._left[len(before) :]
        if not (self._held.startswith(self._left) or self._left.startswith(self._held)):
            self._diverge(before, begin, tokens)
            return "" if self.is_bound else self._unhanded()
        self._note(tokens, begin)
        if not self._held.startswith(self._left):
            return ""
        self._left = ""
        return self._unhanded() + self._held

    def finish(self) -> str:
        """The text to hand on, now that the server ended the answer."""
        if self.is_bound:
            self._force(self._left)
        return self._unhanded()

    def take_logprobs(self) -> tuple[float, ...]:
        """The log-probabilities of the tokens since the last call, as far as they are known."""
        taken = tuple(self._logprobs)
        self._logprobs.clear()
        return taken

    def _diverge(self, before: str, begin: str, tokens: Sequence[Token]) -> None:
        choices = agreeing(tokens[0].choices, begin) if len(tokens) == 1 else []
        if not choices or self._times >= MOST_ASKED:
            self._force(self._left)
            return
        self._logprobs.append(_share(choices[0], choices))
        self._force(before + choices[0].text)

    def _note(self, tokens: Sequence[Token], begin: str) -> None:
        """How likely tokens were that agree: among those that do."""
        for token in tokens:
            choices = agreeing(token.choices, begin)
            same = next((choice for choice in choices if choice.text == token.text), None)
            self._logprobs.append(_share(same, choices) if same and begin else token.logprob)
            begin = begin[len(token.text) :]

    def _force(self, text: str) -> None:
        self.forced += text
        self._left = self._left[len(text) :]
        self.again = True

    def _unhanded(self) -> str:
        new = self.forced[len(self._handed) :]
        self._handed = self.forced
        return new


class Starts:
    """The likeliest ways to begin an answer that is bound to begin with a text.

    Each time the server tells what it might write behind the prompt and `forced`, until `found`.
    """

    def __init__(self, begin: str, most: int) -> None:
        self._begin = begin
        self._most = most
        self.forced = ""
        self.found: tuple[Start, ...] | None = None

    def push(self, choices: Sequence[Choice]) -> None:
        """The next token may be one of these."""
        begin = self._begin[len(self.forced) :]
        among = agreeing(choices, begin)
        longer = [choice for choice in among if len(choice.text) > len(begin)]
        if not begin or (longer and among[0] == longer[0]):
            total = sum(math.exp(choice.logprob) for choice in longer)
            self.found = tuple(
                Start(self.forced + choice.text, math.exp(choice.logprob) / total)
                for choice in longer[: self._most]
            )
        else:
            # A piece of a word, likely as it may be, leads to tokens that no text is made of.
            within = [choice.text for choice in among if choice not in longer]
            self.forced += max(within, key=len, default=begin)


def _share(choice: Choice, among: Sequence[Choice]) -> float:
    """The logarithm of how likely it is `among` these."""
    total = sum(math.exp(other.logprob) for other in among)
    return choice.logprob - math.log(total)
