"""How sure a difference is: the paired bootstrap over groups (Efron & Tibshirani 1993). Pure.

Places of one notebook are alike, so whole notebooks are drawn, with replacement, and not places.
Each draw takes the same notebooks of both runs.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from .lines import Figure, Record, ratio

DRAWS = 2000

Sums = tuple[tuple[float, float], tuple[float, float]]
"""Of one group: what counts and out of how much, in the first run and in the second."""


class Difference(msgspec.Struct, frozen=True):
    """A figure in two runs, and the second less the first with its 95 % interval.

    None where nothing was there to count.
    """

    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None


def pairs(first: Sequence[Record], second: Sequence[Record]) -> list[tuple[Record, Record]]:
    """The places that both runs completed, in the order of the first."""
    others = {record.key: record for record in second}
    return [(record, others[record.key]) for record in first if record.key in others]


def compare(paired: Sequence[tuple[Record, Record]], figure: Figure, seed: int) -> Difference:
    """Draw groups `DRAWS` times and look where the middle 95 % of the differences lie."""
    groups = _sums(paired, figure)
    first, second = ratio(a for a, _ in groups), ratio(b for _, b in groups)
    difference = _difference(groups)
    if difference is None:
        return Difference(first, second, None, None, None)
    draw = random.Random(seed)
    drawn = (_difference(draw.choices(groups, k=len(groups))) for _ in range(DRAWS))
    found = sorted(value for value in drawn if value is not None)
    if not found:
        return Difference(first, second, difference, None, None)
    edge = len(found) // 40
    return Difference(first, second, difference, found[edge], found[-1 - edge])


def _sums(paired: Sequence[tuple[Record, Record]], figure: Figure) -> list[Sums]:
    totals: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for first, second in paired:
        parts = (*figure(first), *figure(second))
        totals[first.group] = [a + b for a, b in zip(totals[first.group], parts, strict=True)]
    return [((a, b), (c, d)) for a, b, c, d in totals.values()]


def _difference(groups: Sequence[Sums]) -> float | None:
    first, second = ratio(a for a, _ in groups), ratio(b for _, b in groups)
    return None if first is None or second is None else second - first
