"""What the browser's half does at each key, in Python: the rules of `src/inline/suggester.ts`.

Typed-through text costs a `change` and nothing else; where no earlier answer agrees with what
is typed, a `complete` follows, and supersedes the request that runs. In a rest what follows the
suggestion is asked for with an `ahead`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ... import protocol
from ...document import Document
from ...errors import FastgenError

KEPT = 16
"""Earlier answers that are looked at, as in the browser."""

REST_S = 0.2
"""Without a key until what follows is asked for."""

DOC = "d1"

KeyKind = Literal["through", "waits", "asks"]
"""A key agrees with an answer's text, is one ahead of a growing one, or asks for a new one."""

FINAL = ("stop", "length", "empty", "held")
"""Ends after which the same question would have the same answer."""

_ONE_KEY = re.compile(r"\n[ \t]*|.", re.DOTALL)


class BenchError(FastgenError):
    """A measurement that could not be made."""


@dataclass
class Answer:
    """One answer of the model, complete or growing, and what follows once it is accepted.

    `used` characters of both were typed or accepted. `ahead` are the ends of the requests for
    what follows, None of one that runs.
    """

    id: int
    cell: str
    head: str
    text: str = ""
    done: protocol.Done | None = None
    used: int = 0
    next: str = ""
    ahead: dict[int, protocol.Done | None] = field(default_factory=lambda: {})

    @property
    def ended(self) -> bool:
        """Whether nothing more of it will come."""
        return self.done is not None and None not in self.ahead.values()

    @property
    def _is_next_known(self) -> bool:
        """Whether asking again for what follows would tell no more."""
        last = list(self.ahead.values())[-1:]
        return any(done is not None and done.reason in FINAL for done in last)

    def remainder(self, cell: str, head: str) -> str | None:
        """What it still suggests there: "" if nothing so far, None if it does not fit."""
        if cell != self.cell or not head.startswith(self.head):
            return None
        typed = head[len(self.head) :]
        whole = self.text + self.next
        grows = self.done is None or (len(typed) >= len(self.text) and not self.ended)
        if not whole.startswith(typed):
            behind = grows and typed.startswith(whole)
            return "" if behind and _ONE_KEY.fullmatch(typed[len(whole) :]) else None
        rest = (self.text if len(typed) < len(self.text) else whole)[len(typed) :]
        if not rest and not grows and typed and (self.next or not self._is_next_known):
            return None
        self.used = max(self.used, len(typed))
        return rest

    def prepare(self, id: int) -> None:
        """What follows is asked for with request `id`; what was known of it becomes text."""
        self.text += self.next
        self.next = ""
        self.ahead[id] = None

    def is_prepared_at(self, head: str) -> bool:
        """Whether what follows has been asked for, not in vain, and is not the text by now."""
        is_prepared = bool(self.next) or self._is_next_known or None in self.ahead.values()
        return is_prepared and len(head) - len(self.head) < len(self.text)


@dataclass
class Traffic:
    """Frames since it was last taken: the bytes of each sent, and their number and sum received."""

    sent: list[int] = field(default_factory=lambda: [])
    received: int = 0
    received_bytes: int = 0


class Browser:
    """A tab with one notebook, connected to a real server."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(lambda _: self._changed.set())
        self._changed = asyncio.Event()
        self._rev = 0
        self._id = 0
        self._sources: dict[str, str] = {}
        self._running: tuple[Answer, int] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._latest: list[Answer] = []
        self.answers: dict[int, Answer] = {}
        """Every answer that was asked for, by its id."""
        self.status = protocol.Status("idle")
        self.traffic = Traffic()
        self.on_change: Callable[[], None] = lambda: None
        """Called when an answer has grown or ended."""

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, token: str) -> AsyncGenerator[Browser, None]:
        """One that has greeted the server at `url`, whose model is ready.

        Raises `BenchError` where that can't be.
        """
        request = HTTPRequest(
            f"{url.replace('http', 'ws', 1)}jupyter-fastgen/ws",
            headers={"Authorization": f"token {token}"},
        )
        connection = await websocket_connect(request, compression_options={})
        browser = cls(connection)
        try:
            await browser._send(protocol.Hello(protocol.VERSION))
            await browser._until_ready()
            yield browser
        finally:
            await browser.close()

    async def _until_ready(self, seconds: float = 120) -> None:

        def settled() -> bool:
            return self.status.state in ("ready", "missing", "error", "off")

        await self._wait(settled, seconds, "the model was not ready")
        if self.status.state != "ready":
            raise BenchError(f"{self.status.detail} ({self.status.remedy})")

    async def open(self, document: Document) -> None:
        """Send the whole document."""
        cells = [protocol.Cell(cell.id, cell.type, cell.source) for cell in document.cells]
        self._sources = {cell.id: cell.source for cell in document.cells}
        await self._send(protocol.Open(DOC, cells, document.language, document.path, self._rev))

    async def warm(self, cell: str) -> None:
        """The cursor rests at the end of `cell`; returns when the text above has been read."""
        offset = len(self._sources[cell])
        self._stop_resting()
        await self._send(protocol.Warm(DOC, self._rev, cell, offset))
        # Warming is not answered: a request is, once the prompt has been read.
        self._id += 1
        self.answers[self._id] = Answer(self._id, cell, self._sources[cell])
        await self._send(protocol.Complete(self._id, DOC, self._rev, cell, offset))
        await self.settle()
        del self.answers[self._id]

    async def type(self, cell: str, insert: str) -> tuple[KeyKind, int]:
        """Press a key at the end of `cell`: what came of it, and the id of the answer it meets."""
        before = self._sources[cell]
        head = self._sources[cell] = before + insert
        self._rev += 1
        end = len(before)
        await self._send(protocol.Change(DOC, self._rev, cell, end, end, insert))
        self._stop_resting()
        self._resting = asyncio.create_task(self._look_ahead(cell))
        found = self._find(cell)
        if found is not None:
            if self._running is not None and found is not self._running[0]:
                await self._send(protocol.Cancel(self._running[1]))
                self._running = None
            agrees = len(found.head) + len(found.text) + len(found.next) >= len(head)
            return "through" if agrees else "waits", found.id
        self._id += 1
        answer = self.answers[self._id] = Answer(self._id, cell, head)
        self._running = answer, self._id
        self._latest = [answer, *self._latest][:KEPT]
        await self._send(protocol.Complete(self._id, DOC, self._rev, cell, len(head)))
        return "asks", self._id

    def ghost(self, cell: str) -> str:
        """The ghost text at the end of `cell` now."""
        found = self._find(cell)
        return (found.remainder(cell, self._sources[cell]) or "") if found else ""

    async def settle(self, seconds: float = 120) -> None:
        """Wait until every request has ended."""

        def settled() -> bool:
            return all(answer.ended for answer in self.answers.values())

        await self._wait(settled, seconds, "a request was not answered")

    async def close(self) -> None:
        """Leave."""
        self._stop_resting()
        self._reader.cancel()
        self._connection.close()

    def _find(self, cell: str) -> Answer | None:
        head = self._sources[cell]
        return next((a for a in self._latest if a.remainder(cell, head) is not None), None)

    def _stop_resting(self) -> None:
        if self._resting is not None:
            self._resting.cancel()

    async def _look_ahead(self, cell: str) -> None:
        """After a rest, ask for what follows the suggestion."""
        head = self._sources[cell]
        while True:
            await asyncio.sleep(REST_S)
            found = self._find(cell)
            if found is not None and found.done is not None:
                break
        text = found.remainder(cell, head)
        if self._running is None and text and not found.is_prepared_at(head):
            self._id += 1
            found.prepare(self._id)
            self._running = found, self._id
            await self._send(protocol.Ahead(self._id, DOC, self._rev, cell, len(head), text))

    async def _send(self, message: protocol.FromBrowser) -> None:
        frame = protocol.encode(message)
        self.traffic.sent.append(len(frame.encode()))
        await self._connection.write_message(frame)

    async def _wait(self, settled: Callable[[], bool], seconds: float, complaint: str) -> None:
        async def wait() -> None:
            while not settled():
                if self._reader.done():
                    raise BenchError("the server closed the connection")
                self._changed.clear()
                await self._changed.wait()

        try:
            await asyncio.wait_for(wait(), seconds)
        except asyncio.TimeoutError as error:
            raise BenchError(f"{complaint} within {seconds:.0f} s") from error

    async def _read(self) -> None:
        while (frame := await self._connection.read_message()) is not None:
            self.traffic.received += 1
            self.traffic.received_bytes += len(
                frame if isinstance(frame, bytes) else frame.encode()
            )
            message = protocol.decode_server(frame)
            if isinstance(message, protocol.Status):
                self.status = message
            elif isinstance(message, protocol.Chunk):
                self._grow(message)
            elif isinstance(message, protocol.Done):
                self._finish(message)
            self._changed.set()
            self.on_change()

    def _grow(self, chunk: protocol.Chunk) -> None:
        if chunk.id in self.answers:
            self.answers[chunk.id].text += chunk.text
        else:
            self._asked_ahead(chunk.id).next += chunk.text

    def _asked_ahead(self, id: int) -> Answer:
        return next(answer for answer in self.answers.values() if id in answer.ahead)

    def _finish(self, done: protocol.Done) -> None:
        if self._running is not None and self._running[1] == done.id:
            self._running = None
        if done.id not in self.answers:
            self._asked_ahead(done.id).ahead[done.id] = done
            return
        answer = self.answers[done.id]
        answer.done = done
        if done.reason == "held":
            answer.text = ""  # the page takes it back
        elif not answer.text and done.reason not in FINAL:
            self._latest = [kept for kept in self._latest if kept is not answer]
