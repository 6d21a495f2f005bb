"""Requests to an engine that is not the user's own: secrets stay here. Pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec

from .base import Done, Event, Request, Text
from .redaction import Redactor


async def hiding(
    stream: Callable[[Request], AsyncGenerator[Event, None]], request: Request
) -> AsyncGenerator[Event, None]:
    """What `stream` answers to `request` without its secrets, which come back in the answer.

    While one is just being typed nothing is asked.
    """
    redactor = Redactor()
    asked = hidden(request, redactor)
    if asked is None:
        yield Done(request.id, "stop")
        return
    held: tuple[float, ...] = ()
    async with aclosing(stream(asked)) as events:
        async for event in events:
            if isinstance(event, Text):
                text = redactor.restore(event.text)
                held += event.logprobs
                if text or not event.text:
                    yield msgspec.structs.replace(event, text=text, logprobs=held)
                    held = ()
                continue
            if rest := redactor.rest():
                yield Text(event.id, rest, held)
            starts = tuple(
                msgspec.structs.replace(start, text=redactor.whole(start.text))
                for start in event.starts
            )
            yield msgspec.structs.replace(event, starts=starts)


def hidden(request: Request, redactor: Redactor) -> Request | None:
    """`request` without secrets, to be restored by `redactor`; None where one is being typed."""
    whole = redactor.redact(request.prompt + request.begin)
    if not whole.endswith(request.begin):
        return None
    return msgspec.structs.replace(
        request,
        prompt=whole[: len(whole) - len(request.begin)],
        grammar=redactor.redact_quoted(request.grammar),
        original=redactor.redact(request.original),
    )
