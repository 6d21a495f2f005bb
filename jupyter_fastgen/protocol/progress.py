"""How far a job is, and what it cost: what an engine tells of it, as the browser is told."""

from __future__ import annotations

import msgspec

from ..engine.base import Done as EngineDone
from .server import Counts, Done, Progress, Status


def signed(done: Done, status: Status) -> Done:
    """`done` with the model and the server that wrote it, where others run that."""
    if not status.where or done.counts is None:
        return done
    return msgspec.structs.replace(done, by=f"{status.model} at {status.where}")


def queued(id: int, place: int) -> Progress:
    """What is told of job `id`, which has come to this place of a queue: 0 means out of it."""
    return Progress(id, "queued" if place else "reading", place=place)


def counts_of(cost: EngineDone | None) -> Counts | None:
    """What the browser is told of a cost."""
    if cost is None:
        return None
    return Counts(
        prompt_tokens=cost.prompt_tokens,
        cached_tokens=cost.cached_tokens,
        new_tokens=cost.new_tokens,
        queue_ms=round(cost.queue_ms, 1),
        prefill_ms=round(cost.prefill_ms, 1),
        decode_ms=round(cost.decode_ms, 1),
        first_ms=None if cost.first_ms is None else round(cost.first_ms, 1),
        drafted_tokens=cost.drafted,
        accepted_tokens=cost.accepted,
    )
