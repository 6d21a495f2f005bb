"""Edits that browsers ask for: the jobs of each connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from .. import protocol
from ..completion.context import Budget
from ..completion.known import describe
from ..completion.namespace import Namespace
from ..document import Cell, Cursor, Document, OutOfStepError
from ..edit.actions import Action
from ..edit.grammars import TEXT, language_of
from ..edit.lines import split_lines
from ..edit.mask import without_header
from ..errors import FastgenError, TooLongError
from ..host.edits import Edits
from ..policy import Feature, Notebook
from ..protocol.progress import counts_of, queued, signed
from .jobs import Ended, unexpected
from .watch import Watch

if TYPE_CHECKING:
    from ..edit.service import EditService
    from ..edit.sheet import Sheet
    from ..host.host import ModelHost

Answer = protocol.Progress | protocol.Hunks | protocol.Done

KNOWN = Budget(above=512)
"""Of the live kernel a model that edits is told what fits here into 96 tokens."""


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


@dataclass(frozen=True)
class _Asked:
    """An edit in full: the cells as they were, whatever becomes of the document.

    `others` are the code cells that stay, `namespace` is what the kernel holds.
    """

    key: str
    sheet: Sheet
    language: str
    part: tuple[int, int] | None
    about: str
    others: tuple[str, ...]
    namespace: Namespace | None
    notebook: Notebook


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
        asked = self._asked(message, document, namespace, about)
        self._begin(message.doc, _Job(message.id), lambda job: self._edit(job, message, asked))

    def prepare(
        self, message: protocol.Prepare, document: Document, namespace: Namespace | None
    ) -> None:
        """Load the model and read the code, unless an edit of the document is being written."""
        running = self._jobs.get(message.doc)
        if running is None or running.id is None:
            asked = self._asked(message, document, namespace)
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

    def _asked(
        self,
        message: protocol.Edit | protocol.Prepare,
        document: Document,
        namespace: Namespace | None,
        about: str = "",
    ) -> _Asked:
        # Imported now: it brings numpy.
        from ..edit.sheet import Sheet

        numbers = sorted({document.index(id) for id in message.cells})
        if not numbers:
            raise OutOfStepError("an edit of no cells")
        cells = [replace(document.cells[number]) for number in numbers]
        language = language_of(document.language)
        if len(cells) == 1 and cells[0].type != "code":
            language = "markdown" if cells[0].type == "markdown" else TEXT
        sheet = Sheet([protocol.Cell(c.id, c.type, c.source) for c in cells], language)
        part = None
        if len(cells) == 1 and message.end is not None:
            if not 0 <= message.start <= message.end <= cells[0].source.count("\n") + 1:
                raise OutOfStepError(f"lines {message.start}:{message.end} of a cell")
            # An editor has one more line, an empty one, behind a last line that is ended.
            count = len(split_lines(cells[0].source))
            part = min(message.start, count), min(message.end, count)
        told = [about, _known(cells, document, namespace), sheet.about]
        key = f"{self._name}/{message.doc}"
        others = tuple(
            cell.source
            for number, cell in enumerate(document.cells)
            if number not in numbers and cell.type == "code"
        )
        said = "\n".join(filter(None, told))
        notebook = document.notebook
        return _Asked(key, sheet, language, part, said, others, namespace, notebook)

    async def _read(self, asked: _Asked) -> None:
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

    async def _edit(self, job: _Job, message: protocol.Edit, asked: _Asked) -> None:
        id = message.id
        action = self._edits.actions.get(message.action)
        if message.action and action is None:
            await self._send(protocol.Done(id, "failed", f"no action {message.action!r}"))
            return
        said = action.say(message.instruction, message.error) if action else message.instruction
        if not said.strip():
            await self._send(protocol.Done(id, "empty", "say what is to be changed"))
            return
        if action and action.place == "below" and (magic := _magic(asked)):
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
        asked: _Asked,
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
        async with aclosing(self._answers(message, asked, service, said, action)) as answers:
            async for answer in answers:
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

    def _answers(
        self,
        message: protocol.Edit,
        asked: _Asked,
        service: EditService,
        said: str,
        action: Action | None,
    ) -> AsyncGenerator[Answer, None]:
        """What the browser is told, a `Done` last."""
        if action is not None and action.place == "below":
            return _below(message, asked, said, service)
        only = action.only if action is not None else ""
        return _within(message, asked, said, service, only)


async def _within(
    message: protocol.Edit, asked: _Asked, said: str, service: EditService, only: str
) -> AsyncGenerator[Answer, None]:
    """Changes of the cells."""
    from ..edit.answer import Reached
    from ..edit.comments import only_comments
    from ..edit.service import End, Queued, Reading
    from ..edit.undefined import elsewhere

    id, sheet = message.id, asked.sheet
    known = partial(elsewhere, asked.others, asked.namespace)
    found = service.edit(
        asked.key, sheet.text, asked.language, said, asked.part, asked.about, known=known
    )
    async with aclosing(found):
        async for piece in found:
            if isinstance(piece, Queued):
                yield queued(id, piece.place)
            elif isinstance(piece, Reading):
                yield protocol.Progress(id, "reading", round(piece.share, 2))
            elif isinstance(piece, Reached):
                cell, line = sheet.at(piece.line)
                yield protocol.Progress(id, "writing", None, piece.lines, cell, line)
            elif isinstance(piece, End):
                merge = piece.merge
                if only == "comments":
                    merge = await asyncio.to_thread(
                        only_comments, merge, sheet.text, asked.language, sheet.is_more_than_code
                    )
                hunks = sheet.final(merge.hunks)
                yield protocol.Hunks(id, hunks, final=True)
                reason = "stop" if hunks else "empty"
                yield protocol.Done(id, reason, merge.reason, counts_of(piece.cost))
            elif hunks := sheet.settled([piece]):
                yield protocol.Hunks(id, hunks)


async def _below(
    message: protocol.Edit, asked: _Asked, said: str, service: EditService
) -> AsyncGenerator[Answer, None]:
    """A new cell behind the last of the cells."""
    from ..edit.answer import Reached
    from ..edit.blocks import parse
    from ..edit.safety import Flag
    from ..edit.service import Queued, Reading

    id = message.id
    last, _ = asked.sheet.at(asked.sheet.text.count("\n"))
    async with aclosing(
        service.write(asked.key, asked.sheet.text, asked.language, said, asked.about)
    ) as found:
        async for piece in found:
            if isinstance(piece, Queued):
                yield queued(id, piece.place)
                continue
            if isinstance(piece, Reading):
                yield protocol.Progress(id, "reading", round(piece.share, 2))
                continue
            if isinstance(piece, Reached):
                yield protocol.Progress(id, "writing", None, piece.lines, last, piece.line)
                continue
            hunks: list[protocol.Hunk] = []
            if piece.lines:
                broken = parse("\n".join(piece.lines), asked.language).has_errors
                reasons = [Flag.SYNTAX.value] if broken else []
                new = list(piece.lines)
                hunks.append(protocol.Hunk(last, new=new, kind="insert", reasons=reasons))
            yield protocol.Hunks(id, hunks, final=True)
            reason = "stop" if hunks else "empty"
            yield protocol.Done(id, reason, piece.reason, counts_of(piece.cost))


def _magic(asked: _Asked) -> str:
    """The magic that makes a cell of a Python kernel something else, as `%%bash`; "" without."""
    text = asked.sheet.text
    is_other = asked.language == "python" and without_header(text)[0] != "python"
    return text.split(maxsplit=1)[0] if is_other else ""


def _known(cells: list[Cell], document: Document, namespace: Namespace | None) -> str:
    """What the live kernel holds and these cells do not say."""
    if namespace is None:
        return ""
    cursor = Cursor(replace(document, cells=cells), cells[-1].id, 0)
    known = describe(namespace, cursor, KNOWN)
    return f"The kernel holds:\n{known}" if known else ""
