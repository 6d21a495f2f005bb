"""Edits that browsers ask for: the jobs of each connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .. import protocol
from ..completion.namespace import Namespace
from ..document import Document
from ..edit.actions import Action
from ..errors import FastgenError, TooLongError
from ..host.edits import Edits
from ..policy import Feature, Notebook
from ..protocol.progress import signed
from .edit_answer import answers
from .edit_request import EditRequest
from .jobs import Ended, unexpected
from .watch import Watch

if TYPE_CHECKING:
    from ..edit.service import EditService
    from ..host.host import ModelHost


@dataclass
class _Job:
    """`id` is None of one that only reads the code; `stop` ends what the engine does for it."""

    id: int | None
    task: asyncio.Task[None] | None = None
    ended: Ended | None = None
    stop: Callable[[], object] = lambda: None

    @property
    def is_wanted(self) -> bool:
        """Whether its answer still is."""
        return self.ended is None


class EditJobs:
    """The edits of one connection: of each document one, the latest wins."""

    def __init__(
        self,
        edits: Edits,
        name: str,
        send: Callable[[protocol.FromServer], Awaitable[None]],
    ) -> None:
        """`name` is unique among connections; `send` waits for a slow browser."""
        self._edits = edits
        self._name = name
        self._send = send
        self._jobs: dict[str, _Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self,
        message: protocol.Edit,
        document: Document,
        namespace: Namespace | None,
        about: str = "",
    ) -> None:
        """Answer `message`; raises `OutOfStepError` where it does not fit the document.

        `about` is what else there is to know.
        """
        asked = EditRequest.of(self._key(message.doc), message, document, namespace, about)
        self._begin(message.doc, _Job(message.id), lambda job: self._edit(job, message, asked))

    def prepare(
        self, message: protocol.Prepare, document: Document, namespace: Namespace | None
    ) -> None:
        """Load the model and read the code, unless an edit of the document is being written."""
        running = self._jobs.get(message.doc)
        if running is None or running.id is None:
            asked = EditRequest.of(self._key(message.doc), message, document, namespace)
            self._begin(message.doc, _Job(None), lambda _: self._read(asked))

    def cancel(self, id: int) -> None:
        """End edit `id`; an unknown one is ignored."""
        for doc, job in list(self._jobs.items()):
            if job.id == id:
                self._end(doc, "cancelled")

    def drop(self, doc: str) -> None:
        """The document is gone: so is its edit."""
        self._end(doc, "superseded")

    async def close(self) -> None:
        """The connection is gone."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _key(self, doc: str) -> str:
        return f"{self._name}/{doc}"

    def _begin(self, doc: str, job: _Job, work: Callable[[_Job], Awaitable[None]]) -> None:
        self._end(doc, "superseded")
        self._jobs[doc] = job

        async def run() -> None:
            try:
                await work(job)
            except Exception as error:
                why = unexpected("the edit", error)
                if job.id is not None:
                    await self._send(protocol.Done(job.id, job.ended or "failed", why))
            finally:
                if self._jobs.get(doc) is job:
                    del self._jobs[doc]

        job.task = asyncio.create_task(run())
        self._tasks.add(job.task)
        job.task.add_done_callback(self._tasks.discard)

    def _end(self, doc: str, why: Ended) -> None:
        job = self._jobs.pop(doc, None)
        if job is None:
            return
        job.ended = why
        job.stop()
        if job.id is None and job.task is not None:
            job.task.cancel()  # nobody waits for its end

    async def _read(self, asked: EditRequest) -> None:
        # What fails here fails in the edit, too, and is told there.
        with suppress(FastgenError):
            host = self._edits.host()
            if self._edits.hosts(asked.notebook)[0] is not host:
                return  # nothing is sent to others before it is asked for
            host.check(asked.notebook)
            service = await host.edits()
            await service.prepare(
                asked.key, asked.sheet.text, asked.language, asked.part, asked.about
            )

    async def _edit(self, job: _Job, message: protocol.Edit, asked: EditRequest) -> None:
        id = message.id
        action = self._edits.actions.get(message.action)
        if message.action and action is None:
            await self._send(protocol.Done(id, "failed", f"no action {message.action!r}"))
            return
        said = action.say(message.instruction, message.error) if action else message.instruction
        if not said.strip():
            await self._send(protocol.Done(id, "empty", "say what is to be changed"))
            return
        if action and action.place == "below" and (magic := asked.magic):
            why = f"a cell below would be Python, which can't go on from {magic}; say in the prompt"
            why += " box what to change in the cell itself"
            await self._send(protocol.Done(id, "empty", why))
            return
        makes_new = (action and action.place == "below") or not asked.sheet.text.strip()
        features: tuple[Feature, ...] = ("edits", "generate") if makes_new else ("edits",)
        told = self._edits.allowed.features(features, asked.notebook)
        if not told.on:
            self._edits.seen.refused(told)
            await self._send(protocol.Done(id, "off", told.why))
            return
        try:
            hosts = self._edits.hosts(asked.notebook)
        except FastgenError as error:
            await self._send(protocol.Done(id, "unavailable", str(error)))
            return
        done = protocol.Done(id, "failed", "there is no model")
        watch = Watch(self._edits.seen, f"{self._name}.{id}", "explicit", hosts[0])
        for host in hosts:
            watch.host = host
            try:
                done = await self._edit_by(host, job, message, asked, said, action)
                break
            except TooLongError as error:
                done = protocol.Done(id, "failed", str(error))
            except FastgenError as error:
                watch.fail(error)
                done = protocol.Done(id, "failed", str(error))
                break
        if job.ended is not None:
            done = protocol.Done(id, job.ended, counts=done.counts)
        watch.end(done)
        await self._send(done)

    async def _edit_by(
        self,
        host: ModelHost,
        job: _Job,
        message: protocol.Edit,
        asked: EditRequest,
        said: str,
        action: Action | None,
    ) -> protocol.Done:
        """Let the model of `host` answer; raises `FastgenError` where it fails.

        That is a `TooLongError` where it can't read so much.
        """
        id = message.id
        done = protocol.Done(id, "failed", "the engine ended without an answer")
        loading = asyncio.create_task(self._loaded(host, job, id, asked.notebook))
        job.stop = loading.cancel
        try:
            service = await loading
        except FastgenError as error:
            return protocol.Done(id, "unavailable", str(error))
        except asyncio.CancelledError:
            if job.ended is None:
                loading.cancel()
                raise  # it is the connection that ends
            return done
        job.stop = partial(service.cancel, asked.key)
        if job.is_wanted:
            await self._send(protocol.Progress(id, "reading"))
        if not job.is_wanted:
            return done
        async with aclosing(answers(message, asked, service, said, action)) as frames:
            async for answer in frames:
                if isinstance(answer, protocol.Done):
                    done = answer
                elif job.is_wanted:
                    await self._send(answer)
        return signed(done, host.status)

    async def _loaded(self, host: ModelHost, job: _Job, id: int, notebook: Notebook) -> EditService:
        """The service, once its model is there; the browser is told how far that is."""
        host.check(notebook)
        telling: set[asyncio.Task[None]] = set()

        async def tell(fraction: float | None) -> None:
            if job.is_wanted:
                await self._send(protocol.Progress(id, "loading", fraction))

        def on_status(status: protocol.Status) -> None:
            if status.state == "loading":
                telling.add(asyncio.create_task(tell(status.progress)))

        deaf = host.listen(on_status)
        try:
            service = await host.edits()
            host.check(notebook)  # a server of others has told which model it is
            return service
        finally:
            deaf()
            for task in telling:
                task.cancel()
