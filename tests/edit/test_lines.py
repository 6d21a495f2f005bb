from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.edit.lines import BOM, body, replaced, split_lines

TEXTS = st.text(alphabet="ab \t\r\n\x0c\u2028" + BOM, max_size=40)


@given(TEXTS)
def test_joined_lines_are_the_text(text: str):
    assert "".join(split_lines(text)) == text
    assert replaced(text, []) == text


def test_new_lines_end_as_the_lines_whose_place_they_take():
    assert replaced("a\r\nb\r\nc\n", [(1, 2, ["x", "y"])]) == "a\r\nx\r\ny\r\nc\n"
    assert replaced("a\r\nb\nc\n", [(1, 2, ["x"])]) == "a\r\nx\nc\n"


def test_the_last_line_is_ended_if_it_was():
    assert replaced("a\nb", [(2, 2, ["c"])]) == "a\nb\nc"
    assert replaced("a\nb", [(1, 2, [])]) == "a"
    assert replaced("a\nb\n", [(2, 2, ["c"])]) == "a\nb\nc\n"


def test_a_byte_order_mark_stays_in_front_and_is_not_compared():
    assert body(BOM + "a\r\n") == "a"
    assert replaced(BOM + "a\nb\n", [(0, 1, [])]) == BOM + "b\n"
    assert replaced(BOM + "a\n", [(0, 0, ["new"])]) == BOM + "new\na\n"
