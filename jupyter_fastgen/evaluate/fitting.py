"""The constants of the confidence gate, and what each threshold would do. Pure.

Logistic regression with a ridge (Hoerl & Kennard 1970) by Newton's method, cross-validated by
notebook: what is said of a notebook comes from constants fitted without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from .lines import Record, ratio

RIDGE = 3.0
"""Pulls weights of features in units of their spread to 0, as so many places would."""

STEPS = 30

THRESHOLDS = tuple(n / 100 for n in (0, *range(2, 12), *range(12, 40, 2), *range(40, 81, 5)))


class Model(msgspec.Struct, frozen=True):
    """The constants of `completion.confidence`."""

    intercept: float
    weights: tuple[float, ...]

    def probability(self, features: Sequence[float]) -> float:
        """How likely a suggestion is to be right, 0 to 1."""
        weighed = (w * value for w, value in zip(self.weights, features, strict=True))
        return 1 / (1 + math.exp(-(self.intercept + sum(weighed))))


class Effect(msgspec.Struct, frozen=True):
    """What gates do, in per cent: of all places, of what is shown, and of what was right.

    `threshold` None is without the confidence gate; `gain` is the precision over that of all
    that the model says.
    """

    gates: str
    threshold: float | None
    shown: float | None
    precision: float | None
    gain: float | None
    rejected: float | None


def fit(records: Sequence[Record], ridge: float = RIDGE) -> Model:
    """The constants that fit best what of `records`, all with features, was right."""
    columns = list(zip(*(record.features for record in records), strict=True))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
        for column, mean in zip(columns, means, strict=True)
    ]
    rows = [
        [1.0, *((v - m) / s for v, m, s in zip(r.features, means, spreads, strict=True))]
        for r in records
    ]
    found = _newton(rows, [float(record.exact) for record in records], ridge)
    weights = tuple(w / s for w, s in zip(found[1:], spreads, strict=True))
    shift = sum(w * m for w, m in zip(weights, means, strict=True))
    return Model(found[0] - shift, weights)


def cross_validated(records: Sequence[Record], ridge: float = RIDGE) -> list[float]:
    """How likely each of `records` is, told by those of the other notebooks."""
    groups = {record.group for record in records}
    models = {
        group: fit([r for r in records if r.group != group], ridge) for group in sorted(groups)
    }
    return [models[record.group].probability(record.features) for record in records]


def effects(records: Sequence[Record], likely: Callable[[int], float | None]) -> list[Effect]:
    """What the gates would do to `records` of a run without any.

    `likely` tells how likely the record of that index is, None where nothing is known.
    """

    def effect(gates: str, threshold: float | None, passes: Callable[[int], bool]) -> Effect:
        shown = [r for n, r in enumerate(records) if r.shown_chars and passes(n)]
        precision = _percent(sum(r.exact for r in shown), len(shown))
        return Effect(
            gates,
            threshold,
            _percent(len(shown), len(records)),
            precision,
            ratio([(precision or 0.0, _percent(right, said) or 0.0)]),
            _percent(right - sum(r.exact for r in shown), right),
        )

    said = sum(r.shown_chars > 0 for r in records)
    right = sum(r.exact for r in records if r.shown_chars)

    def is_sound(n: int) -> bool:
        return not records[n].held

    def is_likely(n: int, threshold: float) -> bool:
        sure = likely(n)
        return is_sound(n) and (sure is None or sure >= threshold)

    found = [effect("off", None, lambda n: True), effect("sound", None, is_sound)]
    for threshold in THRESHOLDS[1:]:
        found.append(effect("all", threshold, lambda n, t=threshold: is_likely(n, t)))
    return found


def _percent(part: float, whole: float) -> float | None:
    return ratio([(100 * part, whole)])


def _newton(rows: list[list[float]], right: list[float], ridge: float) -> list[float]:
    size = len(rows[0])
    weights = [0.0] * size
    for _ in range(STEPS):
        gradient = [0.0] + [ridge * w for w in weights[1:]]
        matrix = [[ridge * (i == j > 0) for j in range(size)] for i in range(size)]
        for row, wanted in zip(rows, right, strict=True):
            sure = 1 / (1 + math.exp(-sum(w * v for w, v in zip(weights, row, strict=True))))
            for i, value in enumerate(row):
                gradient[i] += (sure - wanted) * value
                for j, other in enumerate(row):
                    matrix[i][j] += sure * (1 - sure) * value * other
        step = _solve(matrix, gradient)
        weights = [w - s for w, s in zip(weights, step, strict=True)]
    return weights


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The x with `matrix` x = `right`, by elimination; the matrix is positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for row in rows[i + 1 :]:
            factor = row[i] / pivot[i]
            row[i:] = [a - factor * b for a, b in zip(row[i:], pivot[i:], strict=True)]
    found = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        known = sum(rows[i][j] * found[j] for j in range(i + 1, len(rows)))
        found[i] = (rows[i][-1] - known) / rows[i][i]
    return found
