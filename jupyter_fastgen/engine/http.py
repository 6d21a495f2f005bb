"""What engines behind an HTTP server share: answers read by tasks, so that any may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx

from .base import Done, EngineError, Event, Request
from .meter import Meter

CONNECT_SECONDS = 5.0


def client(url: str, api_key: str, patience: float | None) -> httpx.AsyncClient:
    """A client of the server at `url`, which may be silent for `patience` seconds."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        timeout=httpx.Timeout(patience, connect=CONNECT_SECONDS),
        trust_env=False,
    )


class HttpEngine:
    """Streams and cancels; subclasses connect in `load`, and read an answer in `_read`."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._readers: dict[int, asyncio.Task[None]] = {}

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            raise EngineError("the model is not loaded", "wait until it is ready")
        return self._client

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
        """End all requests and the connection."""
        for reader in list(self._readers.values()):
            reader.cancel()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _read(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        """Put the events of `request` into `events`, a `Done` last; raises `EngineError`."""
        raise NotImplementedError


def _tell_end(
    reader: asyncio.Task[None], meter: Meter, events: asyncio.Queue[Event | Exception]
) -> None:
    """Put the event in that a cancelled reader could not, or the exception it ended with."""
    if reader.cancelled():
        events.put_nowait(meter.done("cancelled"))
    elif isinstance(error := reader.exception(), Exception):
        events.put_nowait(error)
