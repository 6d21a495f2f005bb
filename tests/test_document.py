from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen import document, protocol
from jupyter_fastgen.document import Document, OutOfStepError


def opened(*sources: str, rev: int = 0) -> Document:
    cells = [protocol.Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]
    return Document.opened(protocol.Open("d", cells, "python", "a.ipynb", rev))


def change(start: int, end: int, text: str, rev: int = 1, cell: str = "c0") -> protocol.Change:
    return protocol.Change("d", rev, cell, start, end, text)


def sources(copy: Document) -> list[str]:
    return [cell.source for cell in copy.cells]


def test_deltas_insert_delete_and_replace():
    copy = opened("x = 1", "y = 2")
    copy.change(change(5, 5, "0", rev=1))
    copy.change(change(0, 1, "abc", rev=2))
    copy.change(change(0, 5, "", rev=3, cell="c1"))
    assert sources(copy) == ["abc = 10", ""]
    assert copy.rev == 3


def test_offsets_are_code_points():
    # One code point each, two UTF-16 units; then one letter of two code points.
    copy = opened("'\U0001f600\U0001f680' + e\u0301")
    copy.change(change(3, 3, "\U0001f389", rev=1))
    assert sources(copy) == ["'\U0001f600\U0001f680\U0001f389' + e\u0301"]
    copy.change(change(9, 9, "x", rev=2))
    assert sources(copy) == ["'\U0001f600\U0001f680\U0001f389' + ex\u0301"]


def test_cells_are_spliced():
    copy = opened("a", "b", "c")
    new = [protocol.Cell("n", "markdown", "# b")]
    copy.splice(protocol.Splice("d", 1, 1, 1, new))
    assert [(cell.id, cell.type) for cell in copy.cells] == [
        ("c0", "code"),
        ("n", "markdown"),
        ("c2", "code"),
    ]
    copy.splice(protocol.Splice("d", 2, 3, 0, [protocol.Cell("m", "raw", "")]))
    copy.splice(protocol.Splice("d", 3, 0, 3, []))
    assert [cell.id for cell in copy.cells] == ["m"]


@pytest.mark.parametrize(
    "message",
    [
        change(0, 0, "x", rev=0),
        change(0, 0, "x", rev=2),
        change(0, 9, ""),
        change(6, 6, "x"),
        change(-1, 2, "x"),
        change(3, 2, "x"),
        change(0, 0, "x", cell="gone"),
    ],
)
def test_a_delta_that_does_not_fit_is_out_of_step_and_changes_nothing(message: protocol.Change):
    copy = opened("x = 1")
    with pytest.raises(OutOfStepError):
        copy.change(message)
    assert (sources(copy), copy.rev) == (["x = 1"], 0)


@pytest.mark.parametrize(
    ("index", "delete", "rev"), [(-1, 0, 1), (2, 0, 1), (0, 2, 1), (1, -1, 1), (0, 0, 3)]
)
def test_a_splice_that_does_not_fit_is_out_of_step_and_changes_nothing(index, delete, rev):
    copy = opened("x = 1")
    with pytest.raises(OutOfStepError):
        copy.splice(protocol.Splice("d", rev, index, delete, []))
    assert (sources(copy), copy.rev) == (["x = 1"], 0)


def test_too_much_text_is_refused_and_not_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "MAX_CHARS", 10)
    with pytest.raises(ValueError, match="more than 10 characters"):
        opened("123456", "78901")
    copy = opened("12345", "67890")
    with pytest.raises(ValueError, match="more than 10 characters"):
        copy.change(change(0, 0, "x"))
    with pytest.raises(ValueError, match="more than 10 characters"):
        copy.splice(protocol.Splice("d", 1, 0, 0, [protocol.Cell("n", "code", "x")]))
    copy.change(change(0, 1, "x"))
    copy.splice(protocol.Splice("d", 2, 1, 1, [protocol.Cell("n", "code", "abcde")]))
    assert sources(copy) == ["x2345", "abcde"]


def test_long_cells_and_many_of_them_keep_in_step():
    long = "\n".join(f"x{n} = {n}" for n in range(5000))
    copy = opened(*["y = 1"] * 499, long)
    for rev in range(1, 501):
        copy.change(change(len(long), len(long), "z", rev=rev, cell="c499"))
    assert copy.cells[499].source == long + "z" * 500


EDIT = st.tuples(st.integers(0, 30), st.integers(0, 30), st.text(max_size=5))


@given(st.text(max_size=20), st.lists(EDIT, max_size=10))
def test_deltas_give_what_the_editor_has(source, edits):
    copy = opened(source)
    for rev, (a, b, text) in enumerate(edits, 1):
        start, end = sorted((min(a, len(source)), min(b, len(source))))
        source = source[:start] + text + source[end:]
        copy.change(change(start, end, text, rev=rev))
    assert sources(copy) == [source]


def test_how_a_cell_ran_is_known_until_it_changes():
    copy = opened("x = 1", "y = 2")
    copy.executed(protocol.Executed("d", "c0", ok=True))
    copy.executed(protocol.Executed("d", "c1", ok=False))
    assert [cell.ran for cell in copy.cells] == ["ok", "error"]
    copy.change(change(5, 5, "0", 1))
    assert [cell.ran for cell in copy.cells] == ["", "error"]
    with pytest.raises(OutOfStepError):
        copy.executed(protocol.Executed("d", "gone", ok=True))


def test_deleting_sign_by_sign_adds_up_to_one_text():
    copy = opened("plt.show()x")
    for rev, end in enumerate(range(10, 4, -1), 1):
        copy.change(change(end - 1, end, "", rev), now=rev / 10)
    copy.change(change(4, 5, "", 7), now=0.7)
    assert sources(copy) == ["plt."]
    assert copy.deletions.recent("c0", 1.0) == ("show()x",)


def test_typing_in_between_begins_another_text():
    copy = opened("abc")
    copy.change(change(2, 3, "", 1))
    copy.change(change(2, 2, "d", 2))
    copy.change(change(2, 3, "", 3))
    assert copy.deletions.recent("c0", 0.0) == ("c", "d")


def test_deletions_elsewhere_are_other_texts():
    copy = opened("abcdef", "uvw")
    copy.change(change(1, 2, "", 1))
    copy.change(change(3, 4, "", 2))
    copy.change(change(2, 3, "", 3, cell="c1"))
    assert copy.deletions.recent("c0", 0.0) == ("b", "e")
    assert copy.deletions.recent("c1", 0.0) == ("w",)


def test_what_was_deleted_is_forgotten_after_half_a_minute():
    copy = opened("one two")
    copy.change(change(3, 7, "", 1), now=100.0)
    copy.change(change(2, 3, "", 2), now=125.0)
    assert copy.deletions.recent("c0", 155.0) == ("e two",)
    assert copy.deletions.recent("c0", 156.0) == ()


def test_a_word_that_is_completed_is_not_deleted():
    copy = opened("pd.Da")
    copy.change(change(3, 5, "DataFrame", 1))
    assert copy.deletions.recent("c0", 0.0) == ()
    copy.change(change(3, 12, "Series", 2))
    assert copy.deletions.recent("c0", 0.0) == ("DataFrame",)
