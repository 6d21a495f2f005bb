"""Figures from samples: percentiles and shares. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """A sample in a few figures; None where it is empty."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    worst: float | None = None


def spread(values: Iterable[float | None]) -> Spread:
    """The figures of a sample; Nones (never happened) count as worse than every number."""
    sample = sorted(math.inf if value is None else value for value in values)
    if not sample:
        return Spread(0)
    return Spread(
        len(sample),
        _finite(percentile(sample, 50)),
        _finite(percentile(sample, 95)),
        _finite(percentile(sample, 99)),
        _finite(sample[-1]),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of an ordered sample do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def share(flags: Iterable[bool]) -> float:
    """How many are true, 0 to 1; 0 of nothing."""
    sample = list(flags)
    return sum(sample) / len(sample) if sample else 0.0


def interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` that were drawn.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if not count:
        return 0.0, 1.0
    z = 1.96
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    whole = 1 + z * z / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else round(value, 1)
