from __future__ import annotations

import itertools
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_fastgen.completion.stop import MOST_LINES, Cutter, visible, wants_block


def shown(answer: str, before: str = "x = ", after: str = "", block: bool = False) -> str:
    """What a person sees of `answer`, come in one piece."""
    cutter = Cutter(before, after, block)
    text = cutter.push(answer)
    return text if cutter.ended else text + cutter.finish()


def test_one_line_ends_at_its_line_break():
    cutter = Cutter("x = ", "", block=False)
    assert cutter.push("f(1)\ny = 2") == "f(1)"
    assert cutter.ended
    assert cutter.complete
    assert cutter.push("more") == ""


@pytest.mark.parametrize(
    ("before", "after", "answer", "shown"),
    [
        ("def double(", "", "x):\n    return 2 * x\nprint(1)", "x):\n    return 2 * x"),
        ("    if x", "", ":\n        y()\n    z()", ":\n        y()"),
        ("if x", "", ":\n    y\nelse:\n    z\nprint(1)", ":\n    y\nelse:\n    z"),
        ("x = 1", "", "\nfor i in x:\n    f(i)\ng()", "\nfor i in x:\n    f(i)"),
        ("x = ", "", "f(\n    1,\n)\ny", "f(\n    1,\n)"),
        ("if x", "", ":\ny()", ":"),
        # The body is there already.
        ("if x", "\n    y()", ":\n    z()\n", ":"),
        ("if x", "\ny()", ":\n    z()\ny()", ":\n    z()"),
        # Text right of the cursor: one line.
        ("f(", "):", "x):\n    y", "x"),
    ],
)
def test_a_line_that_opens_a_block_brings_the_block(
    before: str, after: str, answer: str, shown: str
):
    cutter = Cutter(before, after, block=False)
    assert "".join(cutter.push(char) for char in answer) + cutter.finish() == shown


def test_after_a_finished_line_the_next_one_is_suggested():
    assert shown("\nimport pandas as pd\nx", before="import numpy as np") == "\nimport pandas as pd"
    assert shown("\n\n    y = 2\n", before="    x = 1") == "\n\n    y = 2"


def test_an_answer_of_line_breaks_alone_is_nothing():
    assert shown("\n\n\n\n\nx") == ""
    assert shown("   \n") == ""
    assert shown("") == ""


def test_white_space_inside_and_before_the_text_stays():
    assert shown("  a  +  b  ", before="x =") == "  a  +  b"
    assert shown("\tx\ty\n") == "\tx\ty"


def test_a_block_ends_at_a_dedent():
    assert shown("return x\n\ny = 1\n", before="def f(x):\n    ", block=True) == "return x"
    body = "for i in x:\n        print(i)\n    return x"
    assert shown(body + "\nf(3)\n", before="def f(x):\n    ", block=True) == body


def test_a_block_goes_on_over_else_and_closing_brackets():
    body = "a()\nelse:\n    b()"
    assert shown(body, before="if x:\n    ", block=True) == body
    assert shown("a()\nelsif = 1", before="if x:\n    ", block=True) == "a()"
    assert shown("1,\n    2,\n)\nprint(x)", before="x = (\n    ", block=True) == "1,\n    2,\n)"
    body = "a()\nexcept ValueError:\n    b()\nfinally:\n    c()"
    assert shown(body + "\nd()", before="try:\n    ", block=True) == body


def test_a_block_keeps_one_blank_line_and_ends_at_two():
    body = "x = 1\n\n    return x"
    assert shown(body + "\n\n\n    # next\n", before="def f():\n    ", block=True) == body


def test_a_block_at_the_margin_ends_at_a_blank_line():
    body = "import numpy as np\nimport pandas as pd"
    assert shown(body + "\n\ndf = 1\n", before="# imports\n", block=True) == body
    body = "def f():\n    x = 1\n\n    return x"
    assert shown(body + "\n\nf()", before="# a function\n", block=True) == body


def test_a_block_has_a_longest_length():
    lines = "\n".join(f"    x{n} = {n}" for n in range(40)).lstrip()
    assert len(shown(lines, before="def f():\n    ", block=True).split("\n")) == MOST_LINES


@pytest.mark.parametrize(
    ("before", "answer", "after", "expected"),
    [
        # The editor closed the bracket: the model may close it again, in many ways.
        ("print(", "x)", ")", "x"),
        ("print(", "x)\n", ")", "x"),
        ("def f(", "self, x):", "):", "self, x"),
        ("def f(", "self, x):", ")", "self, x"),
        ("if f(", "x)", "):", "x"),
        ("a[f(", "x)]", ")]", "x"),
        ("print(", "f'{x:)}')", ")", "f'{x:)}'"),
        ("print('", "hello')", "')", "hello"),
        ('print("', 'it\\"s")', '")', 'it\\"s'),
        # Brackets that the answer opened itself are its own to close.
        ("print(", "len(x)", ")", "len(x)"),
        ("print(", "x[f(1)]", ")", "x[f(1)]"),
        ("x = {", "'a': [1]", "}", "'a': [1]"),
        ("print(", '"a)"', ")", '"a)"'),
        # Other text right of the cursor.
        ("x = ", "a + b", " + b", "a"),
        ("x = ", "a", " + b", "a"),
        ("x = ", "a +", " + b", "a +"),
    ],
)
def test_what_stands_right_of_the_cursor_is_not_repeated(before, answer, after, expected):
    assert shown(answer, before, after) == expected


def test_an_empty_cell_gets_no_leading_line_breaks():
    assert shown("\n\nx = 1\ny = 2\n", before="", block=True) == "x = 1\ny = 2"
    assert shown("\n\n\n\nx = 1\n", before="", block=True) == ""
    cutter = Cutter("\n", "\n", block=True)
    pieces = [cutter.push(piece) for piece in ("\n", "\nx", "\ny")]
    assert "".join(pieces) + cutter.finish() == "x\ny"


def test_a_heading_and_a_blank_line_are_not_yet_a_block():
    text = "# Load the data\n\nx = 1\ny = 2\n\nz = 3\n"
    assert shown(text, before="", block=True) == "# Load the data\n\nx = 1\ny = 2"
    assert shown("# A\n\n\nx = 1\n", before="", block=True) == "# A"


def test_the_line_below_is_not_repeated():
    assert shown("y = f(x)\n", before="x = 1\n", after="\ny = f(x)\nz = 1") == ""
    assert shown("y = f(x) + 1\n", before="x = 1\n", after="\n\n  y = f(x)\n") == "y = f(x) + 1"


def test_hidden_and_bidirectional_characters_are_removed():
    assert shown("a\u202eb\u2066c\u200bd\ufeffe\U000e0041f\r\n") == "abcdef"
    family = "'\U0001f468\u200d\U0001f469\u200d\U0001f467'"
    assert shown(family) == family
    assert shown("'e\u0301'") == "'e\u0301'"


def test_no_format_character_but_the_joiners_is_left():
    formats = [chr(n) for n in range(sys.maxunicode) if unicodedata.category(chr(n)) == "Cf"]
    assert len(formats) > 100
    left = [one for one in formats if visible(f"a{one}b") != "ab"]
    assert left == ["\u200c", "\u200d"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("def f(x):\n    ", "", True),
        ("x = [\n    ", "\n]", True),
        ("if x:  # why\n    ", "", True),
        ("# load the data\n", "", True),
        ("", "", True),
        ("\n", " \n", True),
        ("", "\nx = 1", False),
        ("x = 1\n", "", False),
        ("def f(x):\n    ret", "", False),
        ("def f(x):\n    ", "return x", False),
        ("x = d[a:\n", "", True),
    ],
)
def test_several_lines_are_worth_suggesting_where_a_block_starts(before, after, expected):
    assert wants_block(before, after) is expected


STARTS = ["", "", "x = 1", "e", "else:", "elsif = 2", ")", "f(x)", "# why", "f('", "  "]
INDENTS = ["", "", "    ", "        "]
LINE = st.tuples(st.sampled_from(INDENTS), st.sampled_from(STARTS)).map("".join)
CHARACTER = st.sampled_from(list("ab(){}[]:'\"\\ \t\n\r,\u200b\U0001f600"))
CODE = st.text(CHARACTER, max_size=60) | st.lists(LINE, max_size=15).map("\n".join)
BEFORE = st.sampled_from(["", "x = ", "def f(", "def f():\n    ", "if x:\n        ", "# go\n", "'"])
AFTER = st.sampled_from(["", ")", "):", "')", "\nx = 1", " + x", "\n\nf(x)\n", "x = 1"])


@settings(max_examples=400)
@given(BEFORE, AFTER, st.booleans(), CODE, st.none() | st.lists(st.integers(0, 60)))
def test_pieces_split_anywhere_give_the_text_of_one_piece(before, after, block, answer, cuts):
    whole = shown(answer, before, after, block)
    cuts = range(len(answer)) if cuts is None else sorted(cut for cut in cuts if cut < len(answer))
    places = [0, *cuts, len(answer)]
    cutter = Cutter(before, after, block)
    text = "".join(cutter.push(answer[start:end]) for start, end in itertools.pairwise(places))
    if not cutter.ended:
        text += cutter.finish()
    assert text == whole


@given(BEFORE, AFTER, st.booleans(), CODE)
def test_what_is_shown_starts_the_answer(before, after, block, answer):
    text = shown(answer, before, after, block)
    said = answer.replace("\r", "").replace("\u200b", "")
    if not (before.strip() or after.strip()):
        said = said.lstrip("\n")  # a cell does not begin with blank lines
    assert said.startswith(text)


@given(BEFORE, st.booleans(), st.text(st.characters(exclude_categories=["C"]), max_size=40))
def test_a_line_of_plain_text_is_shown_whole(before, block, answer):
    line = " ".join(answer.split()) or "x"
    assert shown(line, before, "", block) == line
