"""Engines that live elsewhere, in a process or behind a gateway: what keeps them there."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .base import EngineError, Stats

State = Literal["idle", "loading", "ready", "error"]


@dataclass(frozen=True)
class WorkerState:
    """`idle`: not there. `error`: given up, until `restart`. `progress` is 0..1 while loading."""

    state: State
    progress: float | None = None
    detail: str = ""
    remedy: str = ""


class Supervised(ABC):
    """Starts an engine with its first use, and tells every change of its state."""

    def __init__(
        self,
        model: str,
        on_state: Callable[[WorkerState], None],
        starting: WorkerState,
        gone: str = "the engine was stopped",
        patience: float | None = None,
    ) -> None:
        """`starting` is its first state; `gone` says why it is not ready where nothing else does.

        It may take `patience` seconds to be, None is any time.
        """
        self._on_state = on_state
        self._starting = starting
        self._gone = gone
        self._patience = patience
        self._supervisor: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._retired = False
        self.loaded = Stats(engine="", model=model)
        """What runs where, as it was told last."""
        self.state = WorkerState("idle")

    @abstractmethod
    async def _supervise(self) -> None:
        """Keep the engine there, and `_ready` true to it; ends where that can't be done."""

    def start(self) -> None:
        """Start the engine, if that is not so already; returns at once.

        A retired one stays as it is.
        """
        if not self._retired and (self._supervisor is None or self._supervisor.done()):
            self._set(self._starting)
            self._supervisor = asyncio.create_task(self._supervise())

    async def ready(self) -> None:
        """Wait until the engine is there; raises `EngineError` if it can't be."""
        self.start()
        if self._supervisor is None:
            raise EngineError("the engine was stopped", "try again")
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {ready, self._supervisor},
                return_when=asyncio.FIRST_COMPLETED,
                timeout=self._patience,
            )
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise EngineError(self.state.detail or self._gone, self.state.remedy)

    async def stats(self) -> Stats:
        """What runs where, as it was told last."""
        return self.loaded

    async def restart(self) -> None:
        """End the engine and start it anew, whatever its state."""
        await self.close()
        self.start()

    async def close(self) -> None:
        """End the engine; what it held comes back."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        self._set(WorkerState("idle"))

    async def retire(self) -> None:
        """End the engine for good: what still holds this starts it no more."""
        self._retired = True
        await self.close()

    def _set(self, state: WorkerState) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)
