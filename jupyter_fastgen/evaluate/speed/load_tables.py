"""How a shared engine fares, as rows of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tables import Row, number, percent, spread

if TYPE_CHECKING:
    from .load import Simulated
    from .served import Served


def load_rows(found: Simulated) -> list[Row]:
    """What became of the requests of many people to one engine."""
    ends = [
        [f"of these {name}", f"{count:,} ({percent(count / max(1, found.asked))})"]
        for name, count in found.ends.items()
    ]
    return [
        ["requests", f"{found.asked:,}"],
        *ends,
        ["answered by the client", f"{found.known:,}"],
        ["first text, p50 / p95", spread(found.first, "ms")],
        ["wait for the engine, p50 / p95", spread(found.waited, "ms")],
        ["debounce asked for, p50 / p95", spread(found.debounce, "ms")],
        ["engine in use", percent(found.busy)],
        ["on whole answers", percent(found.useful)],
    ]


def served_rows(found: Served) -> list[Row]:
    """What a real gateway costs."""
    rows = [
        ["connections", f"{found.users:,}, all within {number(found.connected_s, 's')}"],
        ["asked of the hub, at once at most", f"{found.checks:,}, {found.parallel}"],
        ["requests", f"{found.requests:,}, {number(found.per_second)} a second"],
        ["of these told to come back, failed", f"{found.busy:,}, {found.errors:,}"],
        ["first text later than the engine's, p50 / p95", spread(found.over, "ms")],
        ["… without a gateway: the client's part", spread(found.floor, "ms")],
        ["the gateway's processor time for a request", f"{found.cpu_ms:.2f} ms"],
        ["its memory", number(found.memory_mb, "MB")],
        ["of what the engine can do, whole answers", percent(found.goodput)],
        ["the longest wait for the engine", number(found.oldest_ms, "ms")],
        ["simulated: wait for the engine, p50 / p95", spread(found.simulated.waited, "ms")],
    ]
    if found.quiet is not None:
        rows += [
            ["first text, p50 / p95", spread(found.first, "ms")],
            ["… without the noisy user", spread(found.quiet, "ms")],
            ["p95 with the noisy user, of that without", percent(found.noise)],
        ]
    return rows if found.checks else [rows[0], *rows[2:]]
