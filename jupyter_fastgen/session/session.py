"""One browser connection: its documents and jobs. A document's latest request wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import protocol
from ..completion.namespace import Namespace
from ..document import NEW_CELL, Cursor, Document, OutOfStepError
from ..engine import frames
from ..errors import UNREADABLE
from ..host.edits import Edits
from ..host.host import ModelHost
from ..kernel.kernels import Kernels
from ..policy import Feature, Notebook
from .completing import CompletionJobs
from .editing import EditJobs
from .jobs import Asking
from .outcomes import Learn

if TYPE_CHECKING:
    from ..engine.remote import Told

OUTBOX = 256
"""Frames that may wait for a slow browser; a job then waits, too."""

MOST_DOCUMENTS = 100

BURST = 500
RATE = 200.0
"""Frames taken at once, and per second for long; a typist sends ten."""

PREPARING: tuple[Feature, ...] = ("edits",)
"""What must be allowed for it."""

MOST_FAULTS = 20
"""Frames refused before the connection is closed."""


class Session:
    """Takes frames of one browser and fills its outbox. Knows nothing of tornado."""

    def __init__(
        self,
        host: ModelHost,
        edits: Edits,
        kernels: Kernels,
        version: str,
        name: str,
        computing: Callable[[], bool],
        learn: Learn,
    ) -> None:
        """`name` is unique among sessions; `computing` tells whether a kernel is busy.

        `learn` is told what became of suggestions.
        """
        self._host = host
        self._kernels = kernels
        self._version = version
        self._computing = computing
        self._greeted = False
        self._documents: dict[str, Document] = {}
        self._cursors: dict[str, Cursor] = {}
        self._stale: set[str] = set()
        self._closed = False
        self._faults = 0
        self._allowance = float(BURST)
        self._last = asyncio.get_running_loop().time()
        self.outbox: asyncio.Queue[protocol.FromServer | None] = asyncio.Queue(OUTBOX)
        """What the browser is to be sent; None: close the connection."""
        self._edits = edits
        self._completion_jobs = CompletionJobs(
            host,
            edits,
            name,
            computing,
            self._namespace,
            learn,
            self._post,
            self.outbox.put,
        )
        self._edit_jobs = EditJobs(edits, name, self.outbox.put)
        self._allowed = edits.allowed
        self._ends = [
            host.listen(self._on_status),
            kernels.listen(self._on_kernel),
            self._allowed.listen(self._on_rules),
        ]

    def receive(self, frame: str | bytes, check_xsrf: Callable[[str], bool]) -> None:
        """Take one frame; what it causes appears in the outbox."""
        if self._closed:
            return
        if not self._in_time():
            self._fatal("too many messages; the page reconnects by itself")
            return
        try:
            message = protocol.decode(frame)
        except UNREADABLE as error:
            self._fault(f"a message was not understood: {error}")
            return
        if not self._greeted:
            self._greet(message, check_xsrf)
            return
        try:
            self._take(message)
        except OutOfStepError:
            self._lose(getattr(message, "doc", ""))
            if isinstance(message, protocol.Complete | protocol.Edit):
                self._post(
                    protocol.Done(message.id, "superseded", "the document changed meanwhile")
                )
            elif isinstance(message, protocol.Ahead | protocol.Next | protocol.Alternatives):
                self._post(protocol.Done(message.id, "cancelled"))
        except ValueError as error:
            self._drop(getattr(message, "doc", ""))
            self._fault(str(error))

    async def close(self) -> None:
        """The connection is gone: end its jobs, forget its documents."""
        self._closed = True
        while self._ends:  # the server's end and the socket's both close
            self._ends.pop()()
        await self._completion_jobs.close()
        await self._edit_jobs.close()
        for doc in list(self._documents):
            self._drop(doc)

    def rest(self) -> None:
        """End ghost text: two engines at once would make both many times slower."""
        self._completion_jobs.rest()

    def notebook(self, path: str) -> Notebook | None:
        """What the metadata of the document at `path` say of us, if it is open here."""
        found = (doc.notebook for doc in self._documents.values() if doc.path == path)
        return next(found, None)

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
            actions = self._edits.offered()
            rules = self._allowed.rules()
            self._post(protocol.Welcome(protocol.VERSION, self._version, actions, rules))
            self._host.wake()
            self._post(self._host.status)
            self._ends.append(self._host.follow(self._on_told))

    def _take(self, message: protocol.FromBrowser) -> None:
        if isinstance(message, protocol.Change):
            now = asyncio.get_running_loop().time()
            self._document(message.doc).change(message, now)
        elif isinstance(message, protocol.Complete):
            self._completion_jobs.settle(message.outcomes)
            self._completion_jobs.complete(message, self._at(message))
        elif isinstance(message, protocol.Ahead | protocol.Alternatives):
            self._completion_jobs.favour(message, self._at(message))
        elif isinstance(message, protocol.Next):
            thought_of = self._current(message).with_new_cell(message.cell)
            self._completion_jobs.favour(message, Cursor(thought_of, NEW_CELL, 0))
        elif isinstance(message, protocol.Edit):
            self._edit(message)
        elif isinstance(message, protocol.Prepare):
            document = self._current(message)
            if not self._computing() and self._allowed.features(PREPARING, document.notebook).on:
                self._edit_jobs.prepare(message, document, self._namespace(document))
        elif isinstance(message, protocol.Cancel):
            self._edit_jobs.cancel(message.id)
            self._completion_jobs.cancel(message.id)
        elif isinstance(message, protocol.Warm):
            self._completion_jobs.warm(message.doc, self._at(message))
        elif isinstance(message, protocol.Splice):
            self._document(message.doc).splice(message)
        elif isinstance(message, protocol.Executed):
            self._document(message.doc).executed(message)
        elif isinstance(message, protocol.Open):
            if message.doc not in self._documents and len(self._documents) >= MOST_DOCUMENTS:
                raise ValueError(f"more than {MOST_DOCUMENTS} documents are open")
            self._completion_jobs.end(message.doc, "superseded")
            self._edit_jobs.drop(message.doc)
            document = self._documents[message.doc] = Document.opened(message)
            self._namespace(document)  # its kernel is looked at from now on
            self._stale.discard(message.doc)
        elif isinstance(message, protocol.Close):
            self._drop(message.doc)
            self._stale.discard(message.doc)

    def _edit(self, message: protocol.Edit) -> None:
        document = self._current(message)
        self._edit_jobs.start(message, document, self._namespace(document))
        self.rest()

    # --- small things --------------------------------------------------------

    def _document(self, doc: str) -> Document:
        document = self._documents.get(doc)
        if document is None:
            raise OutOfStepError(f"no document {doc!r}")
        return document

    def _current(
        self, message: Asking | protocol.Warm | protocol.Edit | protocol.Prepare
    ) -> Document:
        document = self._document(message.doc)
        if document.rev != message.rev:
            raise OutOfStepError(f"revision {message.rev}, the copy has {document.rev}")
        return document

    def _at(
        self,
        message: protocol.Complete | protocol.Ahead | protocol.Alternatives | protocol.Warm,
    ) -> Cursor:
        cursor = Cursor(self._current(message), message.cell, message.offset)
        length = len(cursor.document.cells[cursor.index].source)
        if not 0 <= message.offset <= length:
            raise OutOfStepError(f"offset {message.offset} of {length} characters")
        self._cursors[message.doc] = cursor
        return cursor

    def _namespace(self, document: Document) -> Namespace | None:
        may_look = self._allowed.features(("kernel_context",), document.notebook).on
        return self._kernels.namespace(document.path) if document.kernel and may_look else None

    def _lose(self, doc: str) -> None:
        """Ask for the whole document, once: what else is under way to the old copy is void."""
        self._drop(doc)
        if doc not in self._stale and len(self._stale) < MOST_DOCUMENTS:
            self._stale.add(doc)
            self._post(protocol.Resync(doc))

    def _drop(self, doc: str) -> None:
        self._completion_jobs.end(doc, "superseded")
        self._edit_jobs.drop(doc)
        self._cursors.pop(doc, None)
        if self._documents.pop(doc, None):
            self._completion_jobs.forget(doc)

    def _on_rules(self) -> None:
        """Something else is allowed: what runs may not be."""
        if not self._greeted:
            return
        self._post(self._allowed.rules())
        for doc, document in self._documents.items():
            self._completion_jobs.check(doc, document)
            if not self._allowed.features(("edits",), document.notebook).on:
                self._edit_jobs.drop(doc)
        self._host.wake()

    def _on_status(self, status: protocol.Status) -> None:
        if self._greeted:
            self._post(status)

    def _on_told(self, told: Told) -> None:
        if isinstance(told, frames.Hint):
            self._post(protocol.Hint(told.debounce_ms))
        elif isinstance(told, frames.Budget):
            self._post(protocol.Budget(told.used, told.limit, told.reset_s))

    def _on_kernel(self, path: str) -> None:
        """A cell has run: read the prompt, which is a new one, before the next key."""
        for doc, cursor in self._cursors.items():
            document = self._documents[doc]  # it may have been opened anew
            if document.kernel and document.path == path:
                self._completion_jobs.warm_anew(doc, replace(cursor, document=document))

    def _post(self, message: protocol.FromServer) -> None:
        if self._closed:
            return
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            self._hang_up()

    def _hang_up(self, *last: protocol.FromServer) -> None:
        """Close, even if the browser reads nothing: what waits for it is void."""
        self._closed = True
        while not self.outbox.empty():
            self.outbox.get_nowait()
        for message in (*last, None):
            self.outbox.put_nowait(message)
        self._completion_jobs.stop()

    def _fault(self, reason: str) -> None:
        self._faults += 1
        if self._faults >= MOST_FAULTS:
            self._fatal(f"{reason}; too many of these")
        else:
            self._post(protocol.Fault(reason))

    def _fatal(self, reason: str) -> None:
        self._hang_up(protocol.Fault(reason, fatal=True))

    def _in_time(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._allowance = min(BURST, self._allowance + (now - self._last) * RATE)
        self._last = now
        self._allowance -= 1
        return self._allowance >= 0
