"""An engine in a child process: it may block, crash or be killed, and the server does not notice.

`Worker` starts the process with the first use, restarts it with back-off when it
dies, ends it after a time without work and tells every change of its state.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from typing import IO

from . import last_words, pipe
from .base import DownError, EngineError, Event, ModelSpec, Request, Text
from .supervised import Supervised, WorkerState

BACKOFF = (0.2, 1.0, 3.0, 10.0, 30.0)
"""Seconds before the first, second, … restart in a row; after the last the worker gives up."""

STEADY = 60.0
"""Seconds of work after which a death counts as the first again."""

SPIN = "1000"
"""Rounds an OpenMP thread spins at a barrier before it sleeps. The default spins for
milliseconds: beside a computing kernel, two threads then get a tenth of their speed."""


class Worker(Supervised):
    """Runs one engine in a child process; an `Engine` to its callers."""

    def __init__(
        self,
        engine: pipe.EngineName,
        spec: ModelSpec,
        on_state: Callable[[WorkerState], None] = lambda state: None,
        idle_unload: float = 0.0,
        quiet: bool = True,
    ) -> None:
        """Prepare; nothing is started. `idle_unload` is in seconds, 0 for never.

        What a `quiet` engine prints is not shown, but looked through for why it died.
        """
        super().__init__(spec.name, on_state, WorkerState("loading", progress=0.0))
        self._engine: pipe.EngineName = engine
        self._spec = spec
        self._idle_unload = idle_unload
        self._quiet = quiet
        self._process: asyncio.subprocess.Process | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._streams: dict[int, asyncio.Queue[Event | EngineError]] = {}

    @property
    def pid(self) -> int | None:
        """The process, None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process and load the model, if that is not so already; returns at once.

        A retired one stays as it is.
        """
        super().start()
        if not self._retired:
            self._touch()

    async def load(self, spec: ModelSpec, progress: Callable[[float], None]) -> None:
        """Load `spec` and wait until it is ready; raises `EngineError`."""
        await self.close()
        self._spec = spec
        self.start()
        await self.ready()
        progress(1.0)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """See `Engine.stream`; raises at once while the model is not loaded, and starts it."""
        self.start()
        if not self._ready.is_set():
            why = "the engine was stopped" if self._retired else "the model is still loading"
            raise DownError(self.state.detail or why, self.state.remedy)
        events: asyncio.Queue[Event | EngineError] = asyncio.Queue()
        self._streams[request.id] = events
        self._send(pipe.Start(request))
        ended = False
        try:
            while not ended:
                event = await events.get()
                ended = not isinstance(event, Text)
                if isinstance(event, EngineError):
                    raise event
                yield event
        finally:
            self._streams.pop(request.id, None)
            self._touch()
            if not ended:
                self._send(pipe.Stop(request.id))

    def cancel(self, id: int) -> None:
        """See `Engine.cancel`."""
        if id in self._streams:
            self._send(pipe.Stop(id))

    async def close(self) -> None:
        """End the process; its memory comes back."""
        if self._idle_timer:
            self._idle_timer.cancel()
        await super().close()

    # --- the process ---------------------------------------------------------

    async def _supervise(self) -> None:
        deaths = 0
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            broken, died = await self._life()
            if broken is not None:
                self._set(broken)
                return
            deaths = 1 if clock() - started > STEADY else deaths + 1
            if deaths > len(BACKOFF):
                self._set(
                    WorkerState("error", detail=died, remedy="use Restart in the status panel")
                )
                return
            self._set(WorkerState("loading", detail=f"{died}; restarting"))
            await asyncio.sleep(BACKOFF[deaths - 1])

    async def _life(self) -> tuple[WorkerState | None, str]:
        """One process from start to end: why its model can't be loaded, or how it died."""
        self._set(WorkerState("loading", progress=0.0))
        with tempfile.TemporaryFile() as printed:
            return await self._run(printed)

    async def _run(self, printed: IO[bytes]) -> tuple[WorkerState | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jupyter_fastgen.engine.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=printed if self._quiet else None,
            env={"GOMP_SPINCOUNT": SPIN, **os.environ},
            # A signal to the server's terminal (Ctrl+C) is not meant for the engine.
            start_new_session=True,
        )
        self._process = process
        broken: WorkerState | None = None
        try:
            self._send(pipe.Load(self._engine, self._spec))
            assert process.stdout is not None
            while broken is None:
                broken = self._take(await pipe.read_report(process.stdout))
        except asyncio.IncompleteReadError:
            pass
        finally:
            self._ready.clear()
            self._process = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    # Not `process.kill()`: it polls first, and so takes the exit status of a
                    # process that is dead already from asyncio, which waits for it.
                    os.kill(process.pid, signal.SIGKILL)
            # Shielded: a cancelled supervisor must still reap the process.
            code = await asyncio.shield(process.wait())
            died = f"the engine process died ({_how(code)}{last_words.of(printed)})"
            for events in self._streams.values():
                events.put_nowait(DownError(died, "it restarts by itself"))
        return broken, died

    def _take(self, report: pipe.Report) -> WorkerState | None:
        if isinstance(report, pipe.Loading):
            if not self._ready.is_set():
                self._set(WorkerState("loading", progress=report.progress))
        elif isinstance(report, pipe.Ready):
            self.loaded = report.stats
            self._ready.set()
            self._touch()
            self._set(WorkerState("ready"))
        elif isinstance(report, pipe.Broken):
            return WorkerState("error", detail=report.reason, remedy=report.remedy)
        elif events := self._streams.get(report.id):
            events.put_nowait(report.error() if isinstance(report, pipe.Failed) else report)
        return None

    def _send(self, command: pipe.Command) -> None:
        # A dead process is the supervisor's to notice; the command is then void.
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(pipe.pack(command))

    def _touch(self) -> None:
        """Work was done: the time until the model is unloaded starts anew."""
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._idle_unload > 0:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_unload, self._unload)

    def _unload(self) -> None:
        if self._supervisor is None or self._supervisor.done():
            return  # given up: the reason stays to be read
        if self._streams or not self._ready.is_set():
            self._touch()
        else:
            self._supervisor.cancel()
            self._supervisor = None
            self._set(WorkerState("idle", detail="unloaded after a time without work"))


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
