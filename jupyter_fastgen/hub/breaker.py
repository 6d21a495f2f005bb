"""Keeps requests off an engine that is not there, and tries it until it is again.

A circuit breaker, after Nygard, "Release It!", 2007: the first request that finds the engine gone
opens it; while it is open everybody else is told so at once, and one probe at a time is sent. It
closes with the first that comes through.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from ..engine.base import DownError, EngineError

WAITS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the second, third, … probe in a row, the last for all others; less, by lot."""

PROBE_SECONDS = 30.0
"""In which a probe must be answered: a person would not wait longer either."""

_log = logging.getLogger(__name__)


class Breaker:
    """Open while the engine is not there; belongs to the event loop's thread."""

    def __init__(self, name: str, probe: Callable[[], Awaitable[None]]) -> None:
        """`name` is for logs; `probe` asks something small, and raises `EngineError`."""
        self._name = name
        self._probe = probe
        self._healing: asyncio.Task[None] | None = None
        self._due = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing may be asked."""
        return self._healing is not None

    @property
    def retry_ms(self) -> int:
        """When to come back: after the next probe."""
        return round(1000 * max(0.5, self._due - asyncio.get_running_loop().time()))

    def trip(self, error: DownError) -> None:
        """Open it, as a request found the engine gone."""
        if self._healing is None:
            _log.warning("%s is not there: %s", self._name, error)
            self._healing = asyncio.create_task(self._heal())

    def close(self) -> None:
        """Probe no more."""
        if self._healing is not None:
            self._healing.cancel()

    async def _heal(self) -> None:
        failed = 0
        while not await self._answers():
            wait = WAITS[min(failed, len(WAITS) - 1)] * random.uniform(0.5, 1.0)
            self._due = asyncio.get_running_loop().time() + wait
            await asyncio.sleep(wait)
            failed += 1
        _log.warning("%s is there again", self._name)
        self._healing = None

    async def _answers(self) -> bool:
        try:
            await asyncio.wait_for(self._probe(), PROBE_SECONDS)
        except (DownError, asyncio.TimeoutError):
            return False
        except EngineError:
            pass  # it is there, whatever it says
        return True
