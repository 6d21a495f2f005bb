"""Which cells above say something."""

from __future__ import annotations

from typing import Any

from jupyter_fastgen.completion.relevance import NOTE_CHARS, texts
from jupyter_fastgen.document import Cell
from jupyter_fastgen.protocol import CellType, Ran

LOAD = "def load(path):\n    return pd.read_csv(path)"
BETTER = """\
def load(path, sep=','):
    frame = pd.read_csv(path, sep=sep)
    return frame.dropna()"""
FIT = """\
model = Ridge(alpha=1.0)
model.fit(X_train, y_train)
print(model.score(X_test, y_test))"""


def said(*cells: str | tuple[str, Ran] | Cell, mark: str = "#") -> list[str]:
    made: list[Cell] = []
    for cell in cells:
        if isinstance(cell, Cell):
            made.append(cell)
        else:
            source, ran = (cell, "") if isinstance(cell, str) else cell
            made.append(Cell(f"c{len(made)}", "code", source, ran))
    return texts(made, mark)


def note(source: str, kind: CellType = "markdown", **more: Any) -> list[str]:
    return said(Cell("c", kind, source), **more)


def test_code_stays_as_it_is_but_for_empty_lines_around_it():
    assert said("\n\n    x = 1\n\n\ty = 2  \n\n") == ["    x = 1\n\n\ty = 2"]


def test_of_markdown_the_headings_and_the_last_paragraph_stay():
    source = "# Sales\n\nA long story.\nMore of it.\n\n## By month\n\nGroup by month,\nthen plot."
    assert note(source) == ["# Sales\n# By month\n# Group by month,\n# then plot."]
    assert note("# Sales", mark="//") == ["// Sales"]
    assert note("---\nx: 1\n---", "raw") == [""]


def test_a_long_paragraph_is_cut():
    (text,) = note("# Head\n\n" + "word " * 1000)
    assert text.startswith("# Head\n# word ")
    assert len(text) <= NOTE_CHARS + len("# Head\n# ")


def test_a_cell_that_failed_is_left_out_until_it_is_changed():
    assert said(("x = f(1)\ny = 2", "error"), ("z = 1", "ok")) == ["", "z = 1"]
    assert said(("x = f(1)\ny = 2", ""), ("z = 1", "ok"))[0]


def test_a_definition_that_was_not_run_is_left_out_where_one_that_ran_has_its_names():
    assert said((LOAD, ""), (BETTER, "ok")) == ["", BETTER]
    assert said((BETTER, "ok"), (LOAD, "")) == [BETTER, ""]
    assert said((LOAD, ""), (BETTER, "")) == [LOAD, BETTER]
    both = LOAD + "\n\ndef save(frame): ..."
    assert said((both, ""), (BETTER, "ok")) == [both, BETTER]
    assert said("print(load('a'))", (BETTER, "ok"))[0]


def test_of_two_versions_of_a_cell_the_later_stays():
    other = FIT.replace("1.0", "0.5")
    assert said(FIT, "x = 1", other) == ["", "x = 1", other]
    named = FIT.replace("model", "second")
    assert said(FIT, named) == [FIT, named]  # it is another model
    assert said("df.head()", "df.head()") == ["df.head()", "df.head()"]
    unlike = FIT.replace("Ridge(alpha=1.0)", "Forest(max_depth=4, n_estimators=90)")
    assert said(FIT, unlike) == [FIT, unlike]


def test_what_ran_is_not_mistaken_for_a_version_of_what_failed():
    failed = "frame = load('sales.csv')\nframe.groupby('month').sum()"
    assert said((failed, "ok"), (failed, "error")) == [failed, ""]
