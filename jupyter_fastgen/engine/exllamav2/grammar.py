"""Grammars in llama.cpp's GBNF, followed with llguidance where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from ..base import EngineError
from .vocabulary import Ids, Vocabulary

_ROOT = "root ::="


def is_installed() -> bool:
    """Whether answers can follow a grammar."""
    return importlib.util.find_spec("llguidance") is not None


class Grammars:
    """Makes matchers for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._llguidance: Any = importlib.import_module("llguidance")
        self._converter: Any = importlib.import_module("llguidance.gbnf_to_lark")
        wrapper: Any = self._llguidance.TokenizerWrapper(_Tokens(vocabulary))
        self._count = len(vocabulary.pieces)
        self._ends = vocabulary.ends
        self._tokenizer: Any = self._llguidance.LLTokenizer(
            wrapper, n_vocab=self._count, eos_token=sorted(self._ends) or None
        )

    def matcher(self, grammar: str) -> Matcher:
        """What follows `grammar` through an answer; raises `EngineError` if it is none."""
        # As one terminal, which is a regular expression, it is matched exactly. As rules it would
        # be cut into the longest terminals first, and two that begin alike get in their way.
        whole = grammar.replace(_ROOT, f"{_ROOT} whole\nwhole ::=", 1)
        matcher_type: Any = self._llguidance.LLMatcher
        try:
            lark: str = self._converter.gbnf_to_lark(whole)
            matcher: Any = matcher_type(
                self._tokenizer, matcher_type.grammar_from_lark(lark), log_level=0
            )
        except Exception as error:  # the converter's own error is not exported
            raise EngineError(f"the grammar can't be read: {error}") from error
        if matcher.is_error():
            raise EngineError(f"the grammar can't be read: {matcher.get_error()}")
        return Matcher(matcher, self._ends, self._count)


class Matcher:
    """Follows a grammar through one answer."""

    def __init__(self, matcher: Any, ends: frozenset[int], count: int) -> None:
        self._matcher = matcher
        self._ends = ends
        self._count = count

    def allowed(self) -> Ids:
        """The tokens that may come next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return np.flatnonzero(np.unpackbits(bits, bitorder="little")[: self._count])

    def take(self, token: int) -> bool:
        """Go on with a token that is allowed; False where nothing can follow it."""
        if token in self._ends:
            return False
        self._matcher.consume_token(token)
        return not self._matcher.is_stopped()


class _Tokens:
    """A vocabulary as llguidance asks for it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        special = set(vocabulary.special_ids)
        # One that stands for no text must have some name, and be different from all others.
        self.tokens = [
            piece if piece and id not in special else b"\xff<%d>" % id
            for id, piece in enumerate(vocabulary.pieces)
        ]
        self.special_token_ids = sorted(
            special | {id for id, piece in enumerate(vocabulary.pieces) if not piece}
        )
        self.eos_token_id = min(vocabulary.ends, default=len(self.tokens) - 1)
        self.bos_token_id = None

    def __call__(self, text: str | bytes) -> list[int]:
        return self._vocabulary.encode_part(text if isinstance(text, str) else text.decode())
