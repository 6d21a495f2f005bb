"""People at a gateway, each on a websocket of their own: when they ask, and what comes when.

As lean as a client can be, for it shares the machine with what it measures: no retries, no
redaction, and no task for a frame that comes.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass, field

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from ...engine import frames
from ...engine.base import Done, Text
from ...errors import FastgenError
from .load import Assumptions

PROMPT = "x" * 5000

CONNECT_S = 60.0


@dataclass
class Tally:
    """What came of the requests; `first` are milliseconds to the first text."""

    first: list[float] = field(default_factory=list[float])
    ends: Counter[str] = field(default_factory=Counter[str])

    @property
    def requests(self) -> int:
        """How many ended."""
        return self.ends.total()


class Client:
    """One connection; `tally` is where what comes is noted."""

    def __init__(self, url: str, token: str, tally: Tally) -> None:
        self._url = "ws" + url.removeprefix("http")
        self._token = token
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._welcomed: asyncio.Future[None] = self._loop.create_future()
        self._asked: dict[int, tuple[float, asyncio.Future[None]]] = {}
        self._lost = False

    async def connect(self) -> None:
        """Wait until the gateway has answered; raises what the socket does."""
        headers = {"Authorization": f"token {self._token}"}
        request = HTTPRequest(self._url, headers=headers, connect_timeout=CONNECT_S)
        self._socket = await websocket_connect(request, on_message_callback=self._take)
        self._send(frames.Hello(frames.VERSION))
        await asyncio.wait_for(self._welcomed, CONNECT_S)

    async def ask(self, id: int, document: str = "d") -> None:
        """Ask, and wait for the end of the answer."""
        if self._lost:
            self._tally.ends["lost"] += 1
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        self._asked[id] = self._loop.time(), ended
        self._send(frames.Start.of(frames.Ask(id, PROMPT, document=document)))
        await ended

    def stop(self, id: int) -> None:
        """Not want that answer any more."""
        self._send(frames.Stop(id))

    def close(self) -> None:
        """Leave the gateway."""
        self._socket.close()

    def _send(self, frame: frames.FromClient) -> None:
        self._socket.write_message(frames.encode(frame), binary=True)

    def _take(self, message: str | bytes | None) -> None:
        if message is None:
            self._lose()
            return
        frame = frames.decode_gateway(message if isinstance(message, bytes) else b"")
        if isinstance(frame, Text):
            began, ended = self._asked[frame.id]
            if began:
                self._tally.first.append(1000 * (self._loop.time() - began))
                self._asked[frame.id] = 0.0, ended
        elif isinstance(frame, frames.Welcome):
            self._welcomed.set_result(None)
        elif isinstance(frame, Done | frames.Failed | frames.Busy | frames.Superseded):
            kind = frame.reason if isinstance(frame, Done) else type(frame).__name__.lower()
            self._end(frame.id, kind)

    def _lose(self) -> None:
        self._lost = True
        if not self._welcomed.done():
            self._welcomed.set_exception(FastgenError("the gateway closed the connection"))
        for id in list(self._asked):
            self._end(id, "lost")

    def _end(self, id: int, kind: str) -> None:
        self._tally.ends[kind] += 1
        _, ended = self._asked.pop(id)
        if not ended.done():
            ended.set_result(None)


def mean_pause(assumed: Assumptions) -> float:
    """Seconds between two requests of a person."""
    return assumed.pause_s * math.exp(assumed.pause_sigma**2 / 2)


async def type_on(client: Client, assumed: Assumptions, dice: random.Random, end: float) -> None:
    """Ask now and then until `end`, and read every answer."""
    clock = asyncio.get_running_loop().time
    began = clock() + dice.random() * assumed.pause_s
    for id in itertools.count(1):
        if began >= end:
            return
        await asyncio.sleep(began - clock())
        await client.ask(id)
        pause = assumed.pause_s * dice.lognormvariate(0.0, assumed.pause_sigma)
        began = max(clock(), began + pause)


async def make_noise(client: Client, assumed: Assumptions, dice: random.Random) -> None:
    """Ask `assumed.noisy` times as often as others, each time for another document, for ever."""
    asked: set[asyncio.Task[None]] = set()
    for id in itertools.count(1):
        task = asyncio.create_task(client.ask(id, f"d{id}"))
        asked.add(task)
        task.add_done_callback(asked.discard)
        await asyncio.sleep(dice.expovariate(assumed.noisy / mean_pause(assumed)))
