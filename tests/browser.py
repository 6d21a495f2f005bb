"""A browser for tests: speaks the protocol over one websocket, and keeps documents in step."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from tornado.websocket import WebSocketClientConnection

from jupyter_fastgen import __version__, protocol

SECONDS = 60
"""Longest wait for a frame. Only what hangs takes as long."""

M = TypeVar("M")


class ClosedError(Exception):
    """The server closed the connection."""


class Suggestion(NamedTuple):
    chunks: list[str]
    done: protocol.Done

    @property
    def text(self) -> str:
        return "".join(self.chunks)


class Browser:
    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.frames: list[protocol.FromServer] = []
        """All that came so far."""
        self.sent: list[int] = []
        """Bytes of each frame sent."""
        self._ids = itertools.count(1)
        self._revs: dict[str, int] = {}
        self._sources: dict[tuple[str, str], str] = {}

    def send(self, message: protocol.FromBrowser) -> None:
        self.send_raw(protocol.encode(message))

    def send_raw(self, frame: str | bytes) -> None:
        self.sent.append(len(frame.encode() if isinstance(frame, str) else frame))
        # The answer, if any, comes as a frame; a closed connection is noticed when reading.
        asyncio.ensure_future(
            self.connection.write_message(frame, binary=isinstance(frame, bytes))
        ).add_done_callback(lambda task: task.exception())

    async def receive(self) -> protocol.FromServer:
        frame = await asyncio.wait_for(self.connection.read_message(), SECONDS)
        if frame is None:
            raise ClosedError(self.connection.close_code, self.connection.close_reason)
        self.frames.append(protocol.decode_server(frame))
        return self.frames[-1]

    async def until(self, kind: type[M], fits: Callable[[M], bool] = lambda _: True) -> M:
        """The next frame of a kind; others are noted and passed over."""
        while True:
            message = await self.receive()
            if isinstance(message, kind) and fits(message):
                return message

    async def closed(self) -> None:
        """Wait until the server closes."""
        try:
            while True:
                await self.receive()
        except ClosedError:
            return

    async def greet(self, xsrf: str = "") -> protocol.Status:
        """Say hello; the status that answers it."""
        self.send(protocol.Hello(protocol.VERSION, xsrf))
        welcome = await self.receive()
        assert isinstance(welcome, protocol.Welcome)
        assert (welcome.protocol, welcome.version) == (protocol.VERSION, __version__)
        status = await self.receive()
        assert isinstance(status, protocol.Status)
        return status

    async def ready(self, xsrf: str = "") -> None:
        """Say hello and wait until the model is loaded."""
        status = await self.greet(xsrf)
        while status.state != "ready":
            assert status.state in ("idle", "loading"), status
            status = await self.until(protocol.Status)

    async def ping(self) -> None:
        """Wait until the server has taken all that was sent."""
        self.send(protocol.Complete(0, "no such document", 0, "", 0))
        await self.until(protocol.Done, lambda done: done.id == 0)

    def open(
        self,
        doc: str,
        *cells: str | tuple[protocol.CellType, str],
        language: str = "python",
    ) -> None:
        """Open a document with cells c0, c1, …; a plain text is a code cell."""
        made = [
            protocol.Cell(f"c{n}", "code", cell)
            if isinstance(cell, str)
            else protocol.Cell(f"c{n}", *cell)
            for n, cell in enumerate(cells)
        ]
        self._revs[doc] = 0
        self._sources.update({(doc, cell.id): cell.source for cell in made})
        self.send(protocol.Open(doc, made, language, f"{doc}.ipynb"))

    def type(self, doc: str, cell: str, text: str, at: int | None = None) -> int:
        """Insert text, at the cell's end or at an offset; the offset behind it."""
        source = self._sources[doc, cell]
        at = len(source) if at is None else at
        self._sources[doc, cell] = source[:at] + text + source[at:]
        self._revs[doc] += 1
        self.send(protocol.Change(doc, self._revs[doc], cell, at, at, text))
        return at + len(text)

    def delete(self, doc: str, cell: str, count: int) -> None:
        """Backspace at the cell's end, so many times."""
        for _ in range(count):
            end = len(self._sources[doc, cell])
            self._sources[doc, cell] = self._sources[doc, cell][:-1]
            self._revs[doc] += 1
            self.send(protocol.Change(doc, self._revs[doc], cell, end - 1, end, ""))

    def ask(self, doc: str, cell: str, offset: int | None = None) -> int:
        """Ask for ghost text, at the cell's end or at an offset; the job's id."""
        id = next(self._ids)
        offset = len(self._sources[doc, cell]) if offset is None else offset
        self.send(protocol.Complete(id, doc, self._revs[doc], cell, offset))
        return id

    def ahead(self, doc: str, cell: str, text: str) -> int:
        """Ask for what follows once `text`, shown at the cell's end, is accepted; the job's id."""
        id = next(self._ids)
        offset = len(self._sources[doc, cell])
        self.send(protocol.Ahead(id, doc, self._revs[doc], cell, offset, text))
        return id

    def next_cell(self, doc: str, cell: str) -> int:
        """Ask for the code of a cell that would follow; the job's id."""
        id = next(self._ids)
        self.send(protocol.Next(id, doc, self._revs[doc], cell))
        return id

    def alternatives(
        self, doc: str, cell: str, text: str, trigger: Literal["auto", "invoke"] = "auto"
    ) -> int:
        """Ask for other texts than `text`, shown at the cell's end; the job's id."""
        id = next(self._ids)
        offset = len(self._sources[doc, cell])
        message = protocol.Alternatives(id, doc, self._revs[doc], cell, offset, text, trigger)
        self.send(message)
        return id

    def edit(self, doc: str, *cells: str, instruction: str = "", **more: Any) -> int:
        """Ask for an edit of cells; the job's id."""
        id = next(self._ids)
        self.send(protocol.Edit(id, doc, self._revs[doc], [*cells], instruction, **more))
        return id

    def prepare(self, doc: str, *cells: str) -> None:
        """Say that an edit of cells is about to be described."""
        self.send(protocol.Prepare(doc, self._revs[doc], [*cells]))

    async def answer(self, id: int) -> Suggestion:
        """All of a job's texts, and its end."""
        # It may have come while something else was waited for.
        ended = (f for f in self.frames if isinstance(f, protocol.Done) and f.id == id)
        done = next(ended, None) or await self.until(protocol.Done, lambda done: done.id == id)
        chunks = [
            frame.text
            for frame in self.frames
            if isinstance(frame, protocol.Chunk | protocol.Alternative) and frame.id == id
        ]
        return Suggestion(chunks, done)
