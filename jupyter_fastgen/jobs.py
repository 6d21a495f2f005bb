"""The jobs of a connection: what a browser asks for, and how that ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import protocol
from .completion.service import End
from .engine.base import Done

Ended = Literal["cancelled", "superseded"]

Asking = protocol.Complete | protocol.Ahead | protocol.Next | protocol.Alternatives
"""What a job answers."""


@dataclass
class Job:
    """What runs for a document; `ended` says why its answer is no longer wanted.

    `id` is None where the browser waits for no answer.
    """

    id: int | None = None
    ended: Ended | None = None


def is_favour(message: protocol.FromBrowser) -> bool:
    """Whether nobody asked for it: it gives way to a cell that computes."""
    return isinstance(message, protocol.Ahead | protocol.Next) or (
        isinstance(message, protocol.Alternatives) and message.trigger == "auto"
    )


def done_message(id: int, end: End) -> protocol.Done:
    """What the browser is told of the end of job `id`."""
    return protocol.Done(id, end.reason, end.why, counts_of(end.cost))


def counts_of(cost: Done | None) -> protocol.Counts | None:
    """What the browser is told of a cost."""
    if cost is None:
        return None
    return protocol.Counts(
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
