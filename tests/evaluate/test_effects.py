from __future__ import annotations

import math

import pytest

from jupyter_fastgen.completion.confidence import Judgement
from jupyter_fastgen.evaluate.quality.effects import THRESHOLDS, Effect, effects
from jupyter_fastgen.evaluate.quality.lines import Record


def record(
    saved: int, shown: int, sureness: float | None = None, held: str = "", exact: bool = False
) -> Record:
    """Of ten characters expected; sure of the first four, and so sure of the others."""
    tokens = ((4, 0.0), (shown - 4, math.log(sureness))) if sureness else ()
    return Record(
        group="n",
        cell=0,
        offset=0,
        kind="line start",
        exact=exact,
        similarity=0.0,
        expected_chars=10,
        shown_chars=shown,
        saved=saved,
        held=held,
        judgement=Judgement(tokens) if tokens else None,
        right=exact or 0 < shown <= saved,
    )


RECORDS = [
    record(10, 10, 0.9, exact=True),
    record(10, 10, 0.4, exact=True),
    record(6, 10, 0.08),
    record(2, 10, 0.12),
    record(0, 10, 0.9, held="syntax"),
    record(0, 10),  # the engine told nothing
    record(0, 0),
]


def at(threshold: float) -> Effect:
    return next(e for e in effects(RECORDS) if e.threshold == threshold)


def test_without_gates_all_that_the_model_says_is_shown():
    off, sound = effects(RECORDS)[:2]
    assert (off.gates, off.gain, off.rejected, off.shortened) == ("off", 1.0, 0, 0)
    assert off.shown == pytest.approx(600 / 7)
    assert off.precision == pytest.approx(100 * 2 / 6)
    assert off.saved == pytest.approx(100 * 28 / 70)
    assert sound.shown == pytest.approx(500 / 7)
    assert sound.precision == pytest.approx(100 * 2 / 5)


def test_what_is_left_of_a_guess_is_right_where_its_beginning_is():
    low, middle, high = at(0.05), at(0.1), at(0.5)
    assert low.precision == pytest.approx(100 * 2 / 5)
    assert middle.precision == pytest.approx(100 * 3 / 5)  # four of six right characters are left
    assert middle.gain == pytest.approx((3 / 5) / (2 / 6))
    assert middle.saved == pytest.approx(100 * (10 + 10 + 4 + 2) / 70)
    assert (middle.rejected, middle.shortened) == (0, 0)
    assert (high.rejected, high.shortened) == (0, 50)


def test_thresholds_rise():
    found = [e.threshold for e in effects(RECORDS)[2:]]
    assert found == sorted(THRESHOLDS)
