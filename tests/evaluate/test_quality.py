from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.completion.confidence import THRESHOLD
from jupyter_fastgen.completion.namespace import Namespace, Variable
from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.evaluate.quality.lines import Record
from jupyter_fastgen.evaluate.quality.notebooks import (
    Place,
    Suggestion,
    places,
    read_notebooks,
    score,
)
from jupyter_fastgen.evaluate.quality.points import Point, cut
from jupyter_fastgen.evaluate.quality.results import read_results

CELLS = [
    "import math\nprices = [3, 4, 5]\nnames = ['pear', 'plum', 'fig']",
    "total = sum(prices)\nprint(total)\nmean = total / len(prices)\nprint(mean)",
    "for name, price in zip(names, prices):\n    print(name, price)\nmath.sqrt(total)",
]
BOOK = Document("python", "b.ipynb", 0, [Cell(str(n), "code", s) for n, s in enumerate(CELLS)])


def judged(expected: str, shown: str, below: bool = True) -> Record:
    """The score of `shown` where the second cell's `expected` is taken out."""
    offset = CELLS[1].index(expected)
    point = Point(1, offset, "line start", expected)
    document = cut(BOOK, point, below).document
    place = Place("b.ipynb", BOOK, point)
    return score(place, document, below, Suggestion(shown), texts=False)


def test_a_right_line():
    record = judged("mean = total / len(prices)", "mean = total / len(prices)")
    assert record.exact
    assert record.similarity == 100
    assert record.saved == record.expected_chars == record.shown_chars == 26
    assert (record.earlier, record.unresolved, record.repeats) == (True, 0, False)


def test_nothing_shown_is_not_right():
    record = judged("mean = total / len(prices)", "")
    assert not record.exact
    assert (record.shown_chars, record.saved, record.unresolved) == (0, 0, 0)


def test_a_line_that_needs_only_its_own_cell():
    assert not judged("print(total)", "").earlier
    assert judged("total = sum(prices)", "").earlier


def test_names_of_cells_below_are_not_known():
    assert judged("mean = total / len(prices)", "mean = name + cost").unresolved == 2
    assert judged("mean = total / len(prices)", "mean = math.pi * prices[0]").unresolved == 0


def test_only_the_first_line_shown_is_scored():
    record = judged("print(total)", "print(total)\nunknown(thing)")
    assert record.exact
    assert record.unresolved == 0
    assert record.shown_chars > record.expected_chars


@pytest.mark.parametrize(("expected", "named"), [('ght"].sum()', True), ("x", False)])
def test_a_column_is_named_also_where_its_start_stands(expected: str, named: bool):
    source = f'fruit["wei{expected}' if named else 'print(fruit["weight"], x'
    frame = Variable("fruit", "DataFrame", (3, 1), (("weight", "float64"),))
    held = Namespace("python", {"fruit": frame}, complete=True)
    book = Document("python", "b.ipynb", 0, [Cell("0", "code", source)])
    point = Point(0, len(source) - len(expected), "in a quoted name", expected)
    place = Place("b.ipynb", book, point, held)
    shown = cut(book, point, below=True).document
    assert score(place, shown, True, Suggestion(""), texts=False).column == named


def test_repeating_what_is_below_where_that_was_kept():
    shown = "print(mean)"
    assert judged("mean = total / len(prices)", shown).repeats
    assert not judged("mean = total / len(prices)", shown, below=False).repeats
    # At the cell's end the next cell follows.
    assert judged("print(mean)", "for name, price in zip(names, prices):").repeats


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    for name in ("one.ipynb", "more/two.ipynb", ".ipynb_checkpoints/one.ipynb"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return folder


def test_every_notebook_gets_its_part(folder: Path):
    found, digest = read_notebooks(folder)
    assert list(found) == ["more/two.ipynb", "one.ipynb"]
    assert read_notebooks(folder)[1] == digest
    chosen = places(found, 5, 1)
    assert [place.name for place in chosen].count("more/two.ipynb") == 3
    assert [place.name for place in chosen].count("one.ipynb") == 2


def test_a_folder_without_notebooks(tmp_path: Path):
    with pytest.raises(FastgenError, match=r"holds no \.ipynb file"):
        read_notebooks(tmp_path)


def test_notebooks_are_completed_through_the_service_and_two_runs_compared(
    folder: Path, tmp_path: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
):
    def evaluate(context: str) -> tuple[Path, dict[str, dict[str, float]]]:
        out = tmp_path / f"{context}.jsonl"
        options = ["--limit", "6", "--model", str(small_model), "--context", context, "--json"]
        assert main(["eval", "notebooks", str(folder), "--out", str(out), *options]) == 0
        return out, json.loads(capsys.readouterr().out)["summary"]

    ours, summary = evaluate("all")
    assert summary["all"]["places"] == 12
    assert summary["below kept"]["places"] == summary["below removed"]["places"] == 6
    assert summary["line start"]["places"] == 4
    assert 0 < summary["all"]["shown"] <= 100
    # No text is kept unless it is asked for.
    assert "prices" not in ours.read_text()
    theirs, _ = evaluate("llama-vim")
    assert main(["eval", "compare", str(ours), str(theirs), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["places"] == 12
    exact = found["figures"]["exact"]
    assert exact["first"] == pytest.approx(summary["all"]["exact"])
    assert exact["low"] <= exact["difference"] <= exact["high"]


def test_what_gates_do_is_told_by_a_run_without_them(
    folder: Path, tmp_path: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
):
    def evaluate(gates: str) -> Path:
        out = tmp_path / f"{gates}.jsonl"
        options = ["--limit", "4", "--model", str(small_model), "--gates", gates]
        assert main(["eval", "notebooks", str(folder), "--out", str(out), *options]) == 0
        return out

    off, gated = read_results(evaluate("off")), read_results(evaluate("all"))
    capsys.readouterr()
    assert main(["eval", "gates", str(off.path), "--json"]) == 0
    effects = json.loads(capsys.readouterr().out)["effects"]
    assert effects[0]["gates"] == "off"
    # What is told of a run without gates is what a run with them does.
    told = next(e for e in effects if e["threshold"] == THRESHOLD)
    shown = [record for record in gated.records if record.shown_chars]
    assert told["shown"] == pytest.approx(100 * len(shown) / 8)
    right = [record for record in shown if record.right]
    assert told["precision"] == pytest.approx(100 * len(right) / len(shown))
    lengths = [sum(r.shown_chars for r in run.records) for run in (off, gated)]
    assert lengths[1] < lengths[0]
    assert main(["eval", "gates", str(gated.path)]) == 1
    assert "--gates off" in capsys.readouterr().err


def test_runs_of_other_data_are_not_compared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in files:
        settings = {"task": "fim", "data": path.name, "model": "m", "prompts": "plain"}
        rest = {"seed": 1, "limit": 0, "suffix_tokens": 512, "texts": False}
        path.write_text(json.dumps(settings | rest) + "\n")
    assert main(["eval", "compare", *map(str, files)]) == 1
    assert "compare runs of one data set" in capsys.readouterr().err
