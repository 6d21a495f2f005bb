"""The constants of the confidence gate, and what each threshold would do. Pure.

Logistic regression with a ridge (Hoerl & Kennard 1970) by Newton's method, cross-validated by
notebook: what is said of a notebook comes from constants fitted without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from .lines import Record, ratio

RIDGE = 3.0
"""Pulls weights of features in units of their spread to 0, as so many places would."""

STEPS = 30

THRESHOLDS = tuple(n / 100 for n in (*range(2, 12), *range(12, 40, 2), *range(40, 81, 5)))


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


@dataclass(frozen=True)
class Example:
    """A suggestion of the notebook `group`, and whether it was right."""

    group: str
    features: tuple[float, ...]
    right: bool


def examples(records: Iterable[Record]) -> list[Example]:
    """The records of which it is known how sure the model was."""
    return [Example(r.group, r.judgement.features, r.exact) for r in records if r.judgement]


def fit(known: Sequence[Example]) -> Model:
    """The constants that tell best which of the examples were right."""
    columns = list(zip(*(example.features for example in known), strict=True))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
        for column, mean in zip(columns, means, strict=True)
    ]
    rows = [
        [1.0, *((v - m) / s for v, m, s in zip(r.features, means, spreads, strict=True))]
        for r in known
    ]
    found = _newton(rows, [float(r.right) for r in known])
    weights = tuple(w / s for w, s in zip(found[1:], spreads, strict=True))
    shift = sum(w * m for w, m in zip(weights, means, strict=True))
    return Model(found[0] - shift, weights)


def cross_validated(known: Sequence[Example]) -> list[float]:
    """How likely each of the examples is, told by those of the other notebooks."""
    groups = sorted({example.group for example in known})
    models = {group: fit([e for e in known if e.group != group]) for group in groups}
    return [models[example.group].probability(example.features) for example in known]


def effects(records: Sequence[Record], likely: Sequence[float]) -> list[Effect]:
    """What the gates would do to `records` of a run without any.

    `likely` tells how likely those are to be right of which `examples` knows.
    """
    rest = iter(likely)
    told = [(r, next(rest) if r.judgement else 1.0) for r in records]
    said = [r for r in records if r.shown_chars]
    right = sum(r.exact for r in said)

    def effect(gates: str, threshold: float | None, shown: Sequence[Record]) -> Effect:
        hits = sum(r.exact for r in shown)
        precision, base = _percent(hits, len(shown)), _percent(right, len(said))
        return Effect(
            gates,
            threshold,
            _percent(len(shown), len(records)),
            precision,
            precision / base if precision is not None and base else None,
            _percent(right - hits, right),
        )

    sound = [(r, sure) for r, sure in told if r.shown_chars and not r.held]
    found = [effect("off", None, said), effect("sound", None, [r for r, _ in sound])]
    for least in THRESHOLDS:
        passing = [r for r, sure in sound if sure >= least or (r.judgement and r.judgement.early)]
        found.append(effect("all", least, passing))
    return found


def _percent(part: float, whole: float) -> float | None:
    return ratio([(100 * part, whole)])


def _newton(rows: list[list[float]], right: list[float]) -> list[float]:
    size = len(rows[0])
    weights = [0.0] * size
    for _ in range(STEPS):
        gradient = [0.0] + [RIDGE * w for w in weights[1:]]
        matrix = [[RIDGE * (i == j > 0) for j in range(size)] for i in range(size)]
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
