"""What kernels ask for, answered with frames: in the server, or in the kernel's own process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec

from .. import protocol
from ..document import Document, OutOfStepError
from ..errors import FastgenError, TooLongError
from ..host.edits import Edits
from ..host.host import ModelHost
from ..policy import Decision, Notebook
from ..protocol.progress import signed
from .editing import EditJobs
from .jobs import unexpected
from .watch import Watch

ID = 1
"""Of every job: a stream has only one."""

DOCUMENT = "d"

_names = itertools.count(1)

Asked = protocol.Generate | protocol.Rewrite


class Answers:
    """Answers one request after the other.

    Two engines at once would make both many times slower.
    """

    def __init__(
        self,
        edits: Edits,
        rest: Callable[[], None] = lambda: None,
        notebook_of: Callable[[str], Awaitable[Notebook | None]] | None = None,
    ) -> None:
        """`rest` ends what runs and is less urgent, which is ghost text.

        `notebook_of` tells, by the id of its kernel, what an open notebook says of us.
        """
        self._edits = edits
        self._rest = rest
        self._notebook_of = notebook_of
        self._turn = asyncio.Lock()

    async def frames(self, asked: Asked) -> AsyncGenerator[protocol.FromServer, None]:
        """`Progress`, `Chunk` and `Hunks`, and a `Done` last, whatever goes wrong.

        Leaving the iteration stops the engine within a token.
        """
        async with self._turn:
            try:
                if self._notebook_of is not None and asked.kernel:
                    # What a page has is newer than what is saved.
                    now = await self._notebook_of(asked.kernel)
                    asked = msgspec.structs.replace(asked, notebook=now or asked.notebook)
                is_new = isinstance(asked, protocol.Generate)
                told = self._may(asked)
                if not told.on:
                    self._edits.seen.refused(told)
                    yield protocol.Done(ID, "off", told.why)
                    return
                if is_new and asked.images:
                    hosts = (await self._edits.seeing(asked.model, asked.notebook),)
                else:
                    hosts = await self._edits.named(asked.model, asked.notebook)
                answer = self._write(hosts, asked) if is_new else self._edit(hosts, asked)
                async with aclosing(answer) as frames:
                    async for frame in frames:
                        yield frame
            except FastgenError as error:
                yield protocol.Done(ID, "failed", str(error))
            except Exception as error:
                yield protocol.Done(ID, "failed", unexpected("the answer", error))

    def _may(self, asked: Asked) -> Decision:
        allowed, notebook = self._edits.allowed, asked.notebook
        is_new = isinstance(asked, protocol.Generate)
        told = allowed.feature("generate" if is_new else "edits", notebook)
        if told.on and asked.about:
            live = allowed.feature("kernel_context", notebook)
            why = f"objects of the kernel can't be described: {live.why}; name them without braces"
            return Decision(live.on, "" if live.on else why, live.about)
        return told

    async def _write(
        self, hosts: Sequence[ModelHost], asked: protocol.Generate
    ) -> AsyncGenerator[protocol.FromServer, None]:
        """By the first of these whose model can read so much; raises `FastgenError`."""
        for number, host in enumerate(hosts, 1):
            try:
                async with aclosing(self._generate(host, asked)) as frames:
                    async for frame in frames:
                        is_last = isinstance(frame, protocol.Done)
                        yield signed(frame, host.status) if is_last else frame
                return
            except TooLongError:
                if number == len(hosts):
                    raise

    async def _generate(
        self, host: ModelHost, asked: protocol.Generate
    ) -> AsyncGenerator[protocol.FromServer, None]:
        states: asyncio.Queue[protocol.Status | None] = asyncio.Queue()
        host.check(asked.notebook)
        deaf = host.listen(states.put_nowait)
        loading = asyncio.create_task(host.generation())
        loading.add_done_callback(lambda _: states.put_nowait(None))
        try:
            while (status := await states.get()) is not None:
                if status.state == "loading":
                    yield protocol.Progress(ID, "loading", status.progress)
        finally:
            deaf()
            loading.cancel()
        service = loading.result()
        host.check(asked.notebook)  # a server of others has told which model it is
        self._rest()
        name = f"kernel.{next(_names)}"
        watch = Watch(self._edits.seen, name, "explicit", host)
        done = protocol.Done(ID, "cancelled")
        try:
            async with aclosing(service.generate(asked, ID)) as frames:
                async for frame in frames:
                    done = frame if isinstance(frame, protocol.Done) else done
                    yield frame
        except FastgenError as error:
            watch.fail(error)
            done = protocol.Done(ID, "failed")
            raise
        finally:
            watch.end(done)

    async def _edit(
        self, hosts: Sequence[ModelHost], asked: protocol.Rewrite
    ) -> AsyncGenerator[protocol.FromServer, None]:
        frames: asyncio.Queue[protocol.FromServer] = asyncio.Queue()
        first, second = hosts[0], hosts[1] if len(hosts) > 1 else None
        edits = Edits(
            lambda _: first,
            self._edits.actions,
            lambda: second,
            allowed=self._edits.allowed,
            seen=self._edits.seen,
        )
        jobs = EditJobs(edits, f"kernel.{next(_names)}", frames.put)
        try:
            if len({cell.id for cell in asked.cells}) < len(asked.cells):
                raise OutOfStepError("two cells have the same id")
            document = Document.opened(
                protocol.Open(DOCUMENT, asked.cells, asked.language, notebook=asked.notebook)
            )
            message = protocol.Edit(
                ID,
                DOCUMENT,
                0,
                [cell.id for cell in asked.cells],
                asked.instruction,
                asked.action,
                asked.start,
                asked.end,
                asked.error,
            )
            self._rest()
            jobs.start(message, document, None, asked.about)
        except (OutOfStepError, ValueError) as error:
            yield protocol.Done(ID, "failed", f"what is to be changed is not there: {error}")
            return
        try:
            while True:
                frame = await frames.get()
                yield frame
                if isinstance(frame, protocol.Done):
                    return
        finally:
            jobs.cancel(ID)
            await jobs.close()
