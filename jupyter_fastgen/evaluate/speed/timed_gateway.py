"""A real gateway before an engine that only waits: a process of its own, to be measured.

    python -m jupyter_fastgen.evaluate.speed.timed_gateway ASSUMPTIONS SECRET

prints its URL, and ends with its standard input. The token of user N is `tN-SECRET`.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncGenerator

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from ...engine.base import Abilities, Done, Event, ModelSpec, Progress, Request, Stats, Text
from ...hub.auth import Identity
from ...hub.dispatch import Account, Dispatcher
from ...hub.gateway import Gateway, application
from ...hub.limits import Limits
from ...hub.policy import Policy
from ...hub.seeing import Metrics
from .load import Assumptions

CHUNK = 4
"""Tokens of a piece of text."""


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

    async def identify(self, token: str) -> Identity | None:
        """See `Authenticator`."""
        user, _, secret = token.partition("-")
        return Identity(user) if secret == self._secret else None


async def serve(assumed: Assumptions, secret: str) -> None:
    """Serve until standard input ends."""
    engine = TimedEngine(assumed)
    told: list[Metrics] = []

    def account(row: Account) -> None:
        told[0].take(row)

    key = secrets.token_bytes(16)
    dispatcher = Dispatcher(engine, "timed", assumed.slots, Limits(), Policy(), {}, key, account)
    told.append(Metrics(dispatcher.scheduler, "timed"))
    users = NumberedUsers(secret)
    gateway = Gateway(engine, "timed", Abilities(), users, dispatcher, told[0])
    gateway.loaded.set()
    server = HTTPServer(application(gateway))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.stop()
    await server.close_all_connections()
    dispatcher.close()


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=Assumptions), sys.argv[2]))
