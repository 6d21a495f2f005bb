"""The engine of a gateway, over a websocket; see `hub/frames.py`.

It lives in the server's own process: there is no model to load and nothing that could crash, and
another process would only cost memory in every user's server. Secrets are taken out of what is sent
and put back into what comes.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import random
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    websocket_connect,
)

from ..hub import frames
from ..hub.redaction import Redactor
from .address import GATEWAY
from .base import BusyError, Done, EngineError, Event, ModelSpec, Progress, Request, Stats, Text
from .worker import WorkerState

TOKEN = "JUPYTERHUB_API_TOKEN"
TOKEN_FILE = "FASTGEN_TOKEN_FILE"
"""Environment variables: the token of a JupyterHub's user server, and a file that holds one."""

CONNECT_SECONDS = 10.0

WAITS = (0.5, 1.0, 3.0, 10.0, 30.0)
"""Seconds before the first, second, … try in a row to connect again, the last for all others. Half
of it is drawn by lot: a gateway that comes back must not meet everybody at once."""

PATIENCE = 10.0
"""Seconds in which what a person asked for and waits for is asked again of a busy gateway."""

MAX_FRAME = 4 * 1024 * 1024
"""Bytes of the largest frame taken."""


class RemoteEngine:
    """An `Engine` behind a gateway; connects by itself, as often as it must."""

    def __init__(
        self,
        url: str,
        token: str = "",
        on_state: Callable[[WorkerState], None] = lambda state: None,
    ) -> None:
        """The `token` goes before that of the environment."""
        self._url = _clean(url)
        self._token = token
        self._on_state = on_state
        self._task: asyncio.Task[None] | None = None
        self._connection: WebSocketClientConnection | None = None
        self._key = secrets.token_bytes(16)
        self._streams: dict[int, asyncio.Queue[frames.Reply | EngineError]] = {}
        self._ids = itertools.count(1)
        self._running: dict[int, int] = {}
        self._cancelled: set[int] = set()
        self._welcomed = asyncio.Event()
        self._paused_until = 0.0
        self._debounce = 0.0
        self._retired = False
        self.loaded = Stats(engine="", model="")
        """What the gateway said of itself last."""
        self.state = WorkerState("idle")

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Connect to the gateway at `spec.location`; raises `EngineError`."""
        await self.close()
        self._url, self._token = _clean(spec.location), spec.api_key
        await self.ready()
        progress(1.0)

    def start(self) -> None:
        """Connect, if that is not so already; returns at once."""
        if not self._retired and (self._task is None or self._task.done()):
            self._set(WorkerState("loading", detail="connecting to the gateway"))
            self._task = asyncio.create_task(self._live())

    async def ready(self) -> None:
        """Wait until the gateway has answered; raises `EngineError` where it does not."""
        self.start()
        if self._task is None:
            raise EngineError("the engine was stopped", "try again")
        welcomed = asyncio.create_task(self._welcomed.wait())
        try:
            await asyncio.wait(
                {welcomed, self._task},
                return_when=asyncio.FIRST_COMPLETED,
                timeout=CONNECT_SECONDS + WAITS[0],
            )
        finally:
            welcomed.cancel()
        if not self._welcomed.is_set():
            raise EngineError(self.state.detail or "the gateway was left", self.state.remedy)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """See `Engine.stream`; raises `BusyError` while the gateway has too much to do."""
        self.start()
        if request.images:
            raise EngineError("the gateway takes no pictures", "describe it in words")
        redactor = Redactor()
        asked = self._ask(request, redactor)
        self._running[request.id] = 0
        try:
            if asked is None or await self._debounced(request):
                yield Done(request.id, "cancelled" if asked else "stop")
                return
            end = asyncio.get_running_loop().time() + PATIENCE
            while True:
                try:
                    async for event in self._once(request, asked, redactor):
                        yield event
                    return
                except BusyError:
                    now = asyncio.get_running_loop().time()
                    if request.priority != "explicit" or self._paused_until > end:
                        raise
                    await asyncio.sleep(self._paused_until - now)
                if request.id in self._cancelled:
                    yield Done(request.id, "cancelled")
                    return
        finally:
            self._running.pop(request.id, None)
            self._cancelled.discard(request.id)

    def cancel(self, id: int) -> None:
        """See `Engine.cancel`."""
        if id in self._running:
            self._cancelled.add(id)
            if wire := self._running[id]:
                self._send(frames.Stop(wire))

    async def stats(self) -> Stats:
        """What runs at the gateway, as far as it has told."""
        return self.loaded

    async def restart(self) -> None:
        """Connect anew, whatever the state."""
        await self.close()
        self.start()

    async def close(self) -> None:
        """Leave the gateway."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._set(WorkerState("idle"))

    async def retire(self) -> None:
        """Leave the gateway for good."""
        self._retired = True
        await self.close()

    # --- one request ---------------------------------------------------------

    def _ask(self, request: Request, redactor: Redactor) -> frames.Ask | None:
        """What is sent of `request`, without secrets; None where one is just being typed."""
        whole = redactor.redact(request.prompt + request.begin)
        if not whole.endswith(request.begin):
            return None
        # What a document is called is nobody's business there.
        name = hashlib.blake2b(request.document.encode(), digest_size=12, key=self._key).hexdigest()
        return frames.Ask(
            id=0,
            prompt=whole[: len(whole) - len(request.begin)],
            begin=request.begin,
            max_tokens=request.max_tokens,
            stop=request.stop,
            temperature=request.temperature,
            seed=request.seed,
            document=name if request.document else "",
            logprobs=request.logprobs,
            starts=request.starts,
            grammar=redactor.redact(request.grammar),
            progress=request.progress,
            priority=request.priority,
            original=redactor.redact(request.original),
        )

    async def _debounced(self, request: Request) -> bool:
        """Wait as the gateway asks its clients to, which may change; whether it was cancelled."""
        if request.priority != "explicit" and self._debounce:
            await asyncio.sleep(self._debounce)
        return request.id in self._cancelled

    async def _once(
        self, request: Request, asked: frames.Ask, redactor: Redactor
    ) -> AsyncGenerator[Event, None]:
        if asyncio.get_running_loop().time() < self._paused_until:
            raise self._busy()
        if not self._welcomed.is_set():
            raise EngineError(self.state.detail or "the gateway was left", self.state.remedy)
        wire = next(self._ids)
        replies = self._streams[wire] = asyncio.Queue()
        self._running[request.id] = wire
        self._send(frames.Start.of(msgspec.structs.replace(asked, id=wire)))
        ended = False
        held: tuple[float, ...] = ()
        try:
            while not ended:
                reply = await replies.get()
                ended = not isinstance(reply, Text)
                if isinstance(reply, Text):
                    text = redactor.restore(reply.text)
                    held += reply.logprobs
                    if text or reply.read is not None:
                        yield Text(request.id, text, held, reply.read)
                        held = ()
                elif isinstance(reply, Done):
                    if rest := redactor.rest():
                        yield Text(request.id, rest, held)
                    yield msgspec.structs.replace(reply, id=request.id)
                elif isinstance(reply, frames.Superseded):
                    yield Done(request.id, "cancelled")
                elif isinstance(reply, frames.Busy):
                    seconds = reply.retry_ms / 1000 * random.uniform(1, 1.5)
                    self._paused_until = asyncio.get_running_loop().time() + seconds
                    raise self._busy()
                elif isinstance(reply, frames.Failed):
                    raise EngineError(reply.reason, reply.remedy)
                else:
                    raise reply
        finally:
            del self._streams[wire]
            if not ended:
                self._send(frames.Stop(wire))

    def _busy(self) -> BusyError:
        return BusyError(
            "the shared engine is busy: suggestions pause for a moment", "they go on by themselves"
        )

    # --- the connection ------------------------------------------------------

    async def _live(self) -> None:
        failed = 0
        while True:
            try:
                # One that was welcomed and lost is tried again soon.
                failed = 0 if await self._connected() else failed + 1
                lost = WorkerState("loading", detail="the gateway closed the connection")
            except EngineError as error:
                failed += 1
                lost = WorkerState("loading", detail=error.reason, remedy=error.remedy)
                if isinstance(error, _ForGoodError):
                    self._set(WorkerState("error", detail=error.reason, remedy=error.remedy))
                    return
            self._set(lost)
            wait = WAITS[min(failed, len(WAITS) - 1)]
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _connected(self) -> bool:
        """One connection from its start to its end; whether it was welcomed.

        Raises `EngineError` if there was none.
        """
        self._connection = connection = await self._connect()
        try:
            self._send(frames.Hello(frames.VERSION))
            while (message := await connection.read_message()) is not None:
                self._take(message)
        except msgspec.DecodeError as error:
            raise _ForGoodError(
                f"what answers at {self._url} is no gateway of this version: {error}",
                "correct c.FastgenApp.model, or install the same version on both sides",
            ) from error
        finally:
            self._connection = None
            welcomed = self._welcomed.is_set()
            self._welcomed.clear()
            connection.close()
            gone = EngineError("the connection to the gateway was lost", "it comes back by itself")
            for replies in self._streams.values():
                replies.put_nowait(gone)
        if connection.close_code == 1002:
            raise _ForGoodError(f"the gateway refused: {connection.close_reason}")
        return welcomed

    async def _connect(self) -> WebSocketClientConnection:
        url = f"ws{self._url.removeprefix('http')}/{frames.PATH}"
        headers = {"Authorization": f"token {self._find_token()}"}
        try:
            request = HTTPRequest(url, headers=headers, connect_timeout=CONNECT_SECONDS)
            return await websocket_connect(request, ping_interval=30, max_message_size=MAX_FRAME)
        except HTTPClientError as error:
            if error.code in (401, 403):
                raise _ForGoodError(
                    f"the gateway at {self._url} does not let this user in",
                    "ask the administrator for access, then use Restart in the status panel",
                ) from error
            if error.code == 404:
                raise _ForGoodError(
                    f"there is no gateway at {self._url}", "correct c.FastgenApp.model"
                ) from error
            raise EngineError(
                f"the gateway at {self._url} refused: HTTP {error.code}", "it is tried again"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise _ForGoodError(
                f"the certificate of {urlsplit(self._url).hostname} is not trusted:"
                f" {error.verify_message}",
                "name it in SSL_CERT_FILE",
            ) from error
        except (OSError, ValueError) as error:
            raise EngineError(
                f"no gateway answers at {self._url}: {error}", "it is tried again"
            ) from error

    def _find_token(self) -> str:
        """The token, looked for at each connection: it may have been replaced."""
        if self._token:
            return self._token
        try:
            if file := os.environ.get(TOKEN_FILE):
                return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(f"{TOKEN_FILE} can't be read: {error}") from error
        if token := os.environ.get(TOKEN):
            return token
        raise _ForGoodError(
            "there is no token for the gateway",
            f"set c.FastgenApp.api_key, or {TOKEN_FILE} to a file that holds it",
        )

    def _take(self, message: str | bytes) -> None:
        frame = frames.decode_gateway(message if isinstance(message, bytes) else b"")
        if isinstance(frame, frames.Welcome):
            self.loaded = frame.stats
            self._welcomed.set()
            self._set(WorkerState("ready"))
        elif isinstance(frame, frames.Hint):
            self._debounce = frame.debounce_ms / 1000
        elif replies := self._streams.get(frame.id):
            replies.put_nowait(frame)

    def _send(self, frame: frames.FromClient) -> None:
        # A lost connection is told to every stream; the frame is then void.
        if self._connection is not None:
            with suppress(WebSocketClosedError):
                sent = self._connection.write_message(frames.encode(frame), binary=True)
                asyncio.ensure_future(sent).add_done_callback(
                    lambda task: task.cancelled() or task.exception()
                )

    def _set(self, state: WorkerState) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)


def _clean(url: str) -> str:
    return url.removeprefix(GATEWAY).rstrip("/")


class _ForGoodError(EngineError):
    """Connecting again would not help."""
