"""The engine process: reads commands from standard input, writes reports to standard output.

It ends when the pipe does, so it never outlives the server, however that went.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable

from . import machine, pipe
from .base import Engine, EngineError, Request


def main() -> None:
    """Run until standard input ends."""
    reports = os.dup(1)
    # llama.cpp prints to descriptor 1 as well; only frames may reach the pipe.
    os.dup2(2, 1)
    machine.be_polite()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(reports))
    # Native threads may still run; a normal exit would wait for them or crash in their destructors.
    os._exit(0)


async def _serve(reports: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(reports, "wb", buffering=0)
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def report(message: pipe.Report) -> None:
        writer.write(pipe.pack(message))
        await writer.drain()

    engine: Engine | None = None
    jobs: set[asyncio.Task[None]] = set()
    while True:
        try:
            command = await pipe.read_command(reader)
        except asyncio.IncompleteReadError:
            return
        if isinstance(command, pipe.Load):
            engine = await _load(command, report)
        elif engine is None:
            continue
        elif isinstance(command, pipe.Start):
            job = asyncio.create_task(_run(engine, command.request, report))
            jobs.add(job)
            job.add_done_callback(jobs.discard)
        else:
            # The request may have come in the same breath: let its job take its first step.
            await asyncio.sleep(0)
            engine.cancel(command.id)


async def _load(
    command: pipe.Load, report: Callable[[pipe.Report], Awaitable[None]]
) -> Engine | None:
    loop = asyncio.get_running_loop()
    shown = -1.0

    def progress(fraction: float) -> None:
        nonlocal shown
        if fraction - shown >= 0.02 or fraction == 1.0:
            shown = fraction
            asyncio.run_coroutine_threadsafe(_send(report, pipe.Loading(fraction)), loop)

    try:
        engine = await _adapter(command)
        await engine.load(command.spec, progress)
        stats = await engine.stats()
    except EngineError as error:
        await report(pipe.Broken(error.reason, error.remedy))
        return None
    await report(pipe.Ready(stats))
    return engine


async def _adapter(command: pipe.Load) -> Engine:
    if command.engine == "url":
        from .served import adapter

        return await adapter(command.spec)
    if command.engine == "exllamav2":
        from .exllamav2.adapter import ExLlamaV2

        return ExLlamaV2()
    from .llamacpp import LlamaCpp

    return LlamaCpp()


async def _send(report: Callable[[pipe.Report], Awaitable[None]], message: pipe.Report) -> None:
    await report(message)


async def _run(
    engine: Engine, request: Request, report: Callable[[pipe.Report], Awaitable[None]]
) -> None:
    try:
        async for event in engine.stream(request):
            await report(event)
    except EngineError as error:
        await report(pipe.Failed.of(request.id, error))


if __name__ == "__main__":
    main()
