"""Pieces of an answer, put together: each costs the way between two processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..engine.base import Done, Event, Text

PIECES = 4
"""That go together at most."""

SECONDS = 0.025
"""For which one waits for others: not to be seen."""


async def coalesced(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """The same answer in fewer pieces: the first at once, others as `PIECES` and `SECONDS` say.

    Raises what `events` raises, after all that came before; leaving this leaves them.
    """
    queue: asyncio.Queue[Event | BaseException] = asyncio.Queue()

    async def read() -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    queue.put_nowait(event)
        except Exception as error:
            queue.put_nowait(error)

    clock = asyncio.get_running_loop().time
    reader = asyncio.create_task(read())
    try:
        is_first = True
        while True:
            event = await queue.get()
            held: list[Text] = []
            due = clock() + SECONDS
            while isinstance(event, Text):
                held.append(event)
                if is_first or len(held) == PIECES:
                    is_first &= not event.text
                    break
                try:
                    event = await asyncio.wait_for(queue.get(), due - clock())
                except asyncio.TimeoutError:
                    break
            if held:
                yield together(held)
            if isinstance(event, Done):
                yield event
                return
            if isinstance(event, BaseException):
                raise event
    finally:
        reader.cancel()
        await asyncio.wait({reader})


def together(pieces: list[Text]) -> Text:
    """Pieces that follow each other, at least one, as one."""
    return Text(
        pieces[-1].id,
        "".join(piece.text for piece in pieces),
        tuple(logprob for piece in pieces for logprob in piece.logprobs),
        pieces[-1].read,
    )
