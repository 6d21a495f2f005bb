"""Waiting for what happens by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(
    condition: Callable[[], object], seconds: float = 15.0, every: float = 0.005
) -> None:
    """Wait until something is so; it is looked at `every` so many seconds, 0 at each turn."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "it never came to that"
        await asyncio.sleep(every)
