"""One browser connection: its documents and jobs. A document's latest request wins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from . import protocol
from .completion.service import CompletionService, End, Piece
from .document import Document, OutOfStepError
from .engine.base import Done, EngineError
from .host import ModelHost

OUTBOX = 256
"""Frames that may wait for a slow browser; a job then waits, too."""

MOST_DOCUMENTS = 100

BURST = 500
RATE = 200.0
"""Frames taken at once, and per second for long; a typist sends ten."""

MOST_FAULTS = 20
"""Frames refused before the connection is closed."""


class Session:
    """Takes frames of one browser and fills its outbox. Knows nothing of tornado."""

    def __init__(
        self, host: ModelHost, version: str, name: str, computing: Callable[[], bool]
    ) -> None:
        """`name` is unique among sessions; `computing` tells whether a kernel is busy."""
        self._host = host
        self._version = version
        self._name = name
        self._computing = computing
        self._greeted = False
        self._documents: dict[str, Document] = {}
        self._jobs: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._superseded: set[int] = set()
        self._faults = 0
        self._allowance = float(BURST)
        self._last = asyncio.get_running_loop().time()
        self.outbox: asyncio.Queue[protocol.FromServer | None] = asyncio.Queue(OUTBOX)
        """What the browser is to be sent; None: close the connection."""
        self._deaf = host.listen(self._on_status)

    def receive(self, frame: str | bytes, check_xsrf: Callable[[str], bool]) -> None:
        """Take one frame; what it causes appears in the outbox."""
        if not self._allowed():
            self._fatal("too many messages; the page reconnects by itself")
            return
        try:
            message = protocol.decode(frame)
        except msgspec.DecodeError as error:
            self._fault(f"a message was not understood: {error}")
            return
        if not self._greeted:
            self._greet(message, check_xsrf)
            return
        try:
            self._take(message)
        except OutOfStepError:
            doc: str = getattr(message, "doc", "")
            self._end_job(doc)
            self._post(protocol.Resync(doc))
            if isinstance(message, protocol.Complete):
                self._post(
                    protocol.Done(message.id, "superseded", "the document changed meanwhile")
                )
        except ValueError as error:
            self._fault(str(error))

    async def close(self) -> None:
        """The connection is gone: end its jobs, forget its documents."""
        self._deaf()
        tasks = [task for _, task in self._jobs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._host.completion is not None:
            for doc in self._documents:
                self._host.completion.forget(self._key(doc))
        self._documents.clear()

    # --- messages ------------------------------------------------------------

    def _greet(self, message: protocol.FromBrowser, check_xsrf: Callable[[str], bool]) -> None:
        if not isinstance(message, protocol.Hello):
            self._fatal("the first message must be hello")
        elif message.protocol != protocol.VERSION:
            self._fatal(
                f"this page speaks protocol {message.protocol}, the server {protocol.VERSION}:"
                " reload the page"
            )
        elif not check_xsrf(message.xsrf):
            self._fatal("the page could not prove that it is ours (XSRF): reload the page")
        else:
            self._greeted = True
            self._post(protocol.Welcome(protocol.VERSION, self._version))
            self._host.wake()
            self._post(self._host.status)

    def _take(self, message: protocol.FromBrowser) -> None:
        if isinstance(message, protocol.Change):
            self._document(message.doc).change(message)
        elif isinstance(message, protocol.Complete):
            self._complete(message)
        elif isinstance(message, protocol.Cancel):
            for doc, (id, _) in list(self._jobs.items()):
                if id == message.id:
                    self._end_job(doc)
        elif isinstance(message, protocol.Warm):
            self._warm(message)
        elif isinstance(message, protocol.Splice):
            self._document(message.doc).splice(message)
        elif isinstance(message, protocol.Open):
            if message.doc not in self._documents and len(self._documents) >= MOST_DOCUMENTS:
                raise ValueError(f"more than {MOST_DOCUMENTS} documents are open")
            self._end_job(message.doc)
            self._documents[message.doc] = Document.opened(message)
        elif isinstance(message, protocol.Close):
            self._end_job(message.doc)
            if self._documents.pop(message.doc, None) and self._host.completion is not None:
                self._host.completion.forget(self._key(message.doc))

    def _complete(self, message: protocol.Complete) -> None:
        document = self._at(message.doc, message.rev, message.cell)
        self._end_job(message.doc, superseded=True)
        self._host.wake()
        service = self._host.completion
        status = self._host.status
        if service is None or status.state != "ready":
            why = status.detail or f"the model is {status.state}"
            self._post(protocol.Done(message.id, "unavailable", why))
            return
        stream = self._stream(message, service, document)
        self._jobs[message.doc] = (message.id, asyncio.create_task(stream))

    def _warm(self, message: protocol.Warm) -> None:
        document = self._at(message.doc, message.rev, message.cell)
        self._host.wake()
        service = self._host.completion
        # Filling the cache ahead is a favour: never at the expense of a cell or of a running job.
        busy = message.doc in self._jobs or self._computing()
        if service is None or self._host.status.state != "ready" or busy:
            return

        async def warm() -> None:
            with contextlib.suppress(EngineError, OutOfStepError):
                await service.warm(self._key(message.doc), document, message.cell, message.offset)
            self._forget_job(message.doc, 0)

        self._jobs[message.doc] = (0, asyncio.create_task(warm()))

    async def _stream(
        self, message: protocol.Complete, service: CompletionService, document: Document
    ) -> None:
        id = message.id
        try:
            done = protocol.Done(id, "failed", "the engine ended without an answer")
            key = self._key(message.doc)
            async with aclosing(
                service.complete(key, document, message.cell, message.offset)
            ) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Piece):
                        await self.outbox.put(protocol.Chunk(id, piece.text))
                    else:
                        done = _done(id, piece)
        except asyncio.CancelledError:
            reason = "superseded" if id in self._superseded else "cancelled"
            done = protocol.Done(id, reason)
        except EngineError as error:
            done = protocol.Done(id, "failed", str(error))
        except OutOfStepError as error:
            done = protocol.Done(id, "superseded", str(error))
        self._superseded.discard(id)
        self._forget_job(message.doc, id)
        self._post(done)

    # --- small things --------------------------------------------------------

    def _key(self, doc: str) -> str:
        return f"{self._name}/{doc}"

    def _document(self, doc: str) -> Document:
        document = self._documents.get(doc)
        if document is None:
            raise OutOfStepError(f"no document {doc!r}")
        return document

    def _at(self, doc: str, rev: int, cell: str) -> Document:
        document = self._document(doc)
        if document.rev != rev:
            raise OutOfStepError(f"revision {rev}, the copy has {document.rev}")
        document.index(cell)
        return document

    def _end_job(self, doc: str, superseded: bool = False) -> None:
        job = self._jobs.pop(doc, None)
        if job is not None:
            id, task = job
            if superseded:
                self._superseded.add(id)
            task.cancel()

    def _forget_job(self, doc: str, id: int) -> None:
        if self._jobs.get(doc, (None, None))[0] == id:
            del self._jobs[doc]

    def _on_status(self, status: protocol.Status) -> None:
        if self._greeted:
            self._post(status)

    def _post(self, message: protocol.FromServer) -> None:
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close, even if the browser reads nothing: what waits for it is void."""
        while not self.outbox.empty():
            self.outbox.get_nowait()
        self.outbox.put_nowait(None)

    def _fault(self, reason: str) -> None:
        self._faults += 1
        if self._faults >= MOST_FAULTS:
            self._fatal(f"{reason}; too many of these")
        else:
            self._post(protocol.Fault(reason))

    def _fatal(self, reason: str) -> None:
        self._post(protocol.Fault(reason, fatal=True))
        self._post_end()

    def _post_end(self) -> None:
        try:
            self.outbox.put_nowait(None)
        except asyncio.QueueFull:
            self._hang_up()

    def _allowed(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._allowance = min(BURST, self._allowance + (now - self._last) * RATE)
        self._last = now
        self._allowance -= 1
        return self._allowance >= 0


def _done(id: int, end: End) -> protocol.Done:
    return protocol.Done(id, end.reason, end.why, _counts(end.cost))


def _counts(cost: Done | None) -> protocol.Counts | None:
    if cost is None:
        return None
    return protocol.Counts(
        prompt_tokens=cost.prompt_tokens,
        cached_tokens=cost.cached_tokens,
        new_tokens=cost.new_tokens,
        queue_ms=round(cost.queue_ms, 1),
        prefill_ms=round(cost.prefill_ms, 1),
        decode_ms=round(cost.decode_ms, 1),
        first_ms=None if cost.first_ms is None else round(cost.first_ms, 1),
    )
