"""What kernels ask for, answered with frames: in the server, or in the kernel's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from . import protocol
from .document import Document, OutOfStepError
from .editing import EditJobs
from .edits import Edits
from .errors import FastgenError, TooLongError
from .host import ModelHost
from .jobs import signed, unexpected

ID = 1
"""Of every job: a stream has only one."""

DOCUMENT = "d"

Asked = protocol.Generate | protocol.Rewrite


class Answers:
    """Answers one request after the other.

    Two engines at once would make both many times slower.
    """

    def __init__(self, edits: Edits, rest: Callable[[], None] = lambda: None) -> None:
        """`rest` ends what runs and is less urgent, which is ghost text."""
        self._edits = edits
        self._rest = rest
        self._turn = asyncio.Lock()

    async def frames(self, asked: Asked) -> AsyncGenerator[protocol.FromServer, None]:
        """`Progress`, `Chunk` and `Hunks`, and a `Done` last, whatever goes wrong.

        Leaving the iteration stops the engine within a token.
        """
        async with self._turn:
            try:
                is_new = isinstance(asked, protocol.Generate)
                if is_new and asked.images:
                    hosts = (await self._edits.seeing(asked.model),)
                else:
                    hosts = await self._edits.named(asked.model)
                answer = self._write(hosts, asked) if is_new else self._edit(hosts, asked)
                async with aclosing(answer) as frames:
                    async for frame in frames:
                        yield frame
            except FastgenError as error:
                yield protocol.Done(ID, "failed", str(error))
            except Exception as error:
                yield protocol.Done(ID, "failed", unexpected("the answer", error))

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
        self._rest()
        async with aclosing(service.generate(asked, ID)) as frames:
            async for frame in frames:
                yield frame

    async def _edit(
        self, hosts: Sequence[ModelHost], asked: protocol.Rewrite
    ) -> AsyncGenerator[protocol.FromServer, None]:
        frames: asyncio.Queue[protocol.FromServer] = asyncio.Queue()
        first, second = hosts[0], hosts[1] if len(hosts) > 1 else None
        edits = Edits(lambda _: first, self._edits.actions, lambda: second)
        jobs = EditJobs(edits, "kernel", frames.put)
        try:
            if len({cell.id for cell in asked.cells}) < len(asked.cells):
                raise OutOfStepError("two cells have the same id")
            document = Document.opened(protocol.Open(DOCUMENT, asked.cells, asked.language))
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
