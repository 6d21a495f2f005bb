from __future__ import annotations

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.evaluate import stats
from jupyter_fastgen.evaluate.speed.browser import Answer
from jupyter_fastgen.evaluate.speed.keystrokes import KeyRecord, Replay, summarize, wasted_tokens
from jupyter_fastgen.evaluate.tables import (
    key_lines,
    keystroke_rows,
    markdown_table,
    number,
    text_table,
)


def answer(text: str, tokens: int = 0, ended: bool = True) -> Answer:
    counts = protocol.Counts(new_tokens=tokens)
    done = protocol.Done(1, "stop", counts=counts) if ended else None
    return Answer(1, "c", "x = ", text, done)


def test_percentiles():
    assert stats.spread([]) == stats.Spread(0)
    assert stats.spread([3, 1, 2]) == stats.Spread(3, 2, 3, 3, 3)
    hundred = stats.spread(range(1, 101))
    assert (hundred.p50, hundred.p95, hundred.p99, hundred.worst) == (50, 95, 99, 100)


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    # 0 of 20 and 81 of 263 are computed in R. G. Newcombe, "Two-sided confidence intervals for the
    # single proportion", 1998, table I.
    [(0, 0, 0, 1), (0, 20, 0, 0.1611), (1, 20, 0.8389, 1), (81 / 263, 263, 0.2553, 0.3662)],
)
def test_shares_of_few_are_told_with_wide_intervals(
    share: float, count: int, low: float, high: float
):
    assert stats.interval(share, count) == pytest.approx((low, high), abs=1e-4)


def test_what_never_happened_is_worse_than_everything():
    figures = stats.spread([5.0, None, 7.0])
    assert (figures.p50, figures.p95, figures.worst) == (7, None, None)


def test_share():
    assert stats.share([True, False, True, True]) == 0.75
    assert stats.share([]) == 0


def test_answers_fit_as_in_the_browser():
    growing = answer("foo", ended=False)
    assert growing.remainder("c", "x = ") == "foo"
    assert growing.remainder("c", "x = fo") == "o"
    assert growing.remainder("c", "x = foo") == ""
    # One key ahead may still agree; two keys ahead are not waited for.
    assert growing.remainder("c", "x = foo.") == ""
    assert growing.remainder("c", "x = foo\n    ") == ""
    assert growing.remainder("c", "x = foo.b") is None
    assert growing.remainder("c", "x = b") is None
    assert growing.remainder("other", "x = ") is None
    ended = answer("foo")
    assert ended.remainder("c", "x = foo") is None
    assert ended.remainder("c", "x = foo.") is None
    assert answer("").remainder("c", "x = ") == ""


def test_wasted_tokens_are_those_of_text_never_typed():
    half = answer("range(3):\n", tokens=10)
    half.remainder("c", "x = range")
    assert wasted_tokens(half) == 5
    assert wasted_tokens(answer("", tokens=4)) == 4
    assert wasted_tokens(answer("abc", ended=False)) == 0


def some_keys() -> list[KeyRecord]:
    return [
        KeyRecord("c", "(", True, False, "asks", "stop", 3, 400, 9, 50.0, 60.0, 2, 170, 95),
        KeyRecord("c", "a", False, True, "through", ghost_ms=0.2, sent=1, sent_bytes=81),
        KeyRecord("c", "b", False, False, "asks", "superseded", 1, 402, 1, None, None, 2, 170, 95),
        KeyRecord("c", "\n    ", True, False, "asks", "empty", 40, 300, 2, 70.0, 160.0),
    ]


def test_summary_of_keys():
    summary = summarize(some_keys(), {1: answer("ab", tokens=12)})
    assert summary.keys == 4
    # The fresh line moves the anchor: it does not count as typing within a line.
    assert (summary.within_line.count, summary.within_line.p50, summary.within_line.worst) == (
        3,
        1,
        3,
    )
    assert summary.within_line_answered.count == 1
    assert (summary.prefilled, summary.cached, summary.decoded, summary.wasted) == (
        44,
        1102,
        12,
        12,
    )
    assert (summary.requests, summary.requests_per_100_keys, summary.cancelled) == (3, 75, 1)
    assert (summary.typed_through, summary.waiting) == (1, 0)
    assert summary.engine_first.count == 2
    assert summary.ghost_resting.worst == 160
    assert summary.ghost_after_rest.p50 == 0.2
    assert summary.coverage == 0.5


def test_numbers_for_people():
    assert number(None) == "–"  # noqa: RUF001
    assert number(3.0) == "3"
    assert number(1234.56, "ms") == "1,234.6 ms"


def test_tables():
    summary = summarize(some_keys(), {})
    rows = keystroke_rows([summary, summary])
    assert all(len(row) == 3 for row in rows)
    text = text_table(["", "a", "b"], rows).splitlines()
    assert len(text) == len(rows) + 1
    markdown = markdown_table(["", "a", "b"], rows).splitlines()
    assert markdown[1] == "| --- | --- | --- |"
    assert all(line.count("|") == 4 for line in markdown)
    lines = key_lines(Replay(True, summary, some_keys()))
    assert len(lines) == 5
    assert "superseded" in lines[3]
