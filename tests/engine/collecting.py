"""All that an engine answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from jupyter_fastgen.engine.base import Done, Event, Text


async def collect(stream: AsyncGenerator[Event, None]) -> tuple[str, Done]:
    """The text of an answer, and what it cost."""
    text, done = "", None
    async for event in stream:
        if isinstance(event, Text):
            text += event.text
        else:
            done = event
    assert done is not None
    return text, done
