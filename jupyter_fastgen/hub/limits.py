"""How much one user may ask of a shared engine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from ..engine.base import Priority

CHARS_PER_TOKEN = 4
"""Of a prompt, about: what it costs before the engine has counted."""

PICTURE_TOKENS = 1024
"""Of a picture, about."""


_Count = Annotated[int, msgspec.Meta(ge=1)]
_Amount = Annotated[float, msgspec.Meta(gt=0)]


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one request: tokens read and written, and seconds that it may wait and run."""

    prompt_tokens: _Count
    new_tokens: _Count
    wait_s: _Amount
    run_s: _Amount

    @property
    def prompt_chars(self) -> int:
        """Longest prompt, in characters."""
        return self.prompt_tokens * CHARS_PER_TOKEN


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one user: `rate` requests a second for long, `burst` at once, so many running and waiting.

    `sockets` may be open, each with `documents` at most whose answers are wanted at once;
    `tokens_per_day` may be read anew or written, None without end. `body_bytes` is the largest
    message, the same for all.
    """

    rate: _Amount = 2.0
    burst: _Count = 20
    in_flight: _Count = 2
    waiting: _Count = 16
    sockets: _Count = 8
    documents: _Count = 16
    tokens_per_day: _Count | None = None
    body_bytes: _Count = 256 * 1024
    explicit: Bounds = Bounds(16_384, 2048, wait_s=5.0, run_s=120.0)
    ghost: Bounds = Bounds(4096, 128, wait_s=0.3, run_s=20.0)
    prefetch: Bounds = Bounds(4096, 128, wait_s=1.0, run_s=20.0)

    def of(self, priority: Priority) -> Bounds:
        """The bounds of a request of this class."""
        if priority == "explicit":
            return self.explicit
        return self.ghost if priority == "ghost" else self.prefetch


def most_generous(limits: Sequence[Limits]) -> Limits:
    """Of several, at least one, in each respect what allows most."""
    return Limits(*map(_most, zip(*map(msgspec.structs.astuple, limits), strict=True)))


def _most(values: tuple[Any, ...]) -> Any:
    if isinstance(values[0], Bounds):
        return Bounds(*map(max, zip(*map(msgspec.structs.astuple, values), strict=True)))
    return None if None in values else max(values)
