"""What the prompt says of the live kernel."""

from __future__ import annotations

from typing import Any

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.context import Budget, guess_tokens, view
from jupyter_fastgen.completion.known import describe
from jupyter_fastgen.completion.namespace import Namespace, Variable
from jupyter_fastgen.document import Cursor, Document

FRAME = Variable("df", "DataFrame", (891, 2), (("Name", "object"), ("Age", "float64")))
GRID = Variable("grid", "ndarray", (3, 4))
SPLIT = Variable("split", "function", signature="(*arrays, test_size=None)")


def held(*variables: Variable) -> Namespace:
    return Namespace("python", {v.name: v for v in variables}, complete=True)


def opened(*cells: str, language: str = "python") -> Document:
    made = [protocol.Cell(f"c{n}", "code", cell) for n, cell in enumerate(cells)]
    return Document.opened(protocol.Open("d", made, language))


def told(*variables: Variable, **options: Any) -> str:
    return describe(held(*variables), Cursor(opened("x = 1", **options), "c0", 5), Budget())


def test_tables_arrays_and_signatures_are_told_in_this_order():
    assert told(SPLIT, GRID, FRAME).splitlines() == [
        "# df: DataFrame (891, 2) with columns Name (object); Age (float64)",
        "# grid: ndarray (3, 4)",
        "# split(*arrays, test_size=None)",
    ]


def test_what_the_code_says_itself_is_left_out():
    plain = [Variable("n", "int"), Variable("np", "module"), Variable("_", "DataFrame", (1, 1))]
    assert told(*plain) == ""
    document = opened("def split(*arrays, test_size=None):\n    ...")
    assert describe(held(SPLIT), Cursor(document, "c0", 0), Budget()) == ""


def test_comments_are_of_the_language():
    assert told(GRID, language="scala") == "// grid: ndarray (3, 4)"


def test_the_room_is_kept_and_a_wide_table_leaves_some():
    columns = tuple((f"column_of_many_{n}", "float64") for n in range(60))
    wide = [Variable(f"t{n}", "DataFrame", (9, 60), columns) for n in range(9)]
    text = told(*wide)
    assert guess_tokens(text) <= 192
    assert len(text.splitlines()) >= 2
    assert text.splitlines()[0].endswith(", ...")


def test_columns_are_told_by_type_and_once():
    columns = (("plot", "str"), ("kg", "int64"), ("year", "int64"), ("note", "str"))
    plots = Variable("plots", "DataFrame", (24, 4), columns)
    steep = Variable("steep", "DataFrame", (5, 4), columns)
    assert told(plots, steep).splitlines() == [
        "# plots: DataFrame (24, 4) with columns plot, note (str); kg, year (int64)",
        "# steep: DataFrame (5, 4) with the columns of plots",
    ]


def test_what_is_used_near_the_cursor_comes_before_what_is_not():
    tables = [
        Variable(f"t{n}", "DataFrame", (9, 9), tuple((f"column_{n}_{m}", "str") for m in range(9)))
        for n in range(9)
    ]
    far = [f"y{n} = {n}" for n in range(3)]
    document = opened("t8.sum()", *far, "t0.sum()", "# note", "t2.m")
    near = describe(held(*tables), Cursor(document, "c6", 4), Budget())
    elsewhere = describe(held(*tables), Cursor(document, "c1", 0), Budget())
    assert all(f"column_{n}_8" in near for n in (0, 2))  # whole
    assert "t8" not in near
    assert "column_8_8" in elsewhere


def test_an_order_of_binding_that_changed_changes_no_text():
    assert told(GRID, FRAME, SPLIT) == told(FRAME, SPLIT, GRID)


def test_it_stands_first_and_takes_room_from_the_cells():
    document = opened(*("value = 1\n" * 20 for _ in range(20)), "v")
    budget = Budget(above=600)
    cursor = Cursor(document, "c20", 1)
    known = describe(held(FRAME), cursor, budget)
    seen, _ = view(cursor, budget, 0, known)
    assert seen.above.startswith(known + "\n\n")
    assert guess_tokens(seen.above) <= 600
    assert view(cursor, budget, 0, "") == view(cursor, budget)
