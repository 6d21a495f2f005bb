"""Notebooks that really run."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.completion.namespace import Namespace, Variable
from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.evaluate.quality import live


def test_what_the_kernel_holds_before_each_cell(tmp_path: Path):
    sources = ["x = 1", "raise ValueError", "# note", "import pandas as pd", "df = pd.DataFrame()"]
    cells = [Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    cells.append(Cell("last", "markdown", "x"))
    found = live.namespaces(Document("python", "", 0, cells), tmp_path)
    names = [set(held.variables) if held else None for held in found]
    assert names == [set(), {"x"}, {"x"}, {"x"}, {"x", "pd"}, {"x", "pd", "df"}]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("df['price'].mean()", True),
        ('"price", 3', True),
        ("df.price", True),
        ("df.prices", False),
        ("price", False),
        ("s['total']", False),
    ],
)
def test_a_line_names_a_column(text: str, named: bool):
    frame = Variable("df", "DataFrame", (3, 1), (("price", "float64"),))
    series = Variable("s", "Series", (3,), (("total", "float64"),))
    held = Namespace("python", {"df": frame, "s": series}, complete=True)
    assert live.names_column(text, held) == named
    assert not live.names_column(text, None)


def test_files_beside_a_notebook_are_read_and_stay_as_they_are(tmp_path: Path):
    beside = tmp_path / "rides.csv"
    beside.write_text("station,bikes\nHarbour,3\n")
    sources = [
        "import pandas as pd; rides = pd.read_csv('rides.csv')",
        "open('rides.csv', 'w').close(); open('new.csv', 'w').close()",
        "",
    ]
    cells = [Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    found = live.namespaces(Document("python", "", 0, cells), tmp_path)[-1]
    assert found is not None
    assert [name for name, _ in found.variables["rides"].columns] == ["station", "bikes"]
    assert [path.name for path in tmp_path.iterdir()] == ["rides.csv"]
    assert beside.read_text() != ""


def test_a_cell_that_takes_too_long_is_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(live, "CELL_S", 5.0)
    sources = ["while True: pass", "y = 2", ""]
    cells = [Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    found = live.namespaces(Document("python", "", 0, cells), tmp_path)
    assert found[-1] is not None
    assert set(found[-1].variables) == {"y"}
