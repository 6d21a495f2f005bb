"""The gateway's doors: authenticate, decode, hand on to the dispatcher."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import traceback
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tornado import web, websocket
from tornado.ioloop import PeriodicCallback

from ..engine.base import Abilities, Engine
from . import frames
from .auth import Authenticator, AuthError, Identity
from .dispatch import Caller, Dispatcher
from .seeing import Metrics

OUTBOX = 4096
"""Frames that may wait for a slow client."""

_log = logging.getLogger(__name__)

_clients = itertools.count(1)


@dataclass
class Gateway:
    """What the doors share. `abilities` are what clients are told of the model `model`.

    Every `recheck_s` seconds it is looked whether the token of a socket is still good.
    """

    engine: Engine
    model: str
    abilities: Abilities
    auth: Authenticator
    dispatcher: Dispatcher
    metrics: Metrics
    recheck_s: float = 20.0
    open_metrics: bool = False
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the model is."""
    sockets: Counter[str] = field(default_factory=Counter[str])


class Door(web.RequestHandler):
    """Lets in who has a token, in the header alone: URLs are logged, and browsers send cookies."""

    def initialize(self, gateway: Gateway) -> None:
        """Know the gateway."""
        self.gateway = gateway

    def check_xsrf_cookie(self) -> None:
        """No cookie lets anybody in."""

    async def who(self) -> Identity | None:
        """Whose token the call carries; raises `HTTPError` where that can't be told."""
        _, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if not token.strip():
            return None
        try:
            return await self.gateway.auth.identify(token.strip())
        except AuthError as error:
            raise web.HTTPError(503, str(error)) from error

    async def known(self) -> Identity:
        """As `who`; raises `HTTPError` for nobody."""
        user = await self.who()
        if user is None:
            self.gateway.metrics.refused.inc()
            raise web.HTTPError(403, "the token is wrong, or may not use this service")
        return user

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say why in JSON."""
        error = kwargs.get("exc_info", (None, None))[1]
        said = getattr(error, "log_message", None) or self._reason
        self.answer({"error": {"message": said, "code": status_code}})

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log where it came from, not what it says: that may hold what a user typed."""
        if not isinstance(value, web.HTTPError):
            where = "".join(traceback.format_tb(tb))
            _log.error("%s %s: %s\n%s", self.request.method, type(self).__name__, typ, where)

    def answer(self, body: dict[str, Any] | bytes | None = None) -> None:
        """The end of the answer."""
        self.finish(body)  # pyright: ignore[reportUnknownMemberType]


class Socket(Door, websocket.WebSocketHandler):  # type: ignore[misc]
    """The websocket of a user's server: requests side by side, and what comes of them."""

    _user: Identity | None = None
    _caller: Caller | None = None
    _greeted = False
    _told_ms = 0

    async def prepare(self) -> None:
        """Let in whose token is good, and not too often; no page of a browser, of any origin."""
        if "Origin" in self.request.headers:
            raise web.HTTPError(403, "a gateway does not speak to browsers")
        user = await self.known()
        if self.gateway.sockets[user.name] >= self.gateway.dispatcher.limits.sockets:
            raise web.HTTPError(429, "too many connections of this user are open: close one")
        self._user = user

    def open(self, *args: str, **kwargs: str) -> None:
        """Know the connection, and look now and then whether the token is still good."""
        assert self._user is not None
        self.set_nodelay(True)
        self._caller = Caller(self._user, f"c{next(_clients)}")
        self._tasks: set[asyncio.Task[None]] = set()
        self._outbox: asyncio.Queue[frames.FromGateway] = asyncio.Queue(OUTBOX)
        self._writer = asyncio.create_task(self._write())
        self.gateway.sockets[self._user.name] += 1
        self.gateway.metrics.sockets.inc()
        self._check = PeriodicCallback(self._look_again, 1000 * self.gateway.recheck_s, jitter=0.1)
        self._check.start()

    async def on_message(self, message: str | bytes) -> None:
        """One frame of the client."""
        try:
            frame = frames.decode_client(message if isinstance(message, bytes) else b"")
            asked = frames.decode_ask(frame.request) if isinstance(frame, frames.Start) else None
        except (msgspec.DecodeError, RecursionError):
            self.close(1002, "a frame was not understood")
            return
        if not self._greeted:
            await self._greet(frame)
        elif isinstance(asked, frames.Failed):
            self._send(asked)
        elif asked is not None:
            self._start(asked)
        elif isinstance(frame, frames.Stop) and self._caller is not None:
            # The request may have come in the same breath: let its task take its first step.
            await asyncio.sleep(0)
            self.gateway.dispatcher.cancel(self._caller, frame.id)

    def on_close(self) -> None:
        """End what the client asked for."""
        if self._caller is None:
            return
        self._check.stop()
        for task in (self._writer, *self._tasks):
            task.cancel()
        sockets = self.gateway.sockets
        sockets[self._caller.user.name] -= 1
        if not sockets[self._caller.user.name]:
            del sockets[self._caller.user.name]
        self.gateway.metrics.sockets.dec()

    async def _greet(self, frame: frames.FromClient) -> None:
        if not isinstance(frame, frames.Hello):
            self.close(1002, "the first frame must be hello")
        elif frame.version != frames.VERSION:
            self.close(
                1002, f"the gateway speaks version {frames.VERSION}: install the same on both sides"
            )
        else:
            gateway = self.gateway
            await gateway.loaded.wait()
            stats = msgspec.structs.replace(
                await gateway.engine.stats(),
                model=gateway.model,
                abilities=gateway.abilities,
                sees="",
            )
            self._greeted = True
            self._send(frames.Welcome(frames.VERSION, stats))

    def _start(self, ask: frames.Ask) -> None:
        if len(self._tasks) >= self.gateway.dispatcher.limits.documents:
            self._send(frames.Busy(ask.id, 1000))
            return
        task = asyncio.create_task(self._answer(ask))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, ask: frames.Ask) -> None:
        assert self._caller is not None
        dispatcher = self.gateway.dispatcher
        async with aclosing(dispatcher.stream(self._caller, ask)) as replies:
            async for reply in replies:
                self._send(reply)
        if dispatcher.scheduler.debounce_ms != self._told_ms:
            self._told_ms = dispatcher.scheduler.debounce_ms
            self._send(frames.Hint(self._told_ms))

    def _send(self, frame: frames.FromGateway) -> None:
        # Not awaited: a client that does not read must not keep its slots of the engine.
        try:
            self._outbox.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(1008, "what was asked for is not read")

    async def _write(self) -> None:
        with contextlib.suppress(websocket.WebSocketClosedError):
            while True:
                await self.write_message(frames.encode(await self._outbox.get()), binary=True)

    async def _look_again(self) -> None:
        try:
            user = await self.who()
        except web.HTTPError:
            user = None
        if user is None or self._caller is None or user != self._caller.user:
            self.close(frames.REVOKED, "the token is no longer good, or its groups have changed")


class Health(Door):
    """Whether requests can be taken; for anybody, and of nobody."""

    async def get(self) -> None:
        """200 with what runs, or 503 with what is missing."""
        if not self.gateway.loaded.is_set():
            raise web.HTTPError(503, "the model is not loaded")
        self.answer({"status": "ok", "model": self.gateway.model})


class MetricsDoor(Door):
    """Figures for Prometheus."""

    async def get(self) -> None:
        """To who has a token; to all where the administrator says so."""
        if not self.gateway.open_metrics:
            await self.known()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.answer(self.gateway.metrics.text())


def routes(gateway: Gateway, prefix: str) -> list[Any]:
    """The doors below `prefix`, which begins and ends with a slash."""
    from .completions import Completions, Models

    doors = {
        frames.PATH: Socket,
        "v1/completions": Completions,
        "v1/models": Models,
        "health": Health,
        "metrics": MetricsDoor,
    }
    return [(f"{prefix}{path}", door, {"gateway": gateway}) for path, door in doors.items()]


def application(gateway: Gateway, prefix: str = "/") -> web.Application:
    """The gateway as a tornado application."""
    return web.Application(
        routes(gateway, prefix),
        websocket_ping_interval=30,
        websocket_max_message_size=gateway.dispatcher.limits.body_bytes,
        log_function=_say_nothing,
    )


def _say_nothing(handler: web.RequestHandler) -> None:
    """Requests are counted, not logged."""
