"""What is told of a gateway's work: metrics for Prometheus, and rows for an audit.

Sizes, times and outcomes; never text, document names or, in metrics, users.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..errors import FastgenError
from .dispatch import Account

if TYPE_CHECKING:
    from ..telemetry.seen import Status
    from .auth import Found
    from .models import Models

PREFIX = "jupyter_fastgen_gateway"

SERVER = "jupyter_fastgen gateway"
"""What a gateway calls itself."""

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
"""Buckets of times."""

OTHERS = "(other)"
"""Stands for all groups that the administrator does not name: their number must have an end."""

ENDS: dict[str, Status] = {
    "stop": "answered",
    "length": "answered",
    "timeout": "answered",
    "cancelled": "cancelled",
    "superseded": "superseded",
    "refused": "refused",
    "busy": "busy",
    "expired": "busy",
    "dropped": "busy",
    "down": "busy",
    "failed": "error",
}
"""How a request ended, as the schema of `completion/v1` has it."""


class Metrics:
    """The gateway in numbers; see the help of each."""

    def __init__(self, models: Models, groups: Iterable[str] = ()) -> None:
        """`groups` are those that the administrator names."""
        self._models = models
        self._groups = frozenset(groups)
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "requests_total", "Requests that ended.", "class", "status", "model"
        )
        self._tokens = self._counter(
            "tokens_total",
            "Tokens of prompts, cached ones of these, and new ones.",
            "kind",
            "model",
        )
        self._group_tokens = self._counter(
            "group_tokens_total", "Tokens read anew or written, under each group.", "group"
        )
        self._wait = self._times("wait_seconds", "Time until the engine began.", "class")
        self._first = self._times("first_text_seconds", "Time until the first text.", "class")
        self._total = self._times("request_seconds", "Time until the end.", "class")
        self._auth = self._counter("auth_total", "Tokens looked at, by what was found.", "found")
        self._hub = self._times("hub_seconds", "Time until the hub said whose a token is.")
        self.refused = self._counter("refused_total", "Calls without a good token.")
        self.sockets = self._gauge("sockets", "Open websockets.")
        self.paused = self._gauge("paused", "Whether an administrator has paused the gateway.")
        self._of_models = {
            "waiting": self._gauge("waiting", "Requests that wait for the engine.", "model"),
            "running": self._gauge("running", "Requests that run.", "model"),
            "slots": self._gauge("slots", "Requests that can run at once.", "model"),
        }
        self._debounce = self._gauge(
            "debounce_seconds", "What pages are asked to wait after a key.", "model"
        )
        self._up = self._gauge("model_up", "Whether a model can be asked.", "model")

    def take(self, account: Account) -> None:
        """Count a request that ended."""
        kind = account.priority
        self._requests.labels(kind, account.status, account.model).inc()
        for name in ("prompt", "cached", "new"):
            count: int = getattr(account, f"{name}_tokens")
            self._tokens.labels(name, account.model).inc(count)
        computed = account.prompt_tokens - account.cached_tokens + account.new_tokens
        for group in self._groups.intersection(account.groups) or (OTHERS,):
            self._group_tokens.labels(group).inc(computed)
        self._total.labels(kind).observe(account.total_ms / 1000)
        for histogram, value in ((self._wait, account.wait_ms), (self._first, account.first_ms)):
            if value is not None:
                histogram.labels(kind).observe(value / 1000)

    def found(self, found: Found, seconds: float | None) -> None:
        """A token was looked at; the hub took so long to say whose it is, if it was asked."""
        self._auth.labels(found).inc()
        if seconds is not None:
            self._hub.observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' format."""
        for model in self._models:
            scheduler = model.dispatcher.scheduler
            self._up.labels(model.id).set(model.state == "ok")
            self._debounce.labels(model.id).set(scheduler.debounce_ms / 1000)
            for name, gauge in self._of_models.items():
                gauge.labels(model.id).set(getattr(scheduler, name))
        return generate_latest(self._registry)

    def _counter(self, name: str, said: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", said, labels, registry=self._registry)

    def _gauge(self, name: str, said: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", said, labels, registry=self._registry)

    def _times(self, name: str, said: str, *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", said, labels, buckets=SECONDS, registry=self._registry)


class Audit:
    """A file of JSON lines, one for each request that ended; only its owner may read it.

    A row is an event `completion/v1` and who asked, in which groups, and how it ended in the
    gateway's own words. It is no event of `jupyter_events`, which would look at each twice.
    """

    def __init__(self, path: Path) -> None:
        """Raises `FastgenError` where it can't be written."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise FastgenError(f"the audit file {path} can't be written: {error}") from error
        # A line at a time: it may be moved away by a rotation, or read while it grows.
        self._file = os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")

    def take(self, account: Account) -> None:
        """Write a row of a request."""
        row: dict[str, Any] = {
            "user": account.user,
            "groups": account.groups,
            "request_id": account.id,
            "class": account.priority,
            "model": account.model,
            "backend": SERVER,
            "status": ENDS[account.status],
            "end": account.status,
            "prompt_chars": account.prompt_chars,
            "wait_ms": account.wait_ms,
            "ttft_ms": account.first_ms,
            "total_ms": account.total_ms,
            "prompt_tokens": account.prompt_tokens,
            "cached_tokens": account.cached_tokens,
            "output_tokens": account.new_tokens,
        }
        self._write({name: value for name, value in row.items() if value is not None})

    def act(self, user: str, action: str) -> None:
        """Write a row of what an administrator did."""
        self._write({"user": user, "action": action})

    def close(self) -> None:
        """No more rows."""
        self._file.close()

    def _write(self, row: dict[str, Any]) -> None:
        told = {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in row.items()
        }
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"time": now} | told) + "\n")
