"""Any server with OpenAI's completions as an engine: vLLM, SGLang, TabbyAPI, llama-server.

https://platform.openai.com/docs/api-reference/completions, and what the named servers add to it,
of which only that is used which a server is found to know. The connection is closed to cancel.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urldefrag, urlsplit

import httpx

from ..images import MARK
from . import http, openai_api, sse
from .address import leaves, shown
from .asking import Asking, turn
from .base import (
    Abilities,
    BusyError,
    DownError,
    EngineError,
    Event,
    ModelSpec,
    Priority,
    Progress,
    Request,
    Stats,
    Text,
)
from .healing import Healed, Starts
from .http import HttpEngine
from .meter import Meter
from .openai_api import Chunk
from .stops import Stops

PATIENCE = 60.0
"""Seconds of silence: a long prompt may be read, behind those of others."""

PAUSES = (0.2, 1.0)
"""Seconds before an answer of which nothing came is asked for again."""

MOST_PAUSE = 5.0
"""Seconds that a busy server may ask to be left alone; a person does not wait longer."""

EACH = "continuous_usage_stats"
"""The option of vLLM that counts tokens with each piece of an answer."""

BUSY = frozenset([429, 502, 503, 504])

NOBODY = frozenset([502, 504])
"""Said by a proxy whose server is gone, where no time to come back is told."""

PRIORITIES: dict[Priority, int] = {"explicit": 0, "ghost": 1, "prefetch": 2}
"""As vLLM counts them: the lower goes first, and 0 is what others have who say nothing."""

MOST_STOPS = 4
"""OpenAI's API takes no more; the others end the answer here."""


class LostError(DownError):
    """Nothing came of an answer, and it may be asked for again."""


class OpenAIServer(HttpEngine):
    """An engine behind the URL of a server with OpenAI's API, as in `http://HOST:8000/v1#MODEL`."""

    def __init__(self, patience: float = PATIENCE) -> None:
        super().__init__()
        self._patience = patience
        self._url = ""
        self._model = ""
        self._salt = secrets.token_urlsafe(32)
        self._stats = Stats("openai", "")
        self._fields: frozenset[str] = frozenset()

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Connect to the server at `spec.location`, and ask it what it is and can."""
        url, model = urldefrag(spec.location)
        self._leaves = leaves(url)
        self._url = url.rstrip("/") if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1"
        self._client = http.client(self._url + "/", spec.api_key, self._patience)
        try:
            asking = Asking(self._client, self._url)
            found = await asking.model(model)
            self._model, self._fields = found.id, await asking.fields()
            self._stats = Stats(found.server, found.id, context=found.context, pid=os.getpid())
            progress(0.2)
            abilities = await asking.abilities(found, self._fields, self._whole)
            self._stats = Stats(
                found.server,
                found.id,
                context=found.context,
                pid=os.getpid(),
                grammar=abilities.grammar != "",
                abilities=abilities,
                sees="chat" if await asking.sees(self._whole) else "",
            )
        except (httpx.HTTPError, ValueError) as error:
            await self.close()
            raise EngineError(
                f"no server with OpenAI's API answers at {shown(self._url)}: {_said(error)}",
                "start it, or correct the URL",
            ) from error
        except EngineError:
            await self.close()
            raise
        progress(1.0)

    async def stats(self) -> Stats:
        """What runs where."""
        return self._stats

    async def _read(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        self._connected()
        if request.starts:
            await self._starts(request, meter, events)
            return
        body = self._body(request)
        if request.images:
            if not self._stats.sees:
                raise EngineError(f"the model {self._model} can't see", "choose one that does")
            if request.prompt.count(MARK) != len(request.images):
                raise EngineError(f"{len(request.images)} pictures, and not as many places")
            body["messages"] = turn(request.prompt, request.images)
        # What follows a grammar may not begin as it likes, and in a chat nothing can be bound.
        bound = request.images or (
            request.grammar and (self._stats.abilities or Abilities()).grammar
        )
        healed, stops, reason = Healed("" if bound else request.begin), Stops(request.stop), None
        while reason is None:
            meter.start_burst()
            if not request.images:
                body["prompt"] = request.prompt + healed.forced
                body |= self._told(request, healed.is_bound)
            ended = ""
            async with aclosing(self._chunks(body)) as chunks:
                async for chunk in chunks:
                    _count(meter, chunk)
                    ended = ended or chunk.finish or ""
                    if not request.max_tokens:
                        continue
                    text = healed.push(chunk.text, chunk.tokens)
                    self._hand_on(request, stops.push(text), healed, meter, events)
                    if healed.again or stops.met:
                        break
            if stops.met:
                reason = "stop"
            elif healed.again:
                healed.asked_again()
            elif healed.is_bound and request.max_tokens:
                self._hand_on(request, stops.push(healed.finish()), healed, meter, events)
                healed.asked_again()
            else:
                reason = "length" if ended == "length" else "stop"
        rest = "" if reason == "stop" and stops.met else stops.rest()
        self._hand_on(request, rest, healed, meter, events)
        events.put_nowait(meter.done(reason))

    def _hand_on(
        self,
        request: Request,
        piece: str,
        healed: Healed,
        meter: Meter,
        events: asyncio.Queue[Event | Exception],
    ) -> None:
        if piece:
            meter.text()
            logprobs = healed.take_logprobs() if request.logprobs else ()
            events.put_nowait(Text(request.id, piece, logprobs))

    async def _starts(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        """Tell the likeliest starts; none, where the server tells no choices."""
        starts = Starts(request.begin, request.starts)
        while starts.found is None:
            meter.start_burst()
            body = self._body(request) | self._told(request, bound=True)
            body |= {"prompt": request.prompt + starts.forced, "max_tokens": 1}
            tokens = [token async for chunk in self._counted(body, meter) for token in chunk.tokens]
            starts.push(tokens[0].choices if tokens else ())
        events.put_nowait(meter.done("stop", starts.found))

    async def _counted(self, body: dict[str, Any], meter: Meter) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self._chunks(body)) as chunks:
            async for chunk in chunks:
                _count(meter, chunk)
                yield chunk

    async def _whole(self, body: dict[str, Any]) -> list[Chunk]:
        """The pieces of the answer to `body`, which lacks what every request has."""
        whole = self._base() | body
        async with aclosing(self._chunks(whole)) as chunks:
            return [chunk async for chunk in chunks]

    def _base(self) -> dict[str, Any]:
        options: dict[str, Any] = {"include_usage": True}
        extra: dict[str, Any] = {
            "cache_salt": self._salt,
            # A model's own file of settings may ask for others, which do harm to code.
            "repetition_penalty": 1.0,
            # What ends an answer is looked for in its text.
            "skip_special_tokens": False,
        }
        if EACH in self._fields:
            options[EACH] = True
        known = {name: value for name, value in extra.items() if name in self._fields}
        return {"model": self._model, "stream": True, "stream_options": options} | known

    def _body(self, request: Request) -> dict[str, Any]:
        abilities = self._stats.abilities or Abilities()
        body = self._base()
        body |= {"max_tokens": max(1, request.max_tokens), "temperature": request.temperature}
        if "cache_salt" in body:
            body["cache_salt"] = request.salt or self._salt
        if request.temperature > 0:
            body |= {"seed": request.seed, "top_p": 0.9}
        if request.stop:
            body["stop"] = list(request.stop[:MOST_STOPS])
        if abilities.prioritizes:
            body["priority"] = PRIORITIES[request.priority]
        if request.grammar and abilities.grammar:
            body |= openai_api.grammar_field(abilities.grammar, request.grammar)
        return body

    def _told(self, request: Request, bound: bool) -> dict[str, Any]:
        """How much is to be told of each token."""
        choices = (self._stats.abilities or Abilities()).choices
        if not choices or not (bound or request.logprobs):
            return {"logprobs": None}
        return {"logprobs": choices if bound else 1}

    async def _chunks(self, body: dict[str, Any]) -> AsyncGenerator[Chunk, None]:
        """The pieces of an answer; one of which nothing came is asked for again."""
        for pause in (*PAUSES, None):
            came = False
            try:
                async with aclosing(self._once(body)) as chunks:
                    async for chunk in chunks:
                        came = True
                        yield chunk
                return
            except (BusyError, LostError) as error:
                told = error.pause if isinstance(error, BusyError) else None
                if came or pause is None or (told is not None and told > MOST_PAUSE):
                    raise
                await asyncio.sleep(pause if told is None else told)

    async def _once(self, body: dict[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Ask once; raises `EngineError`."""
        client = self._connected()
        ended = False
        try:
            path = "chat/completions" if "messages" in body else "completions"
            async with client.stream("POST", path, json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise self._refused(response)
                async for data in sse.data(response.aiter_bytes()):
                    if data == b"[DONE]":
                        return
                    chunk = openai_api.read(data)
                    ended = ended or chunk.finish is not None
                    yield chunk
                    # Counts that come with every piece lack what was cached: that comes last.
                    is_last = chunk.finish is None or not body["stream_options"].get(EACH)
                    if ended and chunk.usage is not None and is_last:
                        return
        except httpx.TimeoutException as error:
            if not ended:
                raise self._broken(f"nothing came for {self._patience:g} s") from error
        except httpx.TransportError as error:
            if not ended:
                raise self._broken(_said(error), LostError) from error
        except openai_api.RefusedError as error:
            raise EngineError(f"{self._name} failed: {error}") from error
        except ValueError as error:
            raise self._broken(f"its answer can't be read: {error}", EngineError) from error
        if not ended:
            raise self._broken("its answer has no end", LostError)

    @property
    def _name(self) -> str:
        return f"the server at {shown(self._url)}"

    def _broken(self, reason: str, kind: type[EngineError] = DownError) -> EngineError:
        return kind(f"{self._name} broke off: {reason}", "see to it that it runs")

    def _refused(self, response: httpx.Response) -> EngineError:
        said, status = openai_api.message(response.content), response.status_code
        if status in (401, 403):
            return EngineError(
                f"{self._name} refused the key: {said}",
                "set c.FastgenApp.api_key, or remote_api_key for c.FastgenApp.remote",
            )
        if status not in BUSY:
            return EngineError(f"{self._name} refused the request: {said or f'HTTP {status}'}")
        pause = _retry_after(response.headers.get("retry-after", ""))
        if pause is None and status in NOBODY:
            return self._broken(f"nothing is behind it (HTTP {status})", LostError)
        when = f" in {pause:.0f} s" if pause is not None and pause > MOST_PAUSE else ""
        return BusyError(f"{self._name} is busy (HTTP {status})", f"try again{when}", pause)


def _count(meter: Meter, chunk: Chunk) -> None:
    if chunk.usage is not None:
        meter.count(chunk.usage.prompt, chunk.usage.cached or 0, chunk.usage.new)


def _retry_after(value: str) -> float | None:
    """Seconds; None where the header is missing or says nothing (RFC 9110, section 10.2.3)."""
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
