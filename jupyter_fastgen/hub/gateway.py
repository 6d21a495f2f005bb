"""The gateway's doors: authenticate, decode, hand on to the dispatcher."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
import traceback
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from tornado import web, websocket
from tornado.ioloop import PeriodicCallback

from ..engine import frames
from ..errors import UNREADABLE
from ..policy import Policy, concerning
from .auth import Authenticator, AuthError, Identity, TooOftenError
from .dispatch import DOWN, Caller
from .models import Models, UnknownModelError
from .quota import Quotas
from .seeing import Metrics
from .tries import Networks, origin

OUTBOX = 4096
"""Frames that may wait for a slow client."""

TRY_LATER = 1013
"""A websocket's code for a service that is overloaded, or not there yet."""

_log = logging.getLogger(__name__)

_clients = itertools.count(1)


@dataclass
class Gateway:
    """What the doors share.

    Every `recheck_s` seconds it is looked whether the token of a socket is still good. `proxies`
    are believed whom they speak for.
    """

    models: Models
    quotas: Quotas
    auth: Authenticator
    metrics: Metrics
    recheck_s: float = 20.0
    open_metrics: bool = False
    proxies: Networks = ()
    sockets: Counter[str] = field(default_factory=Counter[str])
    open: set[Socket] = field(default_factory=lambda: set[Socket]())
    ends: bool = False
    """Whether nothing new is begun."""
    people: dict[str, Identity] = field(default_factory=dict[str, Identity])
    """Everybody who was let in since the start, by name."""
    since: float = field(default_factory=time.time)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more; let what is under way end, within `seconds`; send everybody away."""
        self.ends = True
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while clock() < end and self._is_busy:
            for socket in self.open:
                if not socket.is_busy:
                    socket.send_away()
            await asyncio.sleep(0.05)
        for socket in self.open:
            socket.send_away()
        # What is sent last must still go out.
        await asyncio.sleep(0.1)

    @property
    def _is_busy(self) -> bool:
        schedulers = [model.dispatcher.scheduler for model in self.models]
        return any(scheduler.running or scheduler.waiting for scheduler in schedulers)


class Door(web.RequestHandler):
    """Lets in who has a token, in the header alone: URLs are logged, and browsers send cookies."""

    _retry_s = 0

    def initialize(self, gateway: Gateway) -> None:
        """Know the gateway."""
        self.gateway = gateway

    def check_xsrf_cookie(self) -> None:
        """No cookie lets anybody in."""

    def token(self) -> str:
        """What the call carries, "" if nothing."""
        return self.request.headers.get("Authorization", "").partition(" ")[2].strip()

    async def who(self) -> Identity | None:
        """Whose token the call carries; raises `HTTPError` where that can't be told."""
        token = self.token()
        if not token:
            return None
        request, gateway = self.request, self.gateway
        forwarded = request.headers.get_list("X-Forwarded-For")
        address = origin(str(request.remote_ip), forwarded, gateway.proxies)
        try:
            return await gateway.auth.identify(token, address)
        except TooOftenError as error:
            self._retry_s = math.ceil(error.retry_s)
            raise web.HTTPError(429, str(error)) from error
        except AuthError as error:
            raise web.HTTPError(503, str(error)) from error

    async def known(self) -> Identity:
        """As `who`; raises `HTTPError` for nobody."""
        user = await self.who()
        if user is None:
            self.gateway.metrics.refused.inc()
            raise web.HTTPError(403, "the token is wrong, or may not use this service")
        self.gateway.people[user.name] = user
        return user

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say why in JSON."""
        error = kwargs.get("exc_info", (None, None))[1]
        said = getattr(error, "log_message", None) or self._reason
        if self._retry_s:
            self.set_header("Retry-After", str(self._retry_s))
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
    _told = Policy()
    _told_ms = 0
    _told_percent: int | None = None

    async def prepare(self) -> None:
        """Let in whose token is good, and not too often; no page of a browser, of any origin."""
        if "Origin" in self.request.headers:
            raise web.HTTPError(403, "a gateway does not speak to browsers")
        user = await self.known()
        if self.gateway.sockets[user.name] >= self.gateway.quotas.limits(user.groups).sockets:
            raise web.HTTPError(429, "too many connections of this user are open: close one")
        self._user = user

    def open(self, *args: str, **kwargs: str) -> None:
        """Know the connection, and look now and then whether the token is still good."""
        assert self._user is not None
        self.set_nodelay(True)
        self._caller = Caller(self._user, f"c{next(_clients)}")
        self._tasks: set[asyncio.Task[None]] = set()
        self._outbox: asyncio.Queue[frames.FromGateway | None] = asyncio.Queue(OUTBOX)
        self._writer = asyncio.create_task(self._write())
        self.gateway.open.add(self)
        self.gateway.sockets[self._user.name] += 1
        self.gateway.metrics.sockets.inc()
        self._check = PeriodicCallback(self._look_again, 1000 * self.gateway.recheck_s, jitter=0.1)
        self._check.start()

    async def on_message(self, message: str | bytes) -> None:
        """One frame of the client."""
        try:
            frame = frames.decode_client(message if isinstance(message, bytes) else b"")
            asked = frames.decode_ask(frame.request) if isinstance(frame, frames.Start) else None
        except UNREADABLE:
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
            for model in self.gateway.models:
                model.dispatcher.cancel(self._caller, frame.id)

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for is under way."""
        return bool(self._tasks)

    def send_away(self) -> None:
        """Close it, once all is sent."""
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(None)

    def on_close(self) -> None:
        """End what the client asked for."""
        if self._caller is None:
            return
        self._check.stop()
        for task in (self._writer, *self._tasks):
            task.cancel()
        self.gateway.open.discard(self)
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
            self._greeted = True
            self._told = self._rules()
            if await self._welcome(self._told):
                self._tell_budget()

    def _rules(self) -> Policy:
        """What of the policy concerns the user, as it is now."""
        assert self._user is not None
        return concerning(self.gateway.models.policy, self._user.groups)

    async def _welcome(self, rules: Policy) -> bool:
        """Tell the models for the user, and the rules; leave where no model is there yet."""
        assert self._user is not None
        models = self.gateway.models.of(self._user)
        for model in models:
            await model.tried.wait()
        offered = [await model.offered() for model in models if model.loaded.is_set()]
        if models and not offered:
            self.close(TRY_LATER, DOWN)
            return False
        groups = self._user.groups
        most = self.gateway.quotas.limits(groups).body_bytes
        self._send(frames.Welcome(frames.VERSION, tuple(offered), rules, groups, most))
        return True

    def _start(self, ask: frames.Ask) -> None:
        assert self._user is not None
        full = len(self._tasks) >= self.gateway.quotas.limits(self._user.groups).documents
        if full or self.gateway.ends:
            self._send(frames.Busy(ask.id, 1000))
            return
        task = asyncio.create_task(self._answer(ask))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, ask: frames.Ask) -> None:
        assert self._caller is not None
        try:
            dispatcher = self.gateway.models.find(self._caller.user, ask.model).dispatcher
        except UnknownModelError as error:
            self._send(frames.Failed(ask.id, str(error)))
            return
        async with aclosing(dispatcher.stream(self._caller, ask)) as replies:
            async for reply in replies:
                self._send(reply)
        if dispatcher.scheduler.debounce_ms != self._told_ms:
            self._told_ms = dispatcher.scheduler.debounce_ms
            self._send(frames.Hint(self._told_ms))
        self._tell_budget()

    def _tell_budget(self) -> None:
        """What is left of it, by the hundredth: at most so many messages a day."""
        assert self._user is not None
        budget = self.gateway.quotas.budget(self._user.name, self._user.groups, time.time())
        if budget is not None and budget.percent != self._told_percent:
            self._told_percent = budget.percent
            self._send(budget)

    def _send(self, frame: frames.FromGateway) -> None:
        # Not awaited: a client that does not read must not keep its slots of the engine.
        try:
            self._outbox.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(1008, "what was asked for is not read")

    async def _write(self) -> None:
        with contextlib.suppress(websocket.WebSocketClosedError):
            while (frame := await self._outbox.get()) is not None:
                await self.write_message(frames.encode(frame), binary=True)
        self.close(frames.GOING_AWAY, "the gateway ends")

    async def _look_again(self) -> None:
        try:
            user = await self.who()
        except web.HTTPError:
            user = None
        if user is None or self._caller is None or user != self._caller.user:
            self.close(frames.REVOKED, "the token is no longer good, or its groups have changed")
        elif self._greeted:
            self._tell_budget()  # a new day may have begun
            if (rules := self._rules()) != self._told:
                self._told = rules
                await self._welcome(rules)


class Health(Door):
    """Whether requests can be taken; for anybody, and of nobody."""

    async def get(self) -> None:
        """200 with what runs, or 503 while nothing does."""
        states = {model.id: model.state for model in self.gateway.models}
        if self.gateway.ends or "ok" not in states.values():
            raise web.HTTPError(503, "no model can be asked")
        self.answer({"status": "ok", "models": states})


class MetricsDoor(Door):
    """Figures for Prometheus."""

    async def get(self) -> None:
        """To who has a token; to all where the administrator says so."""
        if not self.gateway.open_metrics:
            await self.known()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.answer(self.gateway.metrics.text())
