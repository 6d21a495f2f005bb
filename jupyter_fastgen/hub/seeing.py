"""What is told of a gateway's work: metrics for Prometheus, and rows for an audit.

Sizes, times and outcomes; never text, document names or, in metrics, users.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..errors import FastgenError
from .dispatch import Account
from .scheduler import Scheduler

PREFIX = "jupyter_fastgen_gateway"

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
"""Buckets of times."""


class Metrics:
    """The gateway in numbers; see the help of each."""

    def __init__(self, scheduler: Scheduler, model: str) -> None:
        self._registry = registry = CollectorRegistry()
        self._model = model
        self._requests = Counter(
            f"{PREFIX}_requests_total",
            "Requests that ended.",
            ["priority", "status", "model"],
            registry=registry,
        )
        self._tokens = Counter(
            f"{PREFIX}_tokens_total", "Tokens.", ["kind", "model"], registry=registry
        )
        self._wait = Histogram(
            f"{PREFIX}_wait_seconds",
            "Time until the engine began.",
            ["priority"],
            buckets=SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            f"{PREFIX}_first_text_seconds",
            "Time until the first text.",
            ["priority"],
            buckets=SECONDS,
            registry=registry,
        )
        self.sockets = Gauge(f"{PREFIX}_sockets", "Open websockets.", registry=registry)
        self.refused = Counter(
            f"{PREFIX}_refused_total", "Calls without a good token.", registry=registry
        )
        gauges = {
            "waiting": ("Requests that wait for the engine.", lambda: scheduler.waiting),
            "running": ("Requests that run.", lambda: scheduler.running),
            "debounce_ms": ("What clients are asked to wait.", lambda: scheduler.debounce_ms),
        }
        for name, (said, read) in gauges.items():
            Gauge(f"{PREFIX}_{name}", said, registry=registry).set_function(read)

    def take(self, account: Account) -> None:
        """Count a request that ended."""
        self._requests.labels(account.priority, account.status, self._model).inc()
        for kind in ("prompt", "cached", "new"):
            count: int = getattr(account, f"{kind}_tokens")
            self._tokens.labels(kind, self._model).inc(count)
        for histogram, value in ((self._wait, account.wait_ms), (self._first, account.first_ms)):
            if value is not None:
                histogram.labels(account.priority).observe(value / 1000)

    def text(self) -> bytes:
        """All of it, in Prometheus' format."""
        return generate_latest(self._registry)


class Audit:
    """A file of JSON lines, one for each request that ended; only its owner may read it."""

    def __init__(self, path: Path) -> None:
        """Raises `FastgenError` where it can't be written."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise FastgenError(f"the audit file {path} can't be written: {error}") from error
        # A line at a time: it may be moved away by a rotation, or read while it grows.
        self._file = os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")

    def take(self, account: Account) -> None:
        """Write a row."""
        row = {"time": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}
        told = {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in asdict(account).items()
        }
        self._file.write(json.dumps(row | told) + "\n")

    def close(self) -> None:
        """No more rows."""
        self._file.close()
