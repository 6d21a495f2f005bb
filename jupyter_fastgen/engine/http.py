"""What engines behind an HTTP server share: their client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from .base import EngineError, Event, Request
from .hiding import hiding
from .reading import ReadingEngine

CONNECT_SECONDS = 5.0


def client(url: str, api_key: str, patience: float | None) -> httpx.AsyncClient:
    """A client of the server at `url`, which may be silent for `patience` seconds."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        timeout=httpx.Timeout(patience, connect=CONNECT_SECONDS),
        trust_env=False,
    )


class HttpEngine(ReadingEngine):
    """Subclasses connect in `load`, and read an answer in `_read`.

    They say with `_leaves` whether what is asked leaves what is the user's own.
    """

    _leaves = False

    def __init__(self) -> None:
        super().__init__()
        self._client: httpx.AsyncClient | None = None

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            raise EngineError("the model is not loaded", "wait until it is ready")
        return self._client

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Stream one completion; see `Engine.stream`."""
        plain = super().stream
        async with aclosing(hiding(plain, request) if self._leaves else plain(request)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """End all requests and the connection."""
        await super().close()
        if self._client is not None:
            await self._client.aclose()
            self._client = None
