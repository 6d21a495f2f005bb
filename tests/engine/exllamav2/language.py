"""What the harness' models say: logits as a function of everything before."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from jupyter_fastgen.engine.exllamav2.vocabulary import Vocabulary

Language = Callable[[Sequence[int]], np.ndarray]
"""From all tokens so far to the logits of the next, float32 of the size of the vocabulary."""

SPECIAL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_end|>")
"""The first tokens of the harness' vocabulary."""

SURE = 12.0
"""The logit of what is sure to follow, where the others are about 0."""

_COUNTING = re.compile(rb"(\d+), (\d+),([ \d]*)$")

_KNOWN = {b"The capital of France is": b" Paris, of course"}


class Hashed:
    """The next token depends on every token before, so that any wrong one in a cache shows."""

    def __init__(self, size: int, first: int = len(SPECIAL)) -> None:
        """It says tokens from `first` on: those before are special."""
        self._size = size
        self._first = first

    def next(self, tokens: Sequence[int]) -> int:
        hashed = zlib.crc32(np.array(tokens, dtype=np.int64).tobytes())
        return self._first + hashed % (self._size - self._first)

    def continued(self, tokens: Sequence[int], count: int) -> list[int]:
        """The `count` tokens after `tokens`."""
        written = list(tokens)
        for _ in range(count):
            written.append(self.next(written))
        return written[len(tokens) :]

    def __call__(self, tokens: Sequence[int]) -> np.ndarray:
        logits = np.zeros(self._size, dtype=np.float32)
        logits[self.next(tokens)] = SURE
        return logits


class Scripted:
    """After the prompt it writes `answer`, then `end`, whatever it is asked."""

    def __init__(self, size: int, prompt: int, answer: Sequence[int], end: int) -> None:
        self._size = size
        self._prompt = prompt
        self._answer = [*answer, end]

    def __call__(self, tokens: Sequence[int]) -> np.ndarray:
        at = min(len(tokens) - self._prompt, len(self._answer) - 1)
        logits = np.zeros(self._size, dtype=np.float32)
        logits[self._answer[at]] = SURE
        return logits


class Parrot:
    """Counts on, repeats what it has seen, and else babbles: what the contract asks of a model."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._pieces = vocabulary.pieces
        self._words = np.array([piece.isalnum() or piece == b" " for piece in vocabulary.pieces])

    def __call__(self, tokens: Sequence[int]) -> np.ndarray:
        # Of pictures there is nothing to be read.
        text = b"".join(self._pieces[token] for token in tokens if token < len(self._pieces))
        noise = random.Random(zlib.crc32(text))
        logits = np.array([noise.gauss(0, 1) for _ in self._pieces], dtype=np.float32)
        logits[~self._words] -= 30
        follows = self._follows(text)
        fitting = [
            id for id, piece in enumerate(self._pieces) if piece and follows.startswith(piece)
        ]
        for id in fitting:
            logits[id] = SURE * len(self._pieces[id]) / max(len(self._pieces[i]) for i in fitting)
        return logits

    def _follows(self, text: bytes) -> bytes:
        if found := _COUNTING.search(text):
            before, last, begun = found.groups()
            whole = b" %d," % (2 * int(last) - int(before))
            if whole.startswith(begun):
                return whole[len(begun) :]
        for known, told in _KNOWN.items():
            begun = text.partition(known)[2]
            if known in text and told.startswith(begun):
                return told[len(begun) :]
        for length in range(min(48, len(text) - 1), 5, -1):
            at = text.rfind(text[-length:], 0, len(text) - 1)
            if at >= 0:
                return text[at + length : at + length + 16]
        return b""
