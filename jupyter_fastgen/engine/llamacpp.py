"""llama.cpp as an engine: the HTTP API of `llama-server`, running elsewhere or in this process.

The API is documented in llama.cpp's `tools/server/README.md`. `xllamacpp.Server`
is the same server inside a Python wheel. Closing a response cancels its job.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import httpx
import msgspec

from ..images import IMAGE_TOKENS, MARK, kind_of
from . import drafting, http, machine
from .address import leaves, shown
from .answer import CHOICES, Answer
from .asking import FIM, TURNS, are_known
from .base import (
    Abilities,
    DownError,
    EngineError,
    Event,
    ModelSpec,
    Progress,
    Request,
    Stats,
    Text,
)
from .http import HttpEngine
from .meter import Meter
from .slots import Slots

BATCH = 64
"""Prompt tokens computed between two looks at whether the job was cancelled: 0.4 s on two cores."""

BURST_MS = 50.0
"""Decoding asked for at once. llama.cpp sees a closed connection a token late and has then begun
another, two steps for which the next request waits; between bursts there is nothing to wait for.
A burst costs about 4 ms."""

KEY = 4
"""So many tokens in a row that came before are taken to go on as they did: fewer make drafts that
are rejected, more make few drafts."""

DRAFT = 8
"""Tokens drafted at once until it is measured what pays: right for two cores."""

TRIAL = 1 + 2 * (DRAFT + 1)
"""Tokens of an answer that is easy to draft, to measure it with: the prompt's pass writes one, two
over drafts the others."""

KINDS = frozenset(["png", "jpeg"])
"""Of pictures that llama.cpp reads."""

READ, STARTED = 0.8, 0.95
"""How far loading is when the file is read, and when the server is there."""

READ_BLOCK = 8 * 1024 * 1024
"""Bytes read between two reports while the model file comes from the disk."""


class LlamaServer(HttpEngine):
    """An engine behind the URL of a `llama-server`."""

    def __init__(self) -> None:
        super().__init__()
        self._slots = Slots(1)
        self._spec: ModelSpec | None = None
        self._url = ""
        self._context = 0
        self._threads = 0
        self._draft = 0
        self._token_ms = BURST_MS
        self._abilities: Abilities | None = None
        self._marker = ""

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Connect to the server at `spec.location`, and ask it what its model knows."""
        self._leaves = leaves(spec.location)
        await self._connect(spec, urldefrag(spec.location).url, spec.api_key)
        self._abilities = Abilities(
            server="llama-server",
            fim="qwen" if await self._knows(FIM) else "prefix-only",
            chat="chatml" if await self._knows(TURNS) else "plain",
            choices=CHOICES,
            counts=True,
            aborts=True,
            grammar="grammar",
            salts=True,  # by its slots
        )
        progress(1.0)

    async def _knows(self, special: Sequence[str]) -> bool:
        """Whether each of these is a token of the model."""
        body = {"content": "".join(special), "parse_special": True}
        try:
            response = await self._connected().post("/tokenize", json=body)
            return are_known(special, len(response.raise_for_status().json()["tokens"]))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._broken(str(error) or type(error).__name__) from error

    async def _connect(self, spec: ModelSpec, url: str, api_key: str) -> None:
        client = http.client(url, api_key, None)
        try:
            props = await client.get("/props")
            props.raise_for_status()
            slots = int(props.json().get("total_slots", 1))
            # Of one slot; a server that does not tell takes what was planned.
            defaults = props.json().get("default_generation_settings", {})
            self._context = int(defaults.get("n_ctx", spec.context))
            if props.json().get("modalities", {}).get("vision"):
                self._marker = str(props.json()["media_marker"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            await client.aclose()
            raise EngineError(
                f"no llama-server answers at {shown(url)}: {error or type(error).__name__}",
                "start one (`llama-server -m MODEL.gguf`) or correct the URL of the model",
            ) from error
        self._client = client
        self._spec = spec
        self._url = url
        self._slots = Slots(slots)

    async def _read(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        """Put the events of `request` into `events`, a `Done` last; raises `EngineError`."""
        try:
            await self._post(request, meter, events)
        except (httpx.HTTPError, msgspec.MsgspecError, ValueError, KeyError) as error:
            raise self._broken(str(error) or type(error).__name__) from error

    async def _post(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        """Ask for the answer, one burst after the other, until it ends."""
        client = self._connected()
        if request.images:
            self._check_images(request)
        answer = Answer(request, self._burst_tokens(), self._marker)
        while answer.reason is None:
            meter.start_burst()
            with self._slots.lend(request.document, request.salt) as (slot, is_own):
                body = answer.body() | {"id_slot": slot}
                if not is_own:
                    # What another user's prompt left there would show in times and counts.
                    body["cache_prompt"] = False
                async with contextlib.aclosing(self._burst(client, body)) as told:
                    async for data in told:
                        meter.read(data)
                        # Later bursts read what the ones before wrote.
                        is_first = request.progress and meter.bursts == 1
                        if is_first and (read := _read_share(data)) is not None:
                            events.put_nowait(Text(request.id, "", read=read))
                        if piece := answer.take(data):
                            meter.text()
                            events.put_nowait(Text(request.id, piece, answer.take_logprobs()))
                        if answer.reason:
                            break
            self._token_ms = meter.token_ms or self._token_ms
            if rest := answer.end_burst(meter.burst_tokens):
                events.put_nowait(Text(request.id, rest, answer.take_logprobs()))
        events.put_nowait(meter.done(answer.reason, answer.starts))

    async def _burst(
        self, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The server's events for one post, the one with `stop` last."""
        async with client.stream("POST", "/completion", json=body) as response:
            if response.status_code != 200:
                await response.aread()
                raise EngineError(f"llama.cpp refused the request: {_message(response)}")
            async for line in response.aiter_lines():
                if not line.startswith("data: "):
                    continue
                data: dict[str, Any] = msgspec.json.decode(line[6:])
                if "error" in data:
                    raise EngineError(
                        f"llama.cpp failed: {data['error'].get('message', data['error'])}"
                    )
                yield data
                if data.get("stop"):
                    return
        raise self._broken("its answer has no end")

    def _check_images(self, request: Request) -> None:
        if not self._marker:
            raise EngineError("the model can't see", "choose one with a projector file")
        if request.prompt.count(MARK) != len(request.images):
            raise EngineError(f"{len(request.images)} pictures, and not as many places for them")
        if request.prompt.endswith(MARK):
            raise EngineError("nothing follows the picture")  # llama.cpp would end its process
        if not all(kind_of(image) in KINDS for image in request.images):
            # What it can't read as a picture, it would give to ffprobe as a film.
            raise EngineError("llama.cpp reads PNG and JPEG files", "save the picture as one")

    def _burst_tokens(self) -> int | None:
        """How many tokens to ask for at once; None: all, for others may wait for the slots."""
        return None

    def _broken(self, reason: str) -> EngineError:
        return DownError(
            f"the llama-server at {shown(self._url)} broke off: {reason}", "see to it that it runs"
        )

    async def stats(self) -> Stats:
        """What runs where."""
        spec = self._spec
        return Stats(
            engine="llama.cpp",
            model=spec.name if spec else "",
            threads=self._threads,
            context=self._context,
            pid=os.getpid(),
            draft=self._draft,
            abilities=self._abilities,
            sees="prompt" if self._marker else "",
        )


class LlamaCpp(LlamaServer):
    """llama.cpp in this process, through the `xllamacpp` wheel.

    Meant for the worker process: its threads compute here, and the memory comes
    back only when the process ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._server: Any = None

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Read the file into the page cache, which is what `progress` shows, then start."""
        path = Path(spec.location)
        if not await asyncio.to_thread(path.is_file):
            raise EngineError(
                f"model file {path} does not exist", "run `jupyter fastgen models pull`"
            )
        try:
            xllamacpp: Any = importlib.import_module("xllamacpp")
        except ImportError as error:
            raise EngineError(
                f"xllamacpp can't be imported: {error}",
                "run `pip install xllamacpp`; if it names libgomp, install your system's libgomp1",
            ) from error
        await asyncio.to_thread(_read_through, path, progress)
        self._threads = spec.threads or machine.fitting_threads()
        await self._start(xllamacpp, spec, DRAFT if spec.draft is None else spec.draft)
        progress(STARTED)
        if spec.draft is None and (fitting := await self._fitting_draft()) != DRAFT:
            await self.close()
            await self._start(xllamacpp, spec, fitting)
        progress(1.0)

    async def _start(self, xllamacpp: Any, spec: ModelSpec, draft: int) -> None:
        key = secrets.token_urlsafe(24)
        params = _params(xllamacpp, spec, self._threads, draft, key)
        server: Any = xllamacpp.Server
        try:
            self._server = await asyncio.to_thread(server, params)
        except Exception as error:  # xllamacpp raises bare RuntimeError and ValueError
            raise EngineError(
                f"llama.cpp can't load {Path(spec.location).name}: {error}",
                "run `jupyter fastgen models verify`, then `jupyter fastgen models pull`",
            ) from error
        self._draft = draft
        await self._connect(spec, self._server.listening_address, key)

    async def _fitting_draft(self) -> int:
        """How many tokens to draft at once, by the times of this machine."""
        assert self._client is not None
        body = {
            "prompt": "one two three four five six seven eight nine ten\n" * 3,
            "n_predict": TRIAL,
            "temperature": 0.0,
        }
        step, passes = 0.0, list[float]()
        try:
            # The second time the prompt is in the cache, and its prefill a pass over one token.
            for _ in range(2):
                told = (await self._client.post("/completion", json=body)).json()["timings"]
                accepted = int(told.get("draft_n_accepted", 0))
                if accepted < TRIAL // 2:
                    return DRAFT
                step = float(told["prompt_ms"]) / max(1, int(told["prompt_n"]))
                count = int(told["predicted_n"]) - 1 - accepted
                passes.append(float(told["predicted_ms"]) / count)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise self._broken(str(error) or type(error).__name__) from error
        return drafting.fitting_length(step, min(passes), DRAFT)

    def _burst_tokens(self) -> int | None:
        # A draft ends where its burst does.
        return None if self._draft else max(1, round(BURST_MS / self._token_ms))

    def _broken(self, reason: str) -> EngineError:
        return DownError(
            f"llama.cpp broke off: {reason}",
            "try again; if it recurs, run `jupyter fastgen doctor`",
        )

    async def close(self) -> None:
        """End all requests and drop the server."""
        await super().close()
        self._server = None


def _read_share(data: dict[str, Any]) -> float | None:
    """How much of what was not cached of the prompt is read, 0..1, if an event tells."""
    told = data.get("prompt_progress")
    if not told or told["total"] <= told["cache"]:
        return None
    return (told["processed"] - told["cache"]) / (told["total"] - told["cache"])


def _message(response: httpx.Response) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(response.json()["error"]["message"])
    return f"HTTP {response.status_code}"


def _read_through(path: Path, progress: Progress) -> None:
    """Read the whole file once, so that mapping it later meets no disk."""
    size = path.stat().st_size
    done = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(READ_BLOCK):
            done += len(block)
            progress(READ * done / size)


def _params(xllamacpp: Any, spec: ModelSpec, threads: int, draft: int, key: str) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = spec.location
    params.n_ctx = spec.context * spec.slots
    params.n_parallel = spec.slots
    params.kv_unified = False
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0
    if spec.projector:
        params.mmproj.path = spec.projector
        params.image_max_tokens = IMAGE_TOKENS
    if draft:
        kinds: Any = xllamacpp.common_speculative_type
        params.speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        params.speculative.ngram_simple.size_n = KEY
        params.speculative.ngram_simple.size_m = draft
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.verbosity = 1
    return params
