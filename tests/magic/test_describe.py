"""What a description's names bring along, and that nothing of the user's runs for it."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_fastgen.magic import describe
from jupyter_fastgen.magic.describe import UnknownNameError, fill
from tests.kernel.test_kernels import HOSTILE


def about(value: Any, name: str = "it") -> str:
    return fill(f"use {{{name}}}", {name: value})[1]


def test_a_name_in_braces_becomes_the_name_and_brings_its_object_along():
    said, told = fill("plot {rides} by month", {"rides": [1, 2], "secret": "hunter2"})
    assert said == "plot rides by month"
    assert told == "rides is a list of 2 items: int"


@pytest.mark.parametrize(
    "text", ["{'a': 1}", "{}", "{0}", "{x!r}", "f'{x:>3}'", "{a, b}", "{{", "}}", "{None}"]
)
def test_other_braces_are_code_and_stay(text: str):
    assert fill(text, {}) == (text, "")


def test_doubled_braces_stand_for_braces():
    assert fill("print {{rides}} and {{other}}", {"rides": 1}) == ("print {rides} and {other}", "")


def test_an_unknown_name_is_told_with_its_neighbours():
    with pytest.raises(UnknownNameError) as error:
        fill("plot {ride}", {"rides": 1, "other": 2})
    assert "did you mean rides?" in str(error.value)
    assert "{{ride}}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_is_told_by_its_columns_and_first_rows():
    frame = pd.DataFrame(
        {"city": ["Bern", "Genf", "Olten", "Chur"], "rides": [4, 5, 6, 7]},
        index=pd.date_range("2026-01-01", periods=4),
    )
    text = about(frame)
    assert "4 rows x 2 columns" in text
    assert "city (str), rides (int64)" in text
    assert "index: DatetimeIndex" in text
    assert "'Bern' | 4" in text
    assert "Olten" in text
    assert "Chur" not in text


def test_a_wide_table_is_cut():
    text = about(pd.DataFrame({f"c{n}": [n] for n in range(50)}))
    assert "c19 (int64)" in text
    assert "c20" not in text
    assert "and 30 more" in text


def test_a_table_of_objects_runs_none_of_their_code():
    space: dict[str, Any] = {}
    exec(HOSTILE, space)
    frame = pd.DataFrame({"a": [1]})
    frame["odd"] = pd.Series([space["hostile"]], dtype=object)
    space["calls"].clear()
    assert "1 | <Hostile>" in about(frame)
    assert space["calls"] == []


@pytest.mark.parametrize("name", ["hostile", "Hostile", "takes", "held"])
def test_no_code_of_the_user_runs(name: str):
    space: dict[str, Any] = {}
    exec(HOSTILE, space)
    space["held"] = {1: space["hostile"], "x": [space["hostile"]]}
    space["calls"].clear()
    assert fill(f"{{{name}}}", space)[1].startswith(name)
    assert space["calls"] == []


def test_arrays_are_told_by_shape_and_dtype():
    assert about(np.zeros((3, 4), dtype="float32")) == "it is a ndarray of float32, shape (3, 4)"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "it is the int 3"),
        (None, "it is the NoneType None"),
        (2.5, "it is the float 2.5"),
        (np.float64(2.5), "it is the float64 2.5"),
        (datetime.date(2026, 1, 2), "it is the date 2026-01-02"),
        (pd.Timestamp("2026-01-02"), "it is the Timestamp 2026-01-02 00:00:00"),
        ("abc", "it is the str 'abc'"),
        (1 << 5000, "it is an int of 5001 bits"),
        ({}, "it is an empty dict"),
        ((1, "a"), "it is a tuple of 2 items: int, str"),
        (datetime, "it is a module"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_values(value: Any, told: str):
    assert about(value) == told


def test_a_dict_is_told_by_its_keys_and_not_by_its_values():
    text = about({"user": "ada", "password": "hunter2"})
    assert "2 items, keys: str, values: str" in text
    assert "'user', 'password'" in text
    assert "hunter2" not in text


def test_functions_are_told_by_their_source():
    def mean(values: list[float]) -> float:
        """Of numbers."""
        return sum(values) / len(values)

    text = about(mean)
    assert "def mean(values: list[float]) -> float:" in text
    assert "return sum(values) / len(values)" in text


def test_a_function_without_source_is_told_by_its_parameters():
    space: dict[str, Any] = {}
    exec("def mean(values, *, weights=None): ...", space)
    assert "(values, *, weights=None)" in about(space["mean"])


def test_classes_are_told_by_their_methods():
    class Bike(dict[str, int]):
        def __init__(self, gears: int) -> None: ...
        def ride(self, far: float = 1.0) -> None: ...
        def _own(self) -> None: ...

    text = about(Bike)
    assert "class Bike(dict):" in text
    assert "def __init__(self, gears)" in text
    assert "def ride(self, far=1.0)" in text
    assert "_own" not in text


def test_all_is_bounded():
    long = "x = 1\n" * 10_000
    values = {
        "text": long,
        "many": list(range(1_000_000)),
        "wide": pd.DataFrame({f"column {n} {'x' * 40}": ["y" * 5000] for n in range(500)}),
        "deep": {f"key {n}": n for n in range(100_000)},
    }
    for value in values.values():
        assert len(about(value)) <= describe.CHARS
    named = {f"wide{n}": values["wide"] for n in range(20)}
    told = fill(" ".join(f"{{{name}}}" for name in named), named)[1]
    assert len(told) <= describe.TOTAL + 2 * len(named)
    assert "wide0 is a DataFrame" in told
