"""What servers with OpenAI's API say, in the two spellings that there are. Pure.

Completions came with parallel lists of tokens and their log-probabilities; llama-server sends those
of chats, a list of objects, in both. https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from ..errors import UNREADABLE


class Choice(NamedTuple):
    """A token that might have been written: its text, and its log-probability."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Token:
    """A token that was written; `choices` are the likeliest in its place, best first.

    A choice that is no text by itself, half a character or a special token, is left out.
    """

    text: str
    logprob: float
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Usage:
    """Tokens, counted by the server. `cached` is None where it does not tell."""

    prompt: int
    new: int
    cached: int | None


@dataclass(frozen=True)
class Chunk:
    """The next piece of an answer; `finish` says why it ended, if it did."""

    text: str
    tokens: tuple[Token, ...]
    finish: str | None
    usage: Usage | None


class _ChatChoice(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None

    def choice(self) -> Choice | None:
        text = self.token
        if self.bytes is not None:
            try:
                text = bytes(self.bytes).decode()
            except UnicodeDecodeError:
                return None
        return _choice(text, self.logprob)


class _ChatToken(_ChatChoice):
    top_logprobs: list[_ChatChoice] = []


class _Logprobs(msgspec.Struct):
    content: list[_ChatToken] | None = None
    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None

    def told(self) -> tuple[Token, ...]:
        if self.content is not None:
            return tuple(
                Token(t.token, t.logprob, _sorted(c.choice() for c in t.top_logprobs))
                for t in self.content
            )
        tops = self.top_logprobs or [None] * len(self.tokens)
        return tuple(
            Token(text, logprob or 0.0, _sorted(_choice(*pair) for pair in (top or {}).items()))
            for text, logprob, top in zip(self.tokens, self.token_logprobs, tops, strict=False)
        )


class _Delta(msgspec.Struct):
    content: str | None = None


class _Piece(msgspec.Struct):
    text: str | None = None
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    choices: list[_Piece] = []
    usage: _Usage | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Answer)


class RefusedError(ValueError):
    """The server says that it failed."""


def read(data: bytes) -> Chunk:
    """An answer, or a piece of one, of completions or of chats.

    Raises `RefusedError` where it is an error, and `ValueError` where it is neither.
    """
    answer = _decoder.decode(data)
    if answer.error is not None:
        raise RefusedError(message(data))
    usage = None
    if answer.usage is not None:
        told = answer.usage
        details = told.prompt_tokens_details
        cached = details.cached_tokens if details is not None else None
        usage = Usage(told.prompt_tokens, told.completion_tokens or 0, cached)
    if not answer.choices:
        return Chunk("", (), None, usage)
    piece = answer.choices[0]
    text = piece.text if piece.text is not None else piece.delta.content or ""
    tokens = piece.logprobs.told() if piece.logprobs is not None else ()
    return Chunk(text, tokens, piece.finish_reason, usage)


def grammar_field(name: str, grammar: str) -> dict[str, Any]:
    """The part of a request that binds its answer to `grammar`, for servers that call it `name`."""
    return {name: {"grammar": grammar} if name == "structured_outputs" else grammar}


class _Message(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Message | str = ""
    message: str = ""
    detail: msgspec.Raw = msgspec.Raw()


def message(body: bytes) -> str:
    """What an error says: that of OpenAI, of FastAPI, or the beginning of any other."""
    try:
        said = msgspec.json.decode(body, type=_Refusal)
    except UNREADABLE:
        said = _Refusal()
    error = said.error.message if isinstance(said.error, _Message) else said.error
    text = error or said.message or bytes(said.detail or body).decode(errors="replace")
    return " ".join(text[:500].split())


def _choice(text: str, logprob: float) -> Choice | None:
    is_special = text.startswith("<|") and text.endswith("|>")
    # vLLM writes half a character as `bytes:\xf0`.
    is_half = "\ufffd" in text or text.startswith("bytes:\\x")
    return None if not text or is_special or is_half else Choice(text, logprob)


def _sorted(choices: Iterable[Choice | None]) -> tuple[Choice, ...]:
    found = [choice for choice in choices if choice is not None]
    return tuple(sorted(found, key=lambda choice: -choice.logprob))
