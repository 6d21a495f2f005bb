"""The engine of a gateway, over a websocket; see `frames.py`.

It lives in the server's own process: there is no model to load and nothing that could crash, and
another process would only cost memory in every user's server.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import msgspec
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
)

from ..errors import UNREADABLE
from ..policy import Policy
from . import frames
from .base import (
    BusyError,
    Done,
    EngineError,
    Event,
    ModelSpec,
    Progress,
    RefusedError,
    Request,
    Role,
    Stats,
    Text,
)
from .hiding import hiding
from .supervised import Supervised, WorkerState
from .way import CONNECT_SECONDS, ForGoodError, Way

WAITS = (0.5, 1.0, 3.0, 10.0, 30.0)
"""Seconds before the first, second, … try in a row to connect again, the last for all others. Half
of it is drawn by lot: a gateway that comes back must not meet everybody at once."""

AWAY_SECONDS = 5.0
"""Over which those come back whom a gateway that ends sent away: the hub is asked about each."""

BUSY = "the shared engine is busy"

PATIENCE = 10.0
"""Seconds in which what a person asked for and waits for is asked again of a busy gateway."""

Told = frames.Hint | frames.Budget | frames.Failed
"""What else the gateway says that is for people: how long to wait after a key, what is left of the
day's tokens, and what was refused."""


class RemoteEngine(Supervised):
    """An `Engine` behind a gateway; connects by itself, as often as it must."""

    def __init__(
        self,
        url: str,
        token: str = "",
        on_state: Callable[[WorkerState], None] = lambda state: None,
        role: Role = "completion",
        on_told: Callable[[Told], None] = lambda told: None,
        on_policy: Callable[[Policy, tuple[str, ...]], None] = lambda policy, groups: None,
    ) -> None:
        """See `Way` for `url` and `token`.

        Where the URL names none of the gateway's models, the first for `role` is asked.
        `on_policy` is told what the gateway says of its user and their groups, and again when that
        has changed.
        """
        super().__init__(
            "",
            on_state,
            WorkerState("loading", detail="connecting to the gateway"),
            "the gateway was left",
            CONNECT_SECONDS + WAITS[0],
        )
        self._way = Way(url, token)
        self._role: Role = role
        self._on_told = on_told
        self._on_policy = on_policy
        self._connection: WebSocketClientConnection | None = None
        self._key = secrets.token_bytes(16)
        self._streams: dict[int, asyncio.Queue[frames.Reply | EngineError]] = {}
        self._ids = itertools.count(1)
        self._running: dict[int, int] = {}
        self._cancelled: set[int] = set()
        self._paused_until = 0.0
        self._paused_for = ""
        self._budget: frames.Budget | None = None
        self._spent_until = 0.0
        self._sent_away = False
        self._most = 0

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Connect to the gateway at `spec.location`; raises `EngineError`."""
        await self.close()
        self._way = Way(spec.location, spec.api_key)
        await self.ready()
        progress(1.0)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """See `Engine.stream`; raises `BusyError` while the gateway has too much to do."""
        self.start()
        if request.adapter:
            raise EngineError(
                "a gateway has no adapters but its administrator's",
                "leave c.FastgenApp.ghost_adapter and c.FastgenApp.edit_adapter empty",
            )
        if request.images and self._ready.is_set() and not self.loaded.sees:
            raise EngineError("the gateway's model can't see", "describe it in words")
        async with aclosing(hiding(self._stream, request)) as events:
            async for event in events:
                yield event

    async def _stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self._running[request.id] = 0
        try:
            end = asyncio.get_running_loop().time() + PATIENCE
            while True:
                try:
                    async for event in self._once(request):
                        yield event
                    return
                except BusyError as busy:
                    now = asyncio.get_running_loop().time()
                    if request.priority != "explicit":
                        raise
                    if self._paused_until > end:
                        raise BusyError(self._paused_for or BUSY, "ask again in a moment") from busy
                    await asyncio.sleep(self._paused_until - now)
                    with suppress(asyncio.TimeoutError):  # a gateway that ends is busy first
                        await asyncio.wait_for(self._ready.wait(), max(0.0, end - now))
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

    # --- one request ---------------------------------------------------------

    def _ask(self, request: Request, id: int) -> frames.Ask:
        """What is sent of `request`."""
        # What a document is called is nobody's business there.
        name = hashlib.blake2b(request.document.encode(), digest_size=12, key=self._key).hexdigest()
        return frames.Ask(
            id=id,
            prompt=request.prompt,
            model=self.loaded.model,
            begin=request.begin,
            max_tokens=request.max_tokens,
            stop=request.stop,
            temperature=request.temperature,
            seed=request.seed,
            document=name if request.document else "",
            logprobs=request.logprobs,
            starts=request.starts,
            grammar=request.grammar,
            progress=request.progress,
            priority=request.priority,
            original=request.original,
            images=request.images,
        )

    async def _once(self, request: Request) -> AsyncGenerator[Event, None]:
        now = asyncio.get_running_loop().time()
        if now < self._paused_until:
            raise self._busy()
        if self._budget is not None and self._budget.is_spent and now < self._spent_until:
            raise RefusedError(*frames.spent(self._budget))
        if not self._ready.is_set():
            raise EngineError(self.state.detail or "the gateway was left", self.state.remedy)
        wire = next(self._ids)
        start = frames.Start.of(self._ask(request, wire))
        size = len(frames.encode(start))
        if 0 < self._most < size:
            raise EngineError(
                f"the request has {size / 1000:,.0f} kB, and the gateway takes"
                f" {self._most / 1000:,.0f} kB",
                "scale pictures down, or ask the administrator for more (limits, body_bytes)",
            )
        replies = self._streams[wire] = asyncio.Queue()
        self._running[request.id] = wire
        self._send(start)
        ended = False
        try:
            while not ended:
                reply = await replies.get()
                ended = not isinstance(reply, Text | frames.Place)
                if isinstance(reply, frames.Place):
                    yield Text(request.id, "", place=reply.place)
                elif isinstance(reply, Text | Done):
                    yield msgspec.structs.replace(reply, id=request.id)
                elif isinstance(reply, frames.Superseded):
                    yield Done(request.id, "cancelled")
                elif isinstance(reply, frames.Busy):
                    self._paused_for = reply.reason
                    seconds = reply.retry_ms / 1000 * random.uniform(1, 1.5)
                    self._paused_until = asyncio.get_running_loop().time() + seconds
                    raise self._busy()
                elif isinstance(reply, frames.Failed):
                    kind = RefusedError if reply.refused else EngineError
                    raise kind(reply.reason, reply.remedy)
                else:
                    raise reply
        finally:
            del self._streams[wire]
            if not ended:
                self._send(frames.Stop(wire))

    def _busy(self) -> BusyError:
        why = self._paused_for or BUSY
        return BusyError(f"{why}: suggestions pause for a moment", "they go on by themselves")

    # --- the connection ------------------------------------------------------

    async def _supervise(self) -> None:
        failed = 0
        while True:
            try:
                # One that was welcomed and lost is tried again soon.
                failed = 0 if await self._connected() else failed + 1
                lost = WorkerState("loading", detail="the gateway closed the connection")
            except EngineError as error:
                failed += 1
                lost = WorkerState("loading", detail=error.reason, remedy=error.remedy)
                if isinstance(error, ForGoodError):
                    self._set(WorkerState("error", detail=error.reason, remedy=error.remedy))
                    return
            self._set(lost)
            wait = WAITS[min(failed, len(WAITS) - 1)] * random.uniform(0.5, 1.0)
            await asyncio.sleep(wait + random.uniform(0, AWAY_SECONDS) * self._sent_away)

    async def _connected(self) -> bool:
        """One connection from its start to its end; whether it was welcomed.

        Raises `EngineError` if there was none.
        """
        # A task of tornado's would wait for ever to hand on what nobody reads any more.
        inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._connection = connection = await self._way.connect(inbox.put_nowait)
        try:
            self._send(frames.Hello(frames.VERSION))
            while (message := await inbox.get()) is not None:
                self._take(message)
        except UNREADABLE as error:
            raise ForGoodError(
                f"what answers at {self._way.url} is no gateway of this version: {error}",
                "correct c.FastgenApp.model, or install the same version on both sides",
            ) from error
        finally:
            self._connection = None
            self._budget = None
            welcomed = self._ready.is_set()
            self._ready.clear()
            connection.close()
            gone = EngineError("the connection to the gateway was lost", "it comes back by itself")
            for replies in self._streams.values():
                replies.put_nowait(gone)
        self._sent_away = connection.close_code == frames.GOING_AWAY
        if connection.close_code == 1002:
            raise ForGoodError(f"the gateway refused: {connection.close_reason}")
        if connection.close_reason and not welcomed:
            raise EngineError(connection.close_reason, "it is tried again")
        return welcomed

    def _take(self, message: str | bytes) -> None:
        frame = frames.decode_gateway(message if isinstance(message, bytes) else b"")
        if isinstance(frame, frames.Welcome):
            self._on_policy(frame.policy, frame.groups)
            self.loaded = self._choose(frame.models)
            self._most = frame.body_bytes
            self._ready.set()
            self._set(WorkerState("ready"))
        elif isinstance(frame, frames.Hint):
            self._on_told(frame)
        elif isinstance(frame, frames.Budget):
            self._budget = frame
            self._spent_until = asyncio.get_running_loop().time() + frame.reset_s
            self._on_told(frame)
        elif replies := self._streams.get(frame.id):
            replies.put_nowait(frame)
            if isinstance(frame, frames.Failed) and frame.refused:
                self._on_told(frame)

    def _choose(self, models: tuple[frames.Offered, ...]) -> Stats:
        """What is said of the model that is asked; raises `EngineError` where there is none."""
        if not models:
            raise EngineError(
                f"the gateway at {self._way.url} has no model for this user",
                "ask the administrator for access",
            )
        if not self._way.model:
            fitting = [model for model in models if self._role in model.roles]
            return (fitting or models)[0].stats
        for model in models:
            if model.id == self._way.model:
                return model.stats
        names = ", ".join(model.id for model in models)
        raise ForGoodError(
            f"the gateway at {self._way.url} has no model {self._way.model!r} for this user; it has"
            f" {names}",
            "name one behind a # at the end of the URL",
        )

    def _send(self, frame: frames.FromClient) -> None:
        # A lost connection is told to every stream; the frame is then void.
        if self._connection is not None:
            with suppress(WebSocketClosedError):
                sent = self._connection.write_message(frames.encode(frame), binary=True)
                asyncio.ensure_future(sent).add_done_callback(
                    lambda task: task.cancelled() or task.exception()
                )
