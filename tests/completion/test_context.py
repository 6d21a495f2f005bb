from __future__ import annotations

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.context import (
    CHARS_PER_TOKEN,
    Budget,
    View,
    comment_mark,
    guess_tokens,
    view,
)
from jupyter_fastgen.document import Cursor, Document

BUDGET = Budget()


def opened(*cells: str | tuple[protocol.CellType, str], language: str = "python") -> Document:
    made = [
        protocol.Cell(f"c{n}", "code", cell)
        if isinstance(cell, str)
        else protocol.Cell(f"c{n}", *cell)
        for n, cell in enumerate(cells)
    ]
    return Document.opened(protocol.Open("d", made, language))


def see(document: Document, cell: str, offset: int, budget: Budget = BUDGET) -> View:
    return view(Cursor(document, cell, offset), budget)[0]


def test_the_cursor_sees_the_cells_above_both_sides_and_the_next_cell():
    document = opened("import numpy as np\n", "x = 1\ny = 2", "", "z = 3", "w = 4")
    seen = see(document, "c1", 6)
    assert seen.above == "import numpy as np"
    assert (seen.before, seen.after) == ("x = 1\n", "y = 2")
    assert seen.below == "z = 3"


def test_markdown_comes_as_comments_and_raw_cells_not_at_all():
    document = opened(("markdown", "# Load\n\nthe data"), ("raw", "---\nx: 1"), "x = 1", "")
    assert see(document, "c3", 0).above == "# Load\n# the data\n\nx = 1"


def test_offsets_are_code_points():
    source = "'\U0001f600e\u0301' + "
    seen = see(opened(source), "c0", 4)
    assert seen.before == "'\U0001f600e\u0301"
    assert seen.after == "' + "


def test_a_cursor_in_markdown_or_raw_text_sees_it_as_it_is():
    document = opened("x = 1", ("markdown", "# Title\nThe da"), ("raw", "ab"))
    assert see(document, "c1", 14).before == "# Title\nThe da"
    assert see(document, "c1", 14).above == "x = 1"
    assert see(document, "c2", 1).before == "a"


@pytest.mark.parametrize(
    ("language", "mark"),
    [("python", "#"), ("R", "#"), ("julia", "#"), ("C++", "//"), ("SQL", "--"), ("octave", "%"),
     ("scheme", ";"), ("", "#"), ("brainfuck", "#")],
)  # fmt: skip
def test_comments_are_in_the_style_of_the_language(language, mark):
    assert comment_mark(language) == mark


def test_a_language_that_is_not_python_is_named():
    document = opened(("markdown", "Sum"), "var x = 1", language="javascript")
    assert see(document, "c1", 0).above == "// Language: javascript\n\n// Sum"
    assert see(opened("x", language=""), "c0", 0).above == ""


def test_the_text_above_stays_within_the_budget_and_starts_on_a_cell():
    budget = Budget(above=100)
    cells = [f"x{n} = '{'a' * 30}'" for n in range(50)]
    seen = see(opened(*cells, ""), "c50", 0, budget)
    assert 0 < len(seen.above) <= 100 * CHARS_PER_TOKEN
    assert seen.above.split("\n\n") == cells[-seen.above.count("\n\n") - 1 :]


def test_the_window_moves_seldom_while_cells_are_added():
    budget = Budget(above=200)
    start, moves, last = 0, 0, None
    for count in range(1, 101):
        document = opened(*["x = '" + "a" * 40 + "'"] * count, "")
        seen, start = view(Cursor(document, f"c{count}", 0), budget, start)
        assert len(seen.above) <= 200 * CHARS_PER_TOKEN
        moves += last is not None and not seen.above.startswith(last)
        last = seen.above
    # Each move drops at least an eighth of the 640 characters: 100 cells of 50 fill it 8 times.
    assert 0 < moves <= 40


def test_the_window_stays_at_each_key_and_at_an_edit_of_a_character():
    budget = Budget(above=200)
    cells = ["x = '" + "a" * 40 + "'"] * 30
    _, start = view(Cursor(opened(*cells, ""), "c30", 0), budget)
    assert start > 0
    for typed in ("p", "pr", "print"):
        cursor = Cursor(opened(*cells, typed), "c30", len(typed))
        assert view(cursor, budget, start)[1] == start
    cells[29] = cells[29][:-1] + "b'"
    assert view(Cursor(opened(*cells, ""), "c30", 0), budget, start)[1] == start


def test_the_window_takes_back_what_fits_when_the_cursor_goes_up():
    budget = Budget(above=200)
    document = opened(*["x = '" + "a" * 40 + "'"] * 30)
    _, start = view(Cursor(document, "c29", 0), budget)
    seen, start = view(Cursor(document, "c3", 0), budget, start)
    assert start == 0
    assert seen.above.count("x = ") == 3


def test_a_long_cell_is_cut_at_a_line_start_that_seldom_moves():
    budget = Budget(cell=400, suffix=20)
    lines = [f"x{n} = {n}" for n in range(5000)]
    starts: set[str] = set()
    for typed in range(200):
        source = "\n".join(lines) + "\n" + "y" * typed
        seen = see(opened(source), "c0", len(source), budget)
        assert len(seen.before) <= 400 * CHARS_PER_TOKEN
        assert seen.before.endswith("x4999 = 4999\n" + "y" * typed)
        starts.add(seen.before.split("\n")[0])
    assert starts <= set(lines)
    assert len(starts) <= 3


def test_the_suffix_is_cut_at_a_line_end():
    budget = Budget(suffix=20)
    source = "\n".join(f"x{n} = {n}" for n in range(5000))
    seen = see(opened(source, source), "c0", 0, budget)
    assert 0 < len(seen.after) <= 20 * CHARS_PER_TOKEN
    assert source.startswith(seen.after + "\n")
    assert 0 < len(seen.below) <= len(seen.after)


def test_one_endless_line_is_cut_too():
    seen = see(opened("a" * 100_000), "c0", 50_000, Budget())
    assert 0 < len(seen.before) <= Budget().cell * CHARS_PER_TOKEN
    assert 0 < len(seen.after) <= Budget().suffix * CHARS_PER_TOKEN


@pytest.mark.parametrize(
    ("line", "tokens"),  # as Qwen2.5-Coder's tokenizer counts them, the line break included
    [
        ("df = pd.read_csv('data/sales.csv', parse_dates=['date'])", 16),
        ("value_4999 = compute(4999)", 14),
        ("x = [3.14159, 2.71828, 1.41421]", 29),
        ("# \u8fd9\u662f\u4e00\u4e2a\u6d4b\u8bd5", 6),
    ],
)
def test_tokens_are_not_guessed_far_too_low(line, tokens):
    assert guess_tokens(line * 50) >= 0.75 * tokens * 50


def test_cells_of_numbers_stay_within_the_budget_in_tokens():
    numbers = "\n".join(f"x = [{n}.14159, {n}.71828]" for n in range(1000, 1400))
    source = numbers + "\ny = "
    document = opened(*["z = [1.5, 2.5, 3.5, 4.5]"] * 100, source, numbers)
    seen = see(document, "c100", len(source))
    assert 0 < guess_tokens(seen.above) <= BUDGET.above
    assert 0 < guess_tokens(seen.before) <= BUDGET.cell * 1.5
    assert 0 < guess_tokens(seen.below) <= BUDGET.suffix * 1.5
    assert seen.before.endswith("\ny = ")


def test_a_small_context_gets_a_small_budget():
    assert BUDGET.within(0) == BUDGET
    assert BUDGET.within(4096) == BUDGET
    small = BUDGET.within(1024)
    assert small.above + small.cell + small.suffix < 1024 - 128
    assert min(small.above, small.cell, small.suffix) > 10
    assert BUDGET.within(64) == Budget(0, 0, 0)


def test_without_any_budget_there_is_still_a_view():
    assert see(opened("x = 1", "y = 2", "z"), "c1", 3, Budget(0, 0, 0)).above == ""
