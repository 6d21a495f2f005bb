"""What engines share whose answers come over a network: tasks read them, and can be cancelled."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

from .base import Done, Event, Request
from .meter import Meter


class ReadingEngine(ABC):
    """Streams and cancels; subclasses read an answer in `_read`."""

    def __init__(self) -> None:
        self._readers: dict[int, asyncio.Task[None]] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Stream one completion; see `Engine.stream`."""
        events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        meter = Meter(request.id)
        reader = asyncio.create_task(self._read(request, meter, events))
        # Told here and not by the reader: it may be cancelled before its first step.
        reader.add_done_callback(lambda task: _tell_end(task, meter, events))
        self._readers[request.id] = reader
        try:
            while True:
                event = await events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Done):
                    return
        finally:
            self._readers.pop(request.id, None)
            reader.cancel()

    def cancel(self, id: int) -> None:
        """End request `id`; see `Engine.cancel`."""
        reader = self._readers.get(id)
        if reader is not None:
            reader.cancel()

    async def close(self) -> None:
        """End all requests."""
        for reader in list(self._readers.values()):
            reader.cancel()

    @abstractmethod
    async def _read(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        """Put the events of `request` into `events`, a `Done` last; raises `EngineError`."""


def _tell_end(
    reader: asyncio.Task[None], meter: Meter, events: asyncio.Queue[Event | Exception]
) -> None:
    """Put the event in that a cancelled reader could not, or the exception it ended with."""
    if reader.cancelled():
        events.put_nowait(meter.done("cancelled"))
    elif isinstance(error := reader.exception(), Exception):
        events.put_nowait(error)
