"""One request, from its start to what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from .. import protocol
from ..engine.base import BusyError, Priority, RefusedError
from ..telemetry.seen import Completion, Seen, Status

if TYPE_CHECKING:
    from ..host.host import ModelHost

ENDS: dict[protocol.DoneReason, Status] = {
    "stop": "answered",
    "length": "answered",
    "empty": "empty",
    "held": "empty",
    "cancelled": "cancelled",
    "superseded": "superseded",
    "unavailable": "error",
    "off": "refused",
    "failed": "error",
}


class Watch:
    """Tells `seen` of a request once, when it is known what became of it. Times are of now on."""

    def __init__(self, seen: Seen, name: str, kind: Priority, host: ModelHost) -> None:
        """`name` tells it from all others of this process."""
        self._seen = seen
        self._name = name
        self._kind: Priority = kind
        self.host = host
        """Whose model it is."""
        self._began = time.perf_counter()
        self._first: float | None = None
        self._shown = 0
        self._error: Exception | None = None
        self._ended: Completion | None = None

    def show(self, text: str) -> None:
        """So much more text was shown."""
        if text and self._first is None:
            self._first = self._since()
        self._shown += len(text)

    def fail(self, error: Exception) -> None:
        """Why there is no answer."""
        self._error = error

    def end(self, done: protocol.Done, waits: bool = False) -> bool:
        """It ended; with `waits` a person may yet tell what became of what was shown, if any was.

        Gives whether `settle` or `leave` is to be called then.
        """
        status = ENDS[done.reason]
        if status == "error" and isinstance(self._error, RefusedError):
            status = "refused"
        elif status == "error" and isinstance(self._error, BusyError):
            status = "busy"
        counts = done.counts or protocol.Counts()
        is_shown = self._shown > 0 and done.reason != "held"
        if is_shown and waits and status == "answered":
            status = "shown"
        first = counts.first_ms if self._first is None else self._first
        self._ended = Completion(
            request_id=self._name,
            kind=self._kind,
            model=self.host.status.model[:256],
            backend=self.host.status.engine[:256],
            status=status,
            ttft_ms=msgspec.UNSET if first is None else round(first, 1),
            total_ms=round(self._since(), 1),
            prompt_tokens=counts.prompt_tokens,
            cached_tokens=counts.cached_tokens,
            output_tokens=counts.new_tokens,
            chars_shown=self._shown if is_shown else 0,
            debounce_ms=self.host.debounce_ms,
        )
        if not (is_shown and waits):
            self.leave()
            return False
        return True

    def settle(self, kept: int) -> None:
        """The person keeps so many code points of what was shown."""
        if self._ended is not None:
            whole = kept >= self._ended.chars_shown
            status = "accepted" if whole else "partially_accepted" if kept > 0 else "dismissed"
            self._ended = msgspec.structs.replace(
                self._ended, status=status, chars_accepted=max(0, kept)
            )
            self.leave()

    def leave(self) -> None:
        """Nothing more is known of it."""
        ended, self._ended = self._ended, None
        if ended is not None:
            self._seen.completion(ended)

    def _since(self) -> float:
        return 1000 * (time.perf_counter() - self._began)
