from __future__ import annotations

import itertools

import pytest

from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.evaluate.speed.typist import Key, Typist, last_passages, split_keys


def document(*sources: str) -> Document:
    return Document("python", "", 0, [Cell(f"c{n}", "code", s) for n, s in enumerate(sources)])


def test_a_line_break_brings_its_indentation_along():
    assert split_keys("if a:\n    b\n\n  c") == [
        *"if a:",
        "\n    ",
        "b",
        "\n",
        "\n  ",
        "c",
    ]
    assert split_keys("") == []


def test_keys_come_at_fixed_times_with_pauses_after_brackets_and_line_breaks():
    assert Typist().plan("f(x)\ny") == [
        Key(0.0, "f", False),
        Key(0.15, "(", True),
        Key(0.75, "x", False),
        Key(pytest.approx(0.9), ")", False),  # type: ignore[arg-type]
        Key(pytest.approx(1.05), "\n", True),  # type: ignore[arg-type]
        Key(pytest.approx(1.65), "y", False),  # type: ignore[arg-type]
    ]


def test_varied_times_depend_on_the_seed_alone():
    text = "x" * 400
    once, again = Typist(spread=0.5, seed=3).plan(text), Typist(spread=0.5, seed=3).plan(text)
    assert once == again != Typist(spread=0.5, seed=4).plan(text)
    gaps = sorted(b.at - a.at for a, b in itertools.pairwise(once))
    assert gaps[len(gaps) // 2] == pytest.approx(0.15, rel=0.15)


def test_the_last_keys_are_taken_out_of_the_last_cells():
    emptied, passages = last_passages(document("a = 1", "bb\ncc\ndd", "", "eee"), 5)
    assert [cell.source for cell in emptied.cells] == ["a = 1", "bb\ncc", "", ""]
    assert [(p.cell, p.kept, p.text) for p in passages] == [
        ("c1", "bb\ncc", "\ndd"),
        ("c3", "", "ee"),
    ]


def test_markdown_is_not_typed():
    notebook = document("code", "text")
    notebook.cells[1].type = "markdown"
    emptied, passages = last_passages(notebook, 100)
    assert [p.text for p in passages] == ["code"]
    assert [cell.source for cell in emptied.cells] == ["", "text"]


def test_insertion_keeps_what_is_below():
    emptied, passages = last_passages(document("aaaa", "bbbb", "cccc", "dddd"), 4, insert=True)
    assert [cell.source for cell in emptied.cells] == ["aaaa", "", "cccc", "dddd"]
    assert [p.text for p in passages] == ["bbbb"]


def test_a_document_without_code_has_nothing_to_type():
    assert last_passages(document(""), 10)[1] == []
    assert last_passages(document(), 10, insert=True)[1] == []
