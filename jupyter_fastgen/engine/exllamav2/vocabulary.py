"""The tokens of a model as the bytes they stand for, read from its `tokenizer.json`."""

from __future__ import annotations

import importlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import EngineError

Ids = NDArray[np.int64]

_AFTER_ALL = b"\xff"
"""In no UTF-8 text."""


class Vocabulary:
    """What a model reads and writes. Special tokens stand for no text."""

    def __init__(self, tokenizer: Any, ends: Iterable[int]) -> None:
        """`tokenizer` is a `tokenizers.Tokenizer`; any of the tokens `ends` ends an answer."""
        self._tokenizer = tokenizer
        told: dict[str, Any] = json.loads(tokenizer.to_str())
        added: list[dict[str, Any]] = told.get("added_tokens") or []
        self._special: dict[str, int] = {t["content"]: int(t["id"]) for t in added if t["special"]}
        size = int(tokenizer.get_vocab_size(with_added_tokens=True))
        names: list[str | None] = [tokenizer.id_to_token(id) for id in range(size)]
        to_bytes = _byte_level if _is_byte_level(told.get("decoder")) else _byte_fallback
        self.pieces: list[bytes] = [b"" if name is None else to_bytes(name) for name in names]
        for token in added:
            self.pieces[int(token["id"])] = b"" if token["special"] else token["content"].encode()
        self.lengths = np.array([len(piece) for piece in self.pieces])
        self.ends = frozenset(ends)

    @property
    def special_ids(self) -> list[int]:
        """The special tokens."""
        return list(self._special.values())

    def encode(self, prompt: str) -> list[int]:
        """The tokens of a prompt, in which special tokens are written as text."""
        return list(self._tokenizer.encode(prompt, add_special_tokens=True).ids)

    def encode_part(self, text: str) -> list[int]:
        """The tokens of text that stands somewhere."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def special(self, text: str) -> int | None:
        """The special token that is written as `text`, if there is one."""
        return self._special.get(text)

    def agreeing(self, begin: bytes) -> Ids:
        """The tokens that begin with `begin`, or that it begins with."""
        order, keys = self._sorted
        start = bisect_left(keys, begin)
        end = bisect_left(keys, begin + _AFTER_ALL) if begin else len(keys)
        shorter = [
            order[bisect_left(keys, piece) : bisect_right(keys, piece)]
            for piece in (begin[:length] for length in range(1, len(begin)))
        ]
        return np.concatenate([order[start:end], *shorter])

    @cached_property
    def _sorted(self) -> tuple[Ids, list[bytes]]:
        order = sorted(
            (id for id, piece in enumerate(self.pieces) if piece), key=self.pieces.__getitem__
        )
        return np.array(order, dtype=np.int64), [self.pieces[id] for id in order]


def load_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of the model in `folder`; raises `EngineError`."""
    path = folder / "tokenizer.json"
    tokenizers: Any = importlib.import_module("tokenizers")
    try:
        tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise EngineError(
            f"{path} can't be read: {error}",
            "ExLlamaV2 needs a tokenizer.json; take a model folder that has one",
        ) from error
    return Vocabulary(tokenizer, end_tokens(folder))


def end_tokens(folder: Path) -> list[int]:
    """All the tokens that end an answer; ExLlamaV2 itself reads only the first of them."""
    for name in ("generation_config.json", "config.json"):
        path = folder / name
        told: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        ends = told.get("eos_token_id")
        if isinstance(ends, int):
            return [ends]
        if ends:
            return [int(end) for end in ends]
    return []


def _is_byte_level(decoder: dict[str, Any] | None) -> bool:
    parts: list[dict[str, Any]] = [decoder, *decoder.get("decoders", [])] if decoder else []
    return any(part.get("type") == "ByteLevel" for part in parts)


def _byte_characters() -> dict[str, int]:
    """The character that stands for each byte in byte-level tokenizers, as in GPT-2's `encoder.py`.

    Printable bytes stand for themselves, the others for the characters from 256 on.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    other = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + n): b for n, b in enumerate(other)}


_BYTES = _byte_characters()


def _byte_level(name: str) -> bytes:
    return b"".join(
        bytes([_BYTES[character]]) if character in _BYTES else character.encode()
        for character in name
    )


def _byte_fallback(name: str) -> bytes:
    """As SentencePiece writes tokens: U+2581 for a space, `<0x0A>` for a byte."""
    if len(name) == 6 and name.startswith("<0x") and name.endswith(">"):
        return bytes([int(name[3:5], 16)])
    return name.replace("\u2581", " ").encode()
