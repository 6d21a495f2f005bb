"""What is told of the work of this server: events, and metrics for Prometheus.

Sizes, times and outcomes; never text or names of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from prometheus_client import Counter, Histogram

from ..engine import frames
from ..engine.base import Priority

if TYPE_CHECKING:
    from jupyter_events.logger import EventLogger

    from ..engine.remote import Told
    from ..policy import Decision

SCHEMAS = Path(__file__).parent / "schemas"

ID = "https://jupyter-fastgen.readthedocs.io/events/{}/v1"

EVENTS = ("completion", "policy", "quota")

PREFIX = "jupyter_fastgen"

SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60)
"""Buckets of times."""

Status = Literal[
    "answered",
    "shown",
    "accepted",
    "partially_accepted",
    "dismissed",
    "empty",
    "superseded",
    "cancelled",
    "refused",
    "busy",
    "error",
]
"""What became of a request; see the schema of `completion`."""

# In the registry that jupyter_server shows at /metrics. No label names a person.
_requests = Counter(f"{PREFIX}_requests_total", "Requests that ended.", ["class", "status"])
_first = Histogram(
    f"{PREFIX}_first_text_seconds", "Time until the first text.", ["class"], buckets=SECONDS
)
_total = Histogram(
    f"{PREFIX}_request_seconds", "Time until the end of a request.", ["class"], buckets=SECONDS
)
_tokens = Counter(f"{PREFIX}_tokens_total", "Tokens of prompts and answers.", ["kind"])
_characters = Counter(f"{PREFIX}_characters_total", "Characters of ghost text.", ["kind"])


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One request that ended; see the schema of the same name."""

    request_id: str
    kind: Priority = msgspec.field(name="class")
    model: str
    backend: str
    status: Status
    ttft_ms: float | msgspec.UnsetType = msgspec.UNSET
    total_ms: float
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    chars_shown: int = 0
    chars_accepted: int = 0
    debounce_ms: int = 0


class Seen:
    """Tells whoever listens; without an `EventLogger` only Prometheus."""

    def __init__(self, logger: EventLogger | None = None) -> None:
        self._logger = logger
        if logger is not None:
            for name in EVENTS:
                if ID.format(name) not in logger.schemas:  # it is the server's, and outlives us
                    logger.register_event_schema(SCHEMAS / f"{name}.v1.yaml")

    def completion(self, one: Completion) -> None:
        """A request has ended, and it is known what became of it."""
        _requests.labels(one.kind, one.status).inc()
        _total.labels(one.kind).observe(one.total_ms / 1000)
        if one.ttft_ms is not msgspec.UNSET:
            _first.labels(one.kind).observe(one.ttft_ms / 1000)
        for kind in ("prompt", "cached", "output"):
            _tokens.labels(kind).inc(getattr(one, f"{kind}_tokens"))
        _characters.labels("shown").inc(one.chars_shown)
        _characters.labels("accepted").inc(one.chars_accepted)
        self._emit("completion", one)

    def refused(self, decision: Decision) -> None:
        """Something was not allowed here."""
        self._policy(decision.about, "server", decision.why)

    def told(self, told: Told) -> None:
        """What a gateway tells besides answers."""
        if isinstance(told, frames.Budget):
            quota = {"used": told.used, "limit": told.limit, "reset_s": told.reset_s}
            self._emit("quota", quota)
        elif isinstance(told, frames.Failed) and told.refused != "quota":
            self._policy(told.refused, "gateway", told.reason)

    def _policy(self, feature: str, where: Literal["server", "gateway"], reason: str) -> None:
        self._emit("policy", {"feature": feature[:64], "where": where, "reason": reason[:512]})

    def _emit(self, name: str, event: Completion | Mapping[str, object]) -> None:
        # Where nobody listens, the logger does nothing with it.
        if self._logger is not None:
            self._logger.emit(schema_id=ID.format(name), data=msgspec.to_builtins(event))
