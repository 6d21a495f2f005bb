"""Ghost text that browsers ask for: the jobs of each connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing

from .. import protocol
from ..completion.namespace import Namespace
from ..completion.service import Alternative, CompletionService
from ..completion.writing import End, Piece
from ..document import Cursor, Document, OutOfStepError
from ..engine.base import BusyError, EngineError
from ..host.edits import Edits
from ..host.host import ModelHost
from ..policy import Decision, Feature
from .jobs import Asking, Ended, Job, done_message, features_of, is_favour, priority_of
from .outcomes import Learn, Outcomes
from .watch import Watch

WARMING: tuple[Feature, ...] = ("suggestions", "automatic")
"""What must be allowed for it."""


class CompletionJobs:
    """The ghost text of one connection: of each document one job, the latest wins."""

    def __init__(
        self,
        host: ModelHost,
        edits: Edits,
        name: str,
        computing: Callable[[], bool],
        namespace: Callable[[Document], Namespace | None],
        learn: Learn,
        post: Callable[[protocol.FromServer], None],
        send: Callable[[protocol.FromServer], Awaitable[None]],
    ) -> None:
        """`name` is unique among connections; `computing` tells whether a kernel is busy.

        `namespace` gives what the kernel of a document holds, where it may be looked at. `learn` is
        told what became of suggestions. `send` waits for a slow browser, `post` does not.
        """
        self._host = host
        self._edits = edits
        self._name = name
        self._computing = computing
        self._namespace = namespace
        self._outcomes = Outcomes(learn)
        self._post = post
        self._send = send
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def settle(self, outcomes: list[protocol.Outcome]) -> None:
        """What became of suggestions."""
        self._outcomes.settle(outcomes)

    def complete(self, message: protocol.Complete, cursor: Cursor) -> None:
        """Suggest text at the cursor, instead of what runs for the document."""
        self.end(message.doc, "superseded")
        if not (told := self._may(features_of(message), cursor.document)).on:
            self._edits.seen.refused(told)
            self._post(protocol.Done(message.id, "off", told.why))
            return
        self._host.wake()
        service = self._host.completion
        status = self._host.status
        if service is None or status.state != "ready" or self._edits.is_running:
            busy = "an edit or an answer to a description is being written"
            why = busy if self._edits.is_running else status.detail
            why = why or f"the model is {status.state}"
            self._post(protocol.Done(message.id, "unavailable", why))
            return
        job = Job(message.id)
        self._start(message.doc, job, self._stream(job, message, service, cursor))

    def favour(self, message: Asking, cursor: Cursor) -> None:
        """Work ahead of the person, unless something else is to be done."""
        if not (told := self._may(features_of(message), cursor.document)).on:
            self._edits.seen.refused(told)
            self._post(protocol.Done(message.id, "off", told.why))
            return
        service = self._host.completion
        running = self._jobs.get(message.doc)
        busy = (
            self._edits.is_running
            or (running is not None and running.id is not None)
            or (is_favour(message) and self._computing())
        )
        if (
            service is None
            or self._host.status.state != "ready"
            or busy
            or (
                isinstance(message, protocol.Ahead)
                and not service.is_likely(self._key(message.doc), message.text)
            )
        ):
            self._post(protocol.Done(message.id, "cancelled"))
            return
        self.end(message.doc, "superseded")  # it only fills the cache, as this does
        job = Job(message.id)
        self._start(message.doc, job, self._stream(job, message, service, cursor))

    def warm(self, doc: str, cursor: Cursor) -> None:
        """The cursor rests here: read the prompt, if nothing else is to be done."""
        if not self._may(WARMING, cursor.document).on:
            return
        self._host.wake()
        # Filling the cache ahead is a favour: never at the expense of a cell or of a running job.
        if not self._computing():
            self._fill(doc, cursor)

    def warm_anew(self, doc: str, cursor: Cursor) -> None:
        """A cell has run: read the prompt, which is a new one, before the next key."""
        if self._may(WARMING, cursor.document).on:
            if doc in self._jobs and self._jobs[doc].id is None:
                self.end(doc, "superseded")  # it reads the prompt as it was
            self._fill(doc, cursor)

    def cancel(self, id: int) -> None:
        """End job `id`; an unknown one is ignored."""
        for doc, job in list(self._jobs.items()):
            if job.id == id:
                self.end(doc, "cancelled")

    def rest(self) -> None:
        """End all."""
        for doc in list(self._jobs):
            self.end(doc, "cancelled")

    def end(self, doc: str, why: Ended) -> None:
        """End what runs for a document."""
        job = self._jobs.pop(doc, None)
        if job is not None:
            # The engine stops at once; the job's task lives on until it is told what that cost.
            job.ended = why
            if self._host.completion is not None:
                self._host.completion.cancel(self._key(doc))

    def check(self, doc: str, document: Document) -> None:
        """Something else is allowed: what runs may not be."""
        if not self._may(("suggestions",), document).on:
            self.end(doc, "cancelled")

    def forget(self, doc: str) -> None:
        """The document is gone."""
        if self._host.completion is not None:
            self._host.completion.forget(self._key(doc))

    def stop(self) -> None:
        """Nobody reads on: end the tasks, whatever their engines still do."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """The connection is gone."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._outcomes.close()

    def _may(self, features: tuple[Feature, ...], document: Document) -> Decision:
        """Whether there may be ghost text with these features, and by this model."""
        told = self._edits.allowed.features(features, document.notebook)
        return self._host.allowed(document.notebook) if told.on else told

    def _key(self, doc: str) -> str:
        return f"{self._name}/{doc}"

    def _fill(self, doc: str, cursor: Cursor) -> None:
        service = self._host.completion
        unready = service is None or self._host.status.state != "ready"
        if service is None or unready or doc in self._jobs or self._edits.is_running:
            return

        job = Job()

        async def warm() -> None:
            if not job.ended:
                namespace = self._namespace(cursor.document)
                with contextlib.suppress(EngineError, OutOfStepError):
                    await service.warm(self._key(doc), cursor, namespace)
            self._forget_job(doc, job)

        self._start(doc, job, warm())

    def _start(self, doc: str, job: Job, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._jobs[doc] = job
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget_job(self, doc: str, job: Job) -> None:
        if self._jobs.get(doc) is job:
            del self._jobs[doc]

    async def _stream(
        self, job: Job, message: Asking, service: CompletionService, cursor: Cursor
    ) -> None:
        id = message.id
        done = protocol.Done(id, "failed", "the engine ended without an answer")
        watch = Watch(self._edits.seen, f"{self._name}.{id}", priority_of(message), self._host)
        end: End | None = None
        shown = ""
        try:
            if not job.ended:
                texts = self._texts(message, service, cursor)
                async with aclosing(texts):
                    async for piece in texts:
                        if not job.ended and is_favour(message) and self._computing():
                            self.end(message.doc, "cancelled")
                        if isinstance(piece, End):
                            end = piece
                            done = done_message(id, piece)
                        elif isinstance(piece, Alternative):
                            if not job.ended:
                                await self._send(protocol.Alternative(id, piece.text))
                        elif not job.ended and not isinstance(message, protocol.Alternatives):
                            shown += piece.text
                            watch.show(piece.text)
                            await self._send(protocol.Chunk(id, piece.text, piece.block))
        except BusyError as error:
            watch.fail(error)
            done = protocol.Done(id, "unavailable", str(error))
        except EngineError as error:
            watch.fail(error)
            done = protocol.Done(id, "failed", str(error))
        except OutOfStepError as error:
            done = protocol.Done(id, "superseded", str(error))
        self._forget_job(message.doc, job)
        if job.ended:
            done = protocol.Done(id, job.ended, counts=done.counts)
        if watch.end(done, waits=isinstance(message, protocol.Complete)):
            self._outcomes.expect(id, watch, shown, end)
        self._post(done)

    def _texts(
        self, message: Asking, service: CompletionService, cursor: Cursor
    ) -> AsyncGenerator[Piece | Alternative | End, None]:
        at = self._key(message.doc), cursor, self._namespace(cursor.document)
        if isinstance(message, protocol.Next):
            # Nobody can be sure how a cell begins: it is an idea, and looked at as one.
            return service.complete(*at, invoked=True)
        if isinstance(message, protocol.Alternatives):
            return service.alternatives(*at, message.text)
        if isinstance(message, protocol.Ahead):
            return service.complete(*at, message.text)
        return service.complete(*at, invoked=message.trigger == "invoke")
