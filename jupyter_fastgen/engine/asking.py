"""Asks a server with OpenAI's API what it is and can: a few answers of one token each."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from ..images import MARK, kind_of
from . import openai_api
from .address import shown
from .base import Abilities, EngineError
from .openai_api import Chunk

Ask = Callable[[dict[str, Any]], Awaitable[list[Chunk]]]
"""Posts a body and gives the pieces of the answer; raises `EngineError`."""

FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
TURNS = ("<|im_start|>", "<|im_end|>")

CHOICES = (20, 5, 1)
"""Likeliest tokens to be told of: vLLM's limit unless it is set otherwise, OpenAI's, the least."""

GRAMMARS = ("structured_outputs", "guided_grammar", "ebnf", "grammar_string", "grammar")
"""Fields that take a grammar: of vLLM, of older ones, of SGLang, TabbyAPI and llama-server."""

BOUND = "zebra"
"""No model writes it behind `COUNTING`."""

COUNTING = " ".join(f"{n}," for n in range(1, 60))
"""Longer than the blocks that caches are kept in, and easy to go on with for long."""

RUNNING = ("vllm:num_requests_running", "sglang:num_running_reqs", "llamacpp:requests_processing")
"""Gauges at /metrics of how many answers are being written."""

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAJklEQVR4nO3NMQ0A"
    "AAwDoPo33arYsQQMkB6LQCAQCAQCgUAg+BIMi1X0pjxKe0gAAAAASUVORK5CYII="
)
"""A white square of 32 by 32 pixels, as PNG in base 64."""

LONG_ANSWER = 400
"""More tokens than a server writes in that time."""

ABORT_SECONDS = 0.5
"""In which a server stops; on a slow one, as long as it takes for five answers of a token."""


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class _Parameters(msgspec.Struct):
    max_seq_len: int | None = None


class _Model(msgspec.Struct):
    id: str
    owned_by: str = ""
    max_model_len: int | None = None
    context_length: int | None = None
    meta: _Meta | None = None
    parameters: _Parameters | None = None


class _Models(msgspec.Struct):
    data: list[_Model]


@dataclass(frozen=True)
class Model:
    """One model of the server: `context` is in tokens, 0 where it is not told."""

    id: str
    server: str
    context: int


class Asking:
    """Questions to one server."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def model(self, name: str) -> Model:
        """The model called `name`, or the first where that is empty.

        Raises `EngineError`, and `httpx.HTTPError` and `ValueError` where it is no such server.
        """
        response = await self._client.get("models")
        if response.status_code in (401, 403):
            raise EngineError(
                f"the server at {shown(self._url)} refused the key",
                "set c.FastgenApp.api_key, or remote_api_key for c.FastgenApp.remote",
            )
        response.raise_for_status()
        models = msgspec.json.decode(response.content, type=_Models).data
        found = next((model for model in models if model.id == name or not name), None)
        if found is None:
            names = ", ".join(model.id for model in models) or "none"
            raise EngineError(
                f"the server at {shown(self._url)} has no model {name!r}; it has {names}",
                "name one behind a # at the end of the URL",
            )
        told = (
            found.max_model_len,
            found.context_length,
            found.meta and found.meta.n_ctx,
            found.parameters and found.parameters.max_seq_len,
        )
        context = next((length for length in told if length), 0)
        return Model(found.id, found.owned_by or "openai", context)

    async def fields(self) -> frozenset[str]:
        """What a request may have in it, from the server's own description; empty without one."""
        try:
            response = await self._client.get(self._root("openapi.json"))
            schemas: Any = response.raise_for_status().json()["components"]["schemas"]
            named = [schemas.get(name, {}) for name in ("CompletionRequest", "StreamOptions")]
            return frozenset(field for schema in named for field in schema.get("properties", {}))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return frozenset()

    async def abilities(self, model: Model, fields: frozenset[str], ask: Ask) -> Abilities:
        """What it can; raises `EngineError` where it answers nothing."""
        prioritized = _short(COUNTING) | {"priority": 1}
        fim = _knows(await ask(_short("".join(FIM))), FIM)
        turns = _knows(await ask(_short("".join(TURNS))), TURNS)
        choices = await self._choices(ask)
        asked = time.monotonic()
        again = await ask(_short(COUNTING))
        aborts = await self._aborts(ask, ABORT_SECONDS + 5 * (time.monotonic() - asked))
        return Abilities(
            server=model.server,
            fim="qwen" if fim else "prefix-only",
            chat="chatml" if turns else "plain",
            choices=choices,
            counts=any(chunk.usage and chunk.usage.cached is not None for chunk in again),
            aborts=aborts,
            grammar=await self._grammar(ask, fields),
            salts="cache_salt" in fields,
            prioritizes="priority" in fields and await _takes(ask, prioritized),
        )

    async def sees(self, ask: Ask) -> bool:
        """Whether its model can be shown a picture, in a chat."""
        body = {"messages": turn("?" + MARK, [b64decode(PICTURE)]), "max_tokens": 1}
        return await _takes(ask, body)

    async def _choices(self, ask: Ask) -> int:
        for count in CHOICES:
            try:
                told = await ask(_short(COUNTING) | {"logprobs": count})
            except EngineError:
                continue
            return count if any(t.choices for chunk in told for t in chunk.tokens) else 0
        return 0

    async def _grammar(self, ask: Ask, fields: frozenset[str]) -> str:
        for name in GRAMMARS:
            if fields and name not in fields:
                continue
            bound = openai_api.grammar_field(name, f'root ::= "{BOUND}"')
            try:
                told = await ask(_short(COUNTING) | {"max_tokens": 8} | bound)
            except EngineError:
                continue
            if "".join(chunk.text for chunk in told) == BOUND:
                return name
        return ""

    async def _aborts(self, ask: Ask, seconds: float) -> bool | None:
        """Whether a long answer that is left is written no further, `seconds` later at most.

        None where others use the server, or it does not tell.
        """
        if await self._running() != 0:
            return None
        left = asyncio.ensure_future(ask(_short(COUNTING) | {"max_tokens": LONG_ANSWER}))
        began = False
        for _ in range(50):
            await asyncio.sleep(seconds / 20)
            began = bool(await self._running())
            if began or left.done():
                break
        left.cancel()
        await asyncio.wait({left})
        if not began:
            return None
        for _ in range(5):
            await asyncio.sleep(seconds / 5)
            if await self._running() == 0:
                return True
        return False

    async def _running(self) -> int | None:
        """How many answers are being written; None where the server does not tell."""
        try:
            response = await self._client.get(self._root("metrics"))
            lines = response.raise_for_status().text.splitlines()
            told = [line.rpartition(" ")[2] for line in lines if line.startswith(RUNNING)]
            return int(sum(map(float, told))) if told else None
        except (httpx.HTTPError, ValueError):
            return None

    def _root(self, path: str) -> str:
        return f"{self._url.removesuffix('/v1')}/{path}"


def are_known(special: Sequence[str], tokens: int) -> bool:
    """Whether a text of so many tokens, which spells these, has each as one.

    A token may stand before them all; spelled out, each would take several.
    """
    return 0 < tokens <= len(special) + 1


def _short(prompt: str) -> dict[str, Any]:
    return {"prompt": prompt, "max_tokens": 1, "temperature": 0.0}


def _knows(told: Sequence[Chunk], special: Sequence[str]) -> bool:
    counts = [chunk.usage.prompt for chunk in told if chunk.usage is not None]
    return bool(counts) and are_known(special, counts[-1])


def turn(text: str, images: Sequence[bytes]) -> list[dict[str, Any]]:
    """What a person says in a chat, with each of the pictures where `MARK` stands."""
    parts: list[dict[str, Any]] = []
    for number, said in enumerate(text.split(MARK)):
        if number:
            image = images[number - 1]
            url = f"data:image/{kind_of(image)};base64,{b64encode(image).decode()}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        if said:
            parts.append({"type": "text", "text": said})
    return [{"role": "user", "content": parts}]


async def _takes(ask: Ask, body: dict[str, Any]) -> bool:
    try:
        await ask(body)
    except EngineError:
        return False
    return True
