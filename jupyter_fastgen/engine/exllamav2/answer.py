"""One answer, token by token: which comes next, what of it is text, and when it ends. Pure.

The library's own sampler is not used: it tells probabilities only of what is left after sampling,
1.0 where that is greedy, and penalizes repetition unless told otherwise, which ruins code.
"""

from __future__ import annotations

import codecs
import random
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base import Request, Start
from ..stops import Stops
from .copying import Copier
from .grammar import Matcher
from .vocabulary import Ids, Vocabulary

TOP_K, TOP_P = 40, 0.9
"""Above a temperature of 0 it is chosen among the likeliest tokens: so many, and of these so much
of the probability. llama.cpp is asked for the same."""

Logits = NDArray[np.float32]


class Answer:
    """The answer to `request` as far as it is written; `limit` is the most tokens it may have."""

    def __init__(
        self,
        request: Request,
        vocabulary: Vocabulary,
        limit: int,
        matcher: Matcher | None = None,
        copier: Copier | None = None,
    ) -> None:
        self.request = request
        self._vocabulary = vocabulary
        self._matcher = matcher
        self._copier = copier
        self._begin = b"" if matcher else request.begin.encode()
        stops = [(text, vocabulary.special(text)) for text in request.stop]
        self._ends = vocabulary.ends | {id for _, id in stops if id is not None}
        self._stops = Stops(tuple(text for text, id in stops if id is None))
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._random = random.Random(request.seed)
        self._text = ""
        self._said = b""
        self._logprobs: list[float] = []
        self.tokens: list[int] = []
        self.left = limit
        self.drafted = 0
        self.reason: Literal["stop", "length"] | None = None
        self.starts: tuple[Start, ...] = ()

    def choose(self, logits: Logits) -> int:
        """The next token by the model's logits; `reason` says whether the answer ends with it."""
        row = logits[: len(self._vocabulary.pieces)]
        if self.left <= 0:  # only the prompt was to be read
            self.reason = "length"
            return int(row.argmax())
        allowed = self._allowed()
        if allowed is not None and not len(allowed):
            self.reason = "stop"
            return int(row.argmax())
        among = row if allowed is None else row[allowed]
        if self.request.starts and allowed is not None:
            at = self._start(among, allowed)
        elif self.request.temperature > 0:
            at = self._sampled(among)
        else:
            at = int(among.argmax())
        if self.request.logprobs:
            self._logprobs.append(float(among[at]) - _logsumexp(among))
        token = at if allowed is None else int(allowed[at])
        self._take(token)
        return token

    def draft(self, most: int) -> list[int]:
        """Tokens that are likely to follow, at most so many."""
        # While the answer is bound to its beginning it copies nothing.
        if self._copier is None or self._begin or self.request.starts or self.left <= 1:
            return []
        drafted = self._copier.draft(min(most, self.left - 1))
        self.drafted += len(drafted)
        return drafted

    def take_text(self) -> tuple[str, tuple[float, ...]]:
        """The text that came since the last call, with the log-probabilities of its tokens.

        Both are empty while what came may be half a character or the beginning of a stop.
        """
        if not self._text:
            return "", ()
        text, logprobs = self._text, tuple(self._logprobs)
        self._text = ""
        self._logprobs.clear()
        return text, logprobs

    def _allowed(self) -> Ids | None:
        if self._matcher is not None:
            return self._matcher.allowed()
        if self._begin or self.request.starts:
            return self._vocabulary.agreeing(self._begin)
        return None

    def _take(self, token: int) -> None:
        self.tokens.append(token)
        self.left -= 1
        if self._copier is not None:
            self._copier.push(token)
        if self._matcher is not None and not self._matcher.take(token):
            self.reason = "stop"
        if token in self._ends:
            self.reason = "stop"
        elif not self.request.starts:
            self._say(self._vocabulary.pieces[token])
        if self.reason is None and self.left <= 0:
            self.reason = "length"
        if self.reason is not None and not self._stops.met:
            self._text += self._stops.rest()

    def _say(self, piece: bytes) -> None:
        self._begin = self._begin[len(piece) :]
        self._text += self._stops.push(self._decoder.decode(piece))
        if self._stops.met:
            self.reason = "stop"

    def _start(self, among: Logits, allowed: Ids) -> int:
        """Note how the answer may go on beyond its beginning, or take a step towards that."""
        pieces = self._vocabulary.pieces
        best = int(among.argmax())
        lengths = self._vocabulary.lengths[allowed]
        longer = lengths > len(self._begin)
        if not longer[best]:
            # A piece of a word, likely as it may be, leads to tokens that no text is made of.
            best = int(np.where(longer, 0, lengths).argmax())
            self._said += pieces[int(allowed[best])]
            self._begin = self._begin[lengths[best] :]
            return best
        places = np.flatnonzero(longer)
        chances = np.exp(among[places] - _logsumexp(among[places]))
        found: list[Start] = []
        for at in np.argsort(-chances, kind="stable"):
            try:
                text = (self._said + pieces[int(allowed[places[at]])]).decode()
            except UnicodeDecodeError:
                continue
            found.append(Start(text, float(chances[at])))
            if len(found) == self.request.starts:
                break
        self.starts = tuple(found)
        self.reason = "stop"
        return best

    def _sampled(self, among: Logits) -> int:
        count = min(TOP_K, len(among))
        top: Ids = (-among).argpartition(count - 1)[:count]
        top = top[np.argsort(-among[top], kind="stable")]
        chances = _softmax(among[top])
        kept = 1 + int((chances.cumsum() < TOP_P).sum())
        top = top[:kept]
        weights = _softmax(among[top] / self.request.temperature)
        at = int((weights.cumsum() <= self._random.random()).sum())
        return int(top[min(at, len(top) - 1)])


def _softmax(logits: Logits) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    return powers / powers.sum()


def _logsumexp(logits: Logits) -> float:
    most = float(logits.max())
    return most + float(np.log(np.exp(logits - most).sum(dtype=np.float64)))
