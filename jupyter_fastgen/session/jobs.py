"""The jobs of a connection: what a browser asks for, and how that ends."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import Literal

from .. import protocol
from ..completion.writing import End
from ..engine.base import Priority
from ..policy import Feature
from ..protocol.progress import counts_of

_log = logging.getLogger(__name__)

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


def features_of(message: Asking) -> tuple[Feature, ...]:
    """What must be allowed for it to be answered."""
    if isinstance(message, protocol.Next):
        return ("suggestions", "automatic", "next_cell")
    # What stands behind a suggestion is asked for of one that is there already.
    is_asked_for = isinstance(message, protocol.Ahead) or message.trigger == "invoke"
    return ("suggestions",) if is_asked_for else ("suggestions", "automatic")


def is_favour(message: protocol.FromBrowser) -> bool:
    """Whether nobody asked for it: it gives way to a cell that computes."""
    return isinstance(message, protocol.Ahead | protocol.Next) or (
        isinstance(message, protocol.Alternatives) and message.trigger == "auto"
    )


def priority_of(message: Asking) -> Priority:
    """Whom it serves: who asked for it, who types, or nobody yet."""
    if isinstance(message, protocol.Complete | protocol.Alternatives):
        if message.trigger == "invoke":
            return "explicit"
        return "ghost" if isinstance(message, protocol.Complete) else "prefetch"
    return "prefetch"


def done_message(id: int, end: End) -> protocol.Done:
    """What the browser is told of the end of job `id`."""
    return protocol.Done(id, end.reason, end.why, counts_of(end.cost))


def unexpected(what: str, error: Exception) -> str:
    """Log where an error that nobody thought of came from; gives what the person is told.

    Without what the error says: that may hold text of the document.
    """
    name = type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s failed: %s\n%s", what, name, where)
    return f"{what} failed ({name}); the log says where"
