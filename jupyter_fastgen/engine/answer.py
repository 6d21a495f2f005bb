"""One answer of llama.cpp, asked for in bursts: what to ask next, and what came of it. Pure."""

from __future__ import annotations

import math
from typing import Any, Literal

from .base import Request
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

    def __init__(self, request: Request, burst: int | None) -> None:
        """`burst` None asks for all tokens at once."""
        self._request = request
        self._stops = Stops(request.stop)
        self._text = ""
        self._parts: list[int | str] = []
        self._left = request.max_tokens
        self._logprobs: list[float] = []
        self._judged = 0
        self._burst = burst
        # Choosing among the likeliest tokens is faster than a grammar, which is tried on all.
        self._by_choice = burst is not None and request.temperature == 0
        self._start_burst()
        self.reason: Literal["stop", "length"] | None = None

    def _start_burst(self) -> None:
        self._before = len(self._text)
        self._tokens: list[int] = []
        self._limited = False
        self._begin = self._request.begin[len(self._text) :]
        self._choosing = self._by_choice and self._begin != ""

    def body(self) -> dict[str, Any]:
        """What to post for the next burst."""
        # The server takes a list without a number in it for several prompts.
        mixed = any(isinstance(part, int) for part in self._parts)
        prompt = self._request.prompt
        limit = self._left if self._burst is None else min(self._left, self._burst)
        body: dict[str, Any] = {
            "prompt": [prompt, *self._parts] if mixed else prompt + self._text,
            "n_predict": 1 if self._choosing else limit,
            "stream": True,
            "return_tokens": True,
            "cache_prompt": True,
            "return_progress": True,
            "timings_per_token": True,
        }
        if self._choosing:
            body["n_probs"] = CHOICES
        elif self._begin:
            body["grammar"] = f"root ::= {_literal(self._begin)} .*"
        if not self._choosing and self._judged < self._request.logprobs:
            body["n_probs"] = LIKELIEST
        if self._request.temperature > 0:
            samplers = ["top_k", "top_p", "temperature"]
            return body | {
                "temperature": self._request.temperature,
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
            content, tokens, told = _chosen(data, self._begin)
        else:
            told = [float(t["logprob"]) for t in data.get("completion_probabilities", [])]
        if self._request.logprobs:
            self._logprobs += told
            self._judged += len(told)
        self._text += content
        self._tokens += tokens
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


def _chosen(data: dict[str, Any], begin: str) -> tuple[str, list[int], list[float]]:
    """The likeliest token that agrees with `begin`, as text, id and log-probability.

    The latter is among all that agree. Nothing if none of them does. `data` is an event with
    the likeliest tokens, best first.
    """
    found = [
        (text, token)
        for told in data.get("completion_probabilities", [])
        for token in told["top_logprobs"]
        if _agrees(text := _decoded(token), begin)
    ]
    if not found:
        return "", [], []
    text, best = found[0]
    total = sum(math.exp(token["logprob"] - best["logprob"]) for _, token in found)
    return text, [int(best["id"])], [-math.log(total)]


def _decoded(token: dict[str, Any]) -> str:
    """The text of a token, '' for a part of a character and for a special one."""
    try:
        text = bytes(token["bytes"]).decode()
    except UnicodeDecodeError:
        return ""
    return "" if text.startswith("<|") and text.endswith("|>") else text


def _agrees(text: str, begin: str) -> bool:
    return text != "" and (text.startswith(begin) or begin.startswith(text))


def _literal(text: str) -> str:
    """`text` as a literal of llama.cpp's grammar language (GBNF)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
