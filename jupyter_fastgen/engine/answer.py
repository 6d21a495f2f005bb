"""One answer of llama.cpp, asked for in bursts: what to ask next, and what came of it. Pure."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from ..images import MARK
from .base import Request, Start
from .gbnf import literal
from .stops import Stops

CHOICES = 1000
"""Tokens among which the one is looked for that agrees with what was typed: 5 ms. A grammar takes
17 ms, for it looks at all 152,000."""

LIKELIEST = 1
"""To be told of a token how likely it was, one choice must be asked for: 1.2 ms a token."""


class Answer:
    """The answer to `request` as far as it is written.

    Each burst of at most `burst` tokens is one post to the server, with `body`; its events go
    through `take`, its end through `end_burst`, until `reason` says how the answer ended.
    """

    def __init__(self, request: Request, burst: int | None, marker: str = "") -> None:
        """`burst` None asks for all tokens at once; `marker` is the server's for a picture."""
        self._request = request
        self._marker = marker
        self._stops = Stops(request.stop)
        self._text = ""
        self._parts: list[int | str] = []
        self._left = request.max_tokens
        self._logprobs: list[float] = []
        # Between bursts it would be forgotten how much of a grammar has been followed, and which
        # of a seed's random numbers have been used. And pictures would be looked at again.
        is_one = request.grammar or request.temperature > 0 or request.images
        self._burst = None if is_one else burst
        # Choosing among the likeliest tokens is faster than a grammar, which is tried on all.
        greedy = request.temperature == 0 and not request.images
        self._by_choice = request.starts > 0 or (burst is not None and greedy)
        self._start_burst()
        self.reason: Literal["stop", "length"] | None = None
        self.starts: tuple[Start, ...] = ()

    def _start_burst(self) -> None:
        self._before = len(self._text)
        self._tokens: list[int] = []
        self._limited = False
        self._begin = self._request.begin[len(self._text) :]
        self._choosing = self._by_choice and (self._begin != "" or self._request.starts > 0)

    def body(self) -> dict[str, Any]:
        """What to post for the next burst."""
        # The server takes a list without a number in it for several prompts.
        mixed = any(isinstance(part, int) for part in self._parts)
        prompt = self._request.prompt
        limit = self._left if self._burst is None else min(self._left, self._burst)
        told: Any = [prompt, *self._parts] if mixed else prompt + self._text
        if self._request.images:
            told = {
                "prompt_string": (prompt + self._text).replace(MARK, self._marker),
                "multimodal_data": [b64encode(image).decode() for image in self._request.images],
            }
        body: dict[str, Any] = {
            "prompt": told,
            "n_predict": 1 if self._choosing else limit,
            "stream": True,
            "return_tokens": True,
            "cache_prompt": True,
            "return_progress": True,
            "timings_per_token": True,
        }
        if self._choosing:
            body["n_probs"] = CHOICES
        elif self._request.grammar:
            body["grammar"] = self._request.grammar
        elif self._begin:
            body["grammar"] = f"root ::= {literal(self._begin)} .*"
        if not self._choosing and self._request.logprobs:
            body["n_probs"] = LIKELIEST
        if self._request.temperature > 0:
            samplers = ["top_k", "top_p", "temperature"]
            return body | {
                "temperature": self._request.temperature,
                "seed": self._request.seed,
                "top_p": 0.9,
                "samplers": samplers,
            }
        return body | {"temperature": 0.0, "top_k": 1, "samplers": ["top_k"]}

    def take(self, data: dict[str, Any]) -> str:
        """The text that may be handed on after an event of the server."""
        self._limited = data.get("stop_type") == "limit"
        if "prompt_progress" in data or self._request.max_tokens == 0:
            return ""
        content, tokens = data["content"], data.get("tokens", [])
        if self._choosing and not self._tokens:
            content, tokens, told = self._choose(data)
        else:
            told = [float(t["logprob"]) for t in data.get("completion_probabilities", [])]
        if self._request.logprobs:
            self._logprobs += told
        self._text += content
        self._tokens += tokens
        if self._request.starts:
            return ""
        piece = self._stops.push(content)
        if self._stops.met:
            self.reason = "stop"
        return piece

    def take_logprobs(self) -> tuple[float, ...]:
        """The log-probabilities of the tokens since the last call."""
        taken = tuple(self._logprobs)
        self._logprobs.clear()
        return taken

    def end_burst(self, decoded: int) -> str:
        """The burst of `decoded` tokens is over; gives text that was held, at the answer's end."""
        if self._choosing:
            # The server's own token may have ended the answer; ours does not.
            self._limited = True
            self._by_choice = self._tokens != []
            decoded = len(self._tokens)
            if self._request.starts and not self._by_choice:
                self.reason = "stop"
        self._left -= decoded
        if len(self._tokens) == decoded:
            self._parts += self._tokens
        else:
            # Of a character that takes several tokens only the last one's is told, and nothing
            # if the burst ends before it: the rest is asked for in one piece.
            self._parts.append(self._text[self._before :])
            self._burst = None
        if self.reason is None and not self._limited:
            self.reason = "stop"
        elif self.reason is None and self._left <= 0:
            self.reason = "length"
        self._start_burst()
        return self._stops.rest() if self.reason else ""

    def _choose(self, data: dict[str, Any]) -> tuple[str, list[int], list[float]]:
        """The likeliest token that agrees, as text, id and log-probability among all that do.

        Nothing if none of them does. Notes the starts once the next token goes beyond what the
        answer is bound to begin with.
        """
        agreeing = list(_agreeing(data, self._begin))
        if not agreeing:
            return "", [], []
        best = agreeing[0]
        sure = math.log(best.probability / sum(choice.probability for choice in agreeing))
        longer = [choice for choice in agreeing if len(choice.text) > len(self._begin)]
        if self._request.starts and best not in longer:
            # A piece of a word, likely as it may be, leads to tokens that no text is made of.
            best = max(
                (c for c in agreeing if len(c.text) <= len(self._begin)),
                key=lambda choice: len(choice.text),
            )
        elif self._request.starts:
            total = sum(choice.probability for choice in longer)
            self.starts = tuple(
                Start(self._text + choice.text, choice.probability / total)
                for choice in longer[: self._request.starts]
            )
            self.reason = "stop"
        return best.text, [best.id], [sure]


class _Choice(NamedTuple):
    text: str
    id: int
    probability: float


def _agreeing(data: dict[str, Any], begin: str) -> Iterator[_Choice]:
    """The likeliest tokens that agree with `begin`, best first; `data` is an event with them."""
    first = begin.encode()[0] if begin else None
    for told in data.get("completion_probabilities", []):
        for token in told["top_logprobs"]:
            if first is not None and token["bytes"][:1] != [first]:
                continue  # nearly all of them, at each key
            try:
                text = bytes(token["bytes"]).decode()
            except UnicodeDecodeError:
                continue
            special = text.startswith("<|") and text.endswith("|>")
            if text and not special and (text.startswith(begin) or begin.startswith(text)):
                yield _Choice(text, int(token["id"]), math.exp(token["logprob"]))
