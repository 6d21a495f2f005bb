"""A gateway in this process, in front of an engine that writes what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine.base import Abilities, Done, Engine, Event, Request, Text
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.hub.application import application
from jupyter_fastgen.hub.auth import AuthError, Identity
from jupyter_fastgen.hub.breaker import Breaker
from jupyter_fastgen.hub.dispatch import Account, Dispatcher
from jupyter_fastgen.hub.gateway import Gateway
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.hub.models import Model, Models
from jupyter_fastgen.hub.quota import Quotas
from jupyter_fastgen.hub.scheduler import Scheduler
from jupyter_fastgen.hub.seeing import Metrics
from jupyter_fastgen.policy import Policy

from ..engine.scripted import ScriptedEngine


@dataclass
class Known:
    """Users by their tokens; `down`: nobody can be asked."""

    users: dict[str, Identity] = field(
        default_factory=lambda: {
            "alice-token": Identity("alice", ("ai-users",)),
            "bob-token": Identity("bob"),
        }
    )
    down: bool = False

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        if self.down:
            raise AuthError("the hub is down")
        return self.users.get(token)


@dataclass
class Running:
    url: str
    gateway: Gateway
    dispatcher: Dispatcher
    auth: Known
    accounts: list[Account]
    remotes: list[RemoteEngine] = field(default_factory=list)

    @property
    def scheduler(self) -> Scheduler:
        return self.dispatcher.scheduler

    @property
    def breaker(self) -> Breaker:
        return self.dispatcher.breaker

    async def remote(self, token: str = "alice-token") -> RemoteEngine:
        """A user's server, connected."""
        remote = RemoteEngine(self.url, token)
        self.remotes.append(remote)
        await remote.ready()
        return remote

    async def socket(self, token: str = "alice-token", **headers: str) -> WebSocketClientConnection:
        headers = {"Authorization": f"token {token}", **headers}
        url = self.url.replace("http", "ws", 1) + "/" + frames.PATH
        return await websocket_connect(HTTPRequest(url, headers=headers))

    async def greeted(self, token: str = "alice-token") -> WebSocketClientConnection:
        """A socket that has been welcomed."""
        socket = await self.socket(token)
        await send(socket, frames.Hello(frames.VERSION))
        assert isinstance(await receive(socket), frames.Welcome)
        return socket

    async def fetch(self, path: str, token: str = "alice-token", **options: Any) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return await AsyncHTTPClient().fetch(
            f"{self.url}/{path}", headers=headers, raise_error=False, **options
        )


async def send(socket: WebSocketClientConnection, frame: frames.FromClient) -> None:
    await socket.write_message(frames.encode(frame), binary=True)


async def receive(socket: WebSocketClientConnection) -> frames.FromGateway | None:
    """The next frame, None where the gateway has closed."""
    message = await socket.read_message()
    return None if message is None else frames.decode_gateway(message)  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    engine: Engine,
    slots: int = 4,
    limits: Limits | None = None,
    policy: Policy | Callable[[], Policy] = Policy,
    group_limits: dict[str, Limits] | None = None,
    others: Sequence[Model] = (),
    more: Callable[[Gateway], Sequence[Any]] = lambda gateway: (),
    **options: Any,
) -> AsyncGenerator[Running, None]:
    accounts: list[Account] = []
    limits = limits or Limits()
    quotas = Quotas(limits, group_limits or {})
    rules = policy if callable(policy) else lambda: policy
    dispatcher = Dispatcher(engine, "m", slots, quotas, rules, {}, b"secret", accounts.append)
    model = Model(engine, dispatcher)
    model.set_loaded(Abilities(fim="qwen"))
    models = Models(model, *others)
    metrics = Metrics(models, ["ai-users"])
    auth = Known()
    gateway = Gateway(models, quotas, auth, metrics, **options)
    server = HTTPServer(application(gateway, "/services/fastgen/", more(gateway), "secret"))
    socket, port = bind_unused_port()
    server.add_sockets([socket])
    url = f"http://127.0.0.1:{port}/services/fastgen"
    found = Running(url, gateway, dispatcher, auth, accounts)
    try:
        yield found
    finally:
        for remote in found.remotes:
            await remote.retire()
        server.stop()
        await server.close_all_connections()
        dispatcher.close()


class HeldEngine(ScriptedEngine):
    """Writes a text, and ends when it is let go or cancelled."""

    def __init__(self) -> None:
        super().__init__("")
        self.let_go = asyncio.Event()
        self.started: list[Request] = []
        self._ends: dict[int, asyncio.Event] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.started.append(request)
        end = self._ends[request.id] = asyncio.Event()
        waits = [asyncio.create_task(e.wait()) for e in (end, self.let_go)]
        try:
            yield Text(request.id, "written")
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            yield Done(request.id, "cancelled" if end.is_set() else "stop", new_tokens=2)
        finally:
            self.cancelled.add(request.id)
            for wait in waits:
                wait.cancel()

    def cancel(self, id: int) -> None:
        if id in self._ends:
            self._ends[id].set()


def ask(id: int = 1, document: str = "d", **options: Any) -> Request:
    return Request(id, options.pop("prompt", "x = "), document=document, **options)
