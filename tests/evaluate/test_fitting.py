from __future__ import annotations

import math
import random

import pytest

from jupyter_fastgen.completion.confidence import Judgement
from jupyter_fastgen.evaluate.fitting import (
    THRESHOLDS,
    Effect,
    Example,
    cross_validated,
    effects,
    examples,
    fit,
)
from jupyter_fastgen.evaluate.lines import Record


def drawn(count: int, seed: int = 1) -> list[Example]:
    """Examples that are right as often as 1 / (1 + exp(-(1 + 2 a - b))) says."""
    draw = random.Random(seed)
    found: list[Example] = []
    for n in range(count):
        a, b = draw.uniform(-2, 2), float(draw.random() < 0.5)
        sure = 1 / (1 + math.exp(-(1 + 2 * a - b)))
        found.append(Example(f"{n % 10}.ipynb", (a, b), draw.random() < sure))
    return found


def test_the_constants_that_made_the_examples_are_found():
    model = fit(drawn(4000))
    assert model.intercept == pytest.approx(1, abs=0.25)
    assert model.weights == pytest.approx((2, -1), abs=0.25)


def test_a_feature_that_never_changes_gets_no_weight():
    known = [Example("n", (value, 7.0), value > 0.5) for value in (0.0, 0.2, 0.8, 1.0)]
    model = fit(known)
    assert model.weights[0] > 0
    assert model.weights[1] == 0


def test_few_examples_are_no_reason_for_certainty():
    sure = fit([Example("n", (0.0,), False), Example("n", (1.0,), True)]).probability((1.0,))
    assert 0.5 < sure < 0.8


def test_what_is_said_of_a_notebook_does_not_depend_on_what_was_right_in_it():
    known = drawn(200)
    turned = [
        Example(e.group, e.features, not e.right if e.group == "3.ipynb" else e.right)
        for e in known
    ]
    here = [n for n, example in enumerate(known) if example.group == "3.ipynb"]
    first, second = cross_validated(known), cross_validated(turned)
    assert [first[n] for n in here] == [second[n] for n in here]
    assert first != second


def record(
    right: bool, sureness: float | None, held: str = "", shown: int = 5, early: bool = False
) -> Record:
    judgement = None if sureness is None else Judgement((sureness,), 6, early)
    return Record("n", 0, 0, "line start", right, 0.0, 5, shown, 0, held=held, judgement=judgement)


RECORDS = [
    record(True, 0.9),
    record(True, 0.1, early=True),
    record(True, 0.3),
    record(False, 0.4),
    record(False, 0.05),
    record(False, 0.9, held="syntax"),
    record(False, None),
    record(False, None, shown=0),
]


def figures(effect: Effect) -> tuple[float, ...]:
    """What is shown, its precision, the gain, and what is rejected of the right ones."""
    found = (effect.shown, effect.precision, effect.gain, effect.rejected)
    return tuple(-1.0 if value is None else round(value, 2) for value in found)


def test_effects_of_each_gate():
    known = examples(RECORDS)
    off, sound, *swept = effects(RECORDS, [example.features[0] for example in known])
    assert figures(off) == (87.5, 42.86, 1.0, 0.0)
    assert figures(sound) == (75.0, 50.0, 1.17, 0.0)
    by = dict(zip(THRESHOLDS, swept, strict=True))
    # The unlikely wrong one goes; what is early or not known stays.
    assert figures(by[0.1]) == (62.5, 60.0, 1.4, 0.0)
    assert figures(by[0.32]) == (50.0, 50.0, 1.17, 33.33)


def test_nothing_right_has_no_gain():
    off, *_ = effects([record(False, 0.5)], [0.5])
    assert (off.precision, off.gain, off.rejected) == (0.0, None, None)
