"""Cells as one text, and what an edit of that text does to the cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.lines import body, split_lines
from jupyter_fastgen.edit.merge import Merger
from jupyter_fastgen.edit.sheet import Sheet
from jupyter_fastgen.protocol import Cell, CellType, Hunk

CELLS = [
    Cell("a", "code", "import pandas as pd\n\ndf = pd.read_csv('sales.csv')"),
    Cell("b", "markdown", "## Total\n\nPer region."),
    Cell("c", "code", "total = df.groupby('region').sum()\ntotal.plot()"),
    Cell("d", "code", ""),
]
SHEET = Sheet(CELLS, "python")


def edited(answer: str, cells: list[Cell] = CELLS) -> list[Hunk]:
    """The changes of cells that a sparse answer to their text makes."""
    sheet = Sheet(cells, "python")
    merger = Merger(sheet.text, forest=parse(sheet.text, "python"))
    for line in answer.splitlines():
        merger.push(line)
    return sheet.final(merger.finish().hunks)


def apply(hunks: list[Hunk], cells: list[Cell] = CELLS) -> list[tuple[str, str]]:
    """Type and text of the cells once all hunks are accepted."""
    found = [(cell.id, cell.type, cell.source) for cell in cells]

    def behind(id: str) -> int:
        return next((n + 1 for n, cell in enumerate(found) if cell[0] == id), 0)

    for hunk in reversed(hunks):
        at = behind(hunk.cell) - 1
        if hunk.kind == "lines":
            lines = found[at][2].split("\n")
            lines[hunk.start : hunk.end] = hunk.new
            found[at] = (*found[at][:2], "\n".join(lines))
    for hunk in hunks:
        if hunk.kind == "remove":
            del found[behind(hunk.cell) - 1]
    for hunk in hunks:
        if hunk.kind == "move":
            moved = found.pop(behind(hunk.cell) - 1)
            found.insert(behind(hunk.after), moved)
    for hunk in reversed(hunks):
        if hunk.kind == "insert":
            found.insert(behind(hunk.cell), ("", hunk.type, "\n".join(hunk.new)))
    return [(type, source) for _, type, source in found]


BEFORE = apply([])


def test_a_cell_alone_is_the_text():
    sheet = Sheet(CELLS[:1], "python")
    assert sheet.text == CELLS[0].source
    assert not sheet.about
    assert sheet.at(2) == ("a", 2)


def test_cells_have_numbers_and_prose_is_a_comment():
    assert SHEET.text.startswith("# %% 1\nimport pandas as pd\n")
    assert "# %% 2 [markdown]\n# ## Total\n#\n# Per region.\n# %% 3\n" in SHEET.text
    assert "# %% 1" in SHEET.about


def test_each_line_is_found_in_its_cell():
    for number, line in enumerate(split_lines(SHEET.text)):
        cell, at = SHEET.at(number)
        if not line.startswith("# %%"):
            (source,) = (c.source for c in CELLS if c.id == cell)
            assert source.split("\n")[at].strip("# ") == body(line).strip("# ")


def test_a_change_within_a_cell():
    hunks = edited("# ... existing code ...\ntotal = df.groupby('region').mean()\ntotal.plot()")
    assert apply(hunks)[2] == ("code", "total = df.groupby('region').mean()\ntotal.plot()")
    assert [hunk.kind for hunk in hunks] == ["lines"]


def test_prose_is_changed_as_prose():
    hunks = edited("# ... existing code ...\n# ## Total\n#\n# Per region and year.\n# %% 3\n")
    assert apply(hunks)[1] == ("markdown", "## Total\n\nPer region and year.")


def test_an_empty_cell_is_filled():
    answer = "# ... existing code ...\ntotal.plot()\n# %% 4\nprint(total)"
    assert apply(edited(answer))[3] == ("code", "print(total)")


def test_a_new_cell_comes_between():
    keep = "# ... existing code ..."
    for header in ("# %%", "# %% 5", "# %% 3"):
        answer = f"{keep}\ntotal.plot()\n{header}\nprint(total)\n# %% 4\n{keep}"
        hunks = edited(answer)
        assert [(h.kind, h.cell, h.type) for h in hunks] == [("insert", "c", "code")]
        assert apply(hunks) == [*BEFORE[:3], ("code", "print(total)"), BEFORE[3]]


def test_a_new_cell_may_be_prose():
    keep = "# ... existing code ..."
    answer = f"{keep}\ntotal.plot()\n# %% [markdown]\n# The end.\n# %% 4\n{keep}"
    assert apply(edited(answer))[3] == ("markdown", "The end.")


def test_a_new_cell_may_come_first():
    answer = "# %%\nimport numpy as np\n# %% 1\nimport pandas as pd\n# ... existing code ..."
    assert apply(edited(answer)) == [("code", "import numpy as np"), *BEFORE]


def test_a_cell_goes_only_with_its_name():
    keep = "# ... existing code ..."
    answer = f"{keep}\n# deleted: # %% 2 [markdown]\n# %% 3\n{keep}"
    hunks = edited(answer)
    assert [(h.kind, h.cell) for h in hunks] == [("remove", "b")]
    assert apply(hunks) == [BEFORE[0], *BEFORE[2:]]


def test_a_forgotten_header_loses_no_cell_unseen():
    cells = [Cell(str(n), "code", f"x{n} = {n}\nprint(x{n})") for n in range(3)]
    sheet = Sheet(cells, "python")
    merger = Merger(sheet.text, whole=True)
    for line in sheet.text.replace("# %% 2\n", "").splitlines():
        merger.push(line)
    hunks = sheet.final(merger.finish().hunks)
    assert [(h.kind, h.cell) for h in hunks] == [("lines", "0"), ("remove", "1")]
    assert all(h.reasons for h in hunks)


def test_a_cell_of_prose_is_no_comment():
    sheet = Sheet(CELLS, "python")
    merger = Merger(sheet.text)
    for line in "# ... existing code ...\n# ## Sum\n#\n# Per region.\n# %% 3\n".splitlines():
        merger.push(line)
    (hunk,) = merger.finish().hunks
    assert sheet.is_more_than_code(hunk)


def test_cells_change_places():
    lines = split_lines(SHEET.text)
    heads = [n for n, line in enumerate(lines) if line.startswith("# %%")]
    a, b, c, d = (lines[s:e] for s, e in zip(heads, [*heads[1:], len(lines)], strict=True))
    hunks = edited("".join([*b, *a, *c, *d]))
    assert [h.kind for h in hunks if h.kind != "lines"] == ["move"]
    assert apply(hunks) == [BEFORE[1], BEFORE[0], *BEFORE[2:]]


def test_a_sign_that_cells_use_themselves_is_not_theirs():
    cells = [Cell("a", "code", "# %% 1\nx = 1"), Cell("b", "code", "y = 2")]
    sheet = Sheet(cells, "python")
    assert "# %%% 1\n# %% 1\nx = 1\n# %%% 2\n" in sheet.text
    hunks = edited("# ... existing code ...\n# %%% 2\ny = 3", cells)
    assert apply(hunks, cells) == [("code", "# %% 1\nx = 1"), ("code", "y = 3")]


TEXTS = st.lists(st.sampled_from(["x = 1", "", "y = f(x)", "# note", "print(y)"]), max_size=4)
TYPES: list[CellType] = ["code", "markdown"]
SOURCES = st.lists(st.tuples(st.sampled_from(TYPES), TEXTS), min_size=2, max_size=5).map(
    lambda found: [Cell(str(n), t, "\n".join(s)) for n, (t, s) in enumerate(found)]
)


@given(SOURCES)
def test_an_answer_that_is_the_text_changes_nothing(cells: list[Cell]):
    assert edited(Sheet(cells, "python").text, cells) == []


@given(SOURCES, st.data())
def test_lines_of_cells_become_those_of_the_answer(cells: list[Cell], data: st.DataObject):
    """Whatever a model writes below the headers: accepted, the cells hold it."""
    wanted = [
        Cell(cell.id, cell.type, "\n".join(data.draw(TEXTS, label=cell.id))) for cell in cells
    ]
    sheet = Sheet(cells, "python")
    merger = Merger(sheet.text, whole=True)
    for line in split_lines(Sheet(wanted, "python").text):
        merger.push(line)
    hunks = sheet.final(merger.finish().hunks)
    assert [h.kind for h in hunks if h.kind != "lines"] == []
    for (_, now), cell in zip(apply(hunks, cells), wanted, strict=True):
        assert now.split() == cell.source.split()


@pytest.mark.parametrize(("language", "mark"), [("r", "#"), ("julia", "#"), ("javascript", "//")])
def test_headers_are_comments_of_the_language(language: str, mark: str):
    assert Sheet(CELLS, language).text.startswith(f"{mark} %% 1\n")
