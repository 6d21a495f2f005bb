"""A real gateway before an engine that only waits: a process of its own, to be measured.

    python -m jupyter_fastgen.evaluate.speed.timed_gateway ASSUMPTIONS SECRET

prints its URL, and ends with its standard input; its last line is an `Inside`. The token of user N
is `tN-SECRET`; without a secret it is a service of a JupyterHub, as the environment tells. Beside
the gateway's door is one at `echo`, without a gateway: the same engine answers whoever asks.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ...engine import frames
from ...engine.base import (
    Abilities,
    Done,
    Event,
    ModelSpec,
    Progress,
    Request,
    Stats,
    Text,
    new_id,
)
from ...hub.application import application
from ...hub.auth import Authenticator, HubTokens, Identity, Remembering
from ...hub.dispatch import Account, Dispatcher
from ...hub.gateway import Gateway
from ...hub.limits import Limits
from ...hub.models import Model, Models
from ...hub.quota import Quotas
from ...hub.seeing import Audit, Metrics
from ...policy import Policy
from .load import Assumptions

CHUNK = 4
"""Tokens of a piece of text."""


ECHO = "echo"
"""The door without a gateway, below the gateway's address."""


class Inside(msgspec.Struct, frozen=True):
    """What the gateway noted: how requests ended, and the longest that one waited, in ms."""

    ends: dict[str, int]
    oldest_ms: float


@dataclass
class _Notes:
    """Where requests that ended are noted."""

    told: list[Metrics | Audit] = field(default_factory=list[Metrics | Audit])
    ends: Counter[str] = field(default_factory=Counter[str])
    oldest_ms: float = 0.0

    def take(self, account: Account) -> None:
        """Note one."""
        self.ends[account.status] += 1
        waited = account.total_ms if account.wait_ms is None else account.wait_ms
        self.oldest_ms = max(self.oldest_ms, waited)
        for one in self.told:
            one.take(account)


class TimedEngine:
    """Takes the times that are assumed, and computes nothing."""

    def __init__(self, assumed: Assumptions) -> None:
        self._assumed = assumed
        self._running: dict[int, asyncio.Event] = {}

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Nothing is to be loaded."""

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """As many tokens as are assumed, a few at a time."""
        assumed, cancelled = self._assumed, asyncio.Event()
        self._running[request.id] = cancelled
        clock = asyncio.get_running_loop().time
        due = clock() + assumed.read_s - assumed.token_ms / 1000
        written = 0
        try:
            while written < assumed.new_tokens:
                count = min(CHUNK, assumed.new_tokens - written)
                due += count * assumed.token_ms / 1000
                try:
                    await asyncio.wait_for(cancelled.wait(), max(0.0, due - clock()))
                except asyncio.TimeoutError:
                    written += count
                    yield Text(request.id, "x" * 4 * count)
                else:
                    break
            reason = "cancelled" if cancelled.is_set() else "length"
            read = round(assumed.prompt_tokens * assumed.reused)
            yield Done(request.id, reason, assumed.prompt_tokens, read, written)
        finally:
            del self._running[request.id]

    def cancel(self, id: int) -> None:
        """See `Engine.cancel`."""
        if id in self._running:
            self._running[id].set()

    async def stats(self) -> Stats:
        """What it would be."""
        return Stats("timed", "timed")

    async def close(self) -> None:
        """Nothing is held."""


class NumberedUsers:
    """Knows the tokens of users by their numbers."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        """See `Authenticator`."""
        user, _, secret = token.partition("-")
        return Identity(user) if secret == self._secret else None


class Echo(WebSocketHandler):
    """What sockets and clients cost by themselves."""

    def initialize(self, engine: TimedEngine) -> None:
        """Know the engine."""
        self._engine = engine

    def open(self, *args: str, **kwargs: str) -> None:
        """As the gateway does."""
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        """One frame of a client."""
        frame = frames.decode_client(message if isinstance(message, bytes) else b"")
        if isinstance(frame, frames.Start):
            asked = frames.decode_ask(frame.request)
            self._answering = asyncio.create_task(self._answer(asked.id))
        else:
            welcome = frames.Welcome(frames.VERSION, ())
            self.write_message(frames.encode(welcome), binary=True)

    async def _answer(self, id: int) -> None:
        try:
            async for event in self._engine.stream(Request(new_id(), "")):
                said = msgspec.structs.replace(event, id=id)
                await self.write_message(frames.encode(said), binary=True)
        except WebSocketClosedError:
            return


async def serve(assumed: Assumptions, secret: str) -> None:
    """Serve until standard input ends."""
    engine, notes = TimedEngine(assumed), _Notes()
    key = secrets.token_bytes(16)
    quotas = Quotas(Limits())
    models = Models()
    metrics = Metrics(models)
    dispatcher = Dispatcher(engine, "timed", assumed.slots, quotas, Policy, {}, key, notes.take)
    users: Authenticator = NumberedUsers(secret) if secret else Remembering(HubTokens(), 40.0)
    model = Model(engine, dispatcher)
    model.set_loaded(Abilities())
    models.add(model)
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    served = application(Gateway(models, quotas, users, metrics), prefix)
    served.add_handlers(".*", [(prefix + ECHO, Echo, {"engine": engine})])
    server = HTTPServer(served)
    port = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port
    sockets = bind_sockets(port or 0, "127.0.0.1")
    server.add_sockets(sockets)
    with tempfile.TemporaryDirectory() as folder:
        audit = Audit(Path(folder, "audit"))
        notes.told = [metrics, audit]
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}{prefix}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.stop()
        await server.close_all_connections()
        dispatcher.close()
        audit.close()
    inside = Inside(dict(sorted(notes.ends.items())), round(notes.oldest_ms, 1))
    print(msgspec.json.encode(inside).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=Assumptions), sys.argv[2]))
