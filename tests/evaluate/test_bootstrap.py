from __future__ import annotations

import pytest

from jupyter_fastgen.evaluate.quality.bootstrap import compare, pairs
from jupyter_fastgen.evaluate.quality.lines import FIGURES, Record


def record(group: str, cell: int, exact: bool, shown: int = 5) -> Record:
    return Record(group, cell, 0, "line start", exact, 100.0 * exact, 5, shown, 0, right=exact)


def run(*groups: tuple[str, list[bool]]) -> list[Record]:
    return [record(g, n, exact) for g, flags in groups for n, exact in enumerate(flags)]


def test_places_that_only_one_run_has_are_left_out():
    first, second = run(("a", [True, False])), run(("a", [True]), ("b", [True]))
    assert [(a.key, b.key) for a, b in pairs(first, second)] == [(first[0].key, second[0].key)]


def test_equal_runs_differ_by_nothing():
    one = run(("a", [True, False]), ("b", [False, False]))
    found = compare(pairs(one, one), FIGURES["exact"], 1)
    assert (found.first, found.second) == (25, 25)
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_a_steady_gain_is_sure_and_a_gain_in_one_notebook_is_not():
    names = "abcdefghij"
    worse = run(*((n, [False, True]) for n in names))
    better = run(*((n, [True, True]) for n in names))
    steady = compare(pairs(worse, better), FIGURES["exact"], 1)
    assert (steady.difference, steady.low, steady.high) == (50, 50, 50)
    lucky = run(*((n, [n == "a", True]) for n in names))
    once = compare(pairs(worse, lucky), FIGURES["exact"], 1)
    assert once.difference == 5
    assert once.low == 0
    assert once.high is not None
    assert once.high > 5


def test_a_seed_gives_the_same_interval():
    first = run(("a", [True, False]), ("b", [False, True]), ("c", [True, True]))
    second = run(("a", [True, True]), ("b", [False, False]), ("c", [True, True]))
    paired = pairs(first, second)
    assert compare(paired, FIGURES["exact"], 3) == compare(paired, FIGURES["exact"], 3)


def test_turning_runs_round_turns_the_difference_round():
    first = run(("a", [True, False]), ("b", [False, False]))
    second = run(("a", [True, True]), ("b", [False, True]))
    there = compare(pairs(first, second), FIGURES["exact"], 1)
    back = compare(pairs(second, first), FIGURES["exact"], 1)
    assert there.difference == 50
    assert back.difference == -50
    assert back.low == pytest.approx(-(there.high or 0))


def test_a_figure_that_one_run_has_nothing_for():
    silent = [record("a", 0, False, shown=0)]
    talking = [record("a", 0, True)]
    found = compare(pairs(silent, talking), FIGURES["precision"], 1)
    assert found.first is None
    assert found.second == 100
    assert found.difference is None
    assert compare([], FIGURES["exact"], 1).difference is None
