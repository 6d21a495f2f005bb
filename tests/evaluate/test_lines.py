from __future__ import annotations

import pytest

from jupyter_fastgen.evaluate.quality.lines import (
    FIGURES,
    Record,
    correct_start,
    first_line,
    has_first_line,
    ratio,
    repeats_below,
    similarity,
)


def record(
    exact: bool = False, expected: int = 10, shown: int = 10, saved: int = 0, right: bool = False
) -> Record:
    place = "n.ipynb", 0, 0, "line start"
    return Record(*place, exact, 0.0, expected, shown, saved, right=right or exact)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("  return x \n", "return x"),
        ("\n    return x\n    y", "return x"),
        ("\n\n    return x", ""),
        ("", ""),
        ("return", "return"),
    ],
)
def test_first_line_is_the_second_after_a_line_break(answer: str, line: str):
    assert first_line(answer) == line


@pytest.mark.parametrize("answer", ["a\n", "a\nb", "\na\n", "\n\n"])
def test_whole_first_lines_do_not_change_with_more_text(answer: str):
    assert has_first_line(answer)
    assert first_line(answer) == first_line(answer + "more\nand more")


@pytest.mark.parametrize("answer", ["", "a", "\n", "\na"])
def test_first_lines_that_may_still_grow(answer: str):
    assert not has_first_line(answer)


def test_similarity_ignores_white_space_around():
    assert similarity("  x = 1", "x = 1\n") == 100
    assert similarity("abcd", "wxyz") == 0
    assert similarity("abcd", "abce") == 75


def test_saved_characters_are_those_before_the_first_wrong_one():
    assert correct_start(" = foo(bar)  ", " = foo(baz)") == 9
    assert correct_start("x = 1  ", "x = 1, 2") == 5
    assert correct_start("x = 1", "x") == 1
    # What is accepted goes in as it is: a missing space is a wrong character.
    assert correct_start(" 3", "3") == 0


def test_repeating_the_line_below():
    assert repeats_below("    total += n", "\n\n  total += n\nprint(total)")
    assert repeats_below("a = 1\nb = 2", "b = 2")
    assert not repeats_below("total += 1", "total += n")
    assert not repeats_below("", "\n")


def test_figures_are_ratios_of_sums():
    records = [
        record(exact=True, expected=10, shown=10, saved=10),
        record(expected=30, shown=20, saved=5),
        record(expected=10, shown=5, saved=5, right=True),
        record(expected=10, shown=0),
    ]

    def figure(name: str) -> float | None:
        return ratio(map(FIGURES[name], records))

    assert figure("exact") == 25
    assert figure("saved") == pytest.approx(100 * 20 / 60)
    assert figure("shown") == 75
    assert figure("precision") == pytest.approx(200 / 3)


def test_precision_of_nothing_shown_is_unknown():
    assert ratio([FIGURES["precision"](record(shown=0))]) is None
