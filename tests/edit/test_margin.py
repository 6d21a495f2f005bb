from __future__ import annotations

import pytest

from jupyter_fastgen.edit.margin import Margin

CODE = """\
class Shop:
    def sell(self, count):
        self.stock -= count
        return self.stock

    def buy(self, count):
        self.stock += count
        return self.stock
"""

MARK = "# ... existing code ..."


def shifted(answer: str, code: str = CODE) -> str:
    margin = Margin(code.splitlines())
    return "\n".join(map(margin.indented, answer.split("\n")))


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.split("\n"))


PART = (
    "def sell(self, count):\n    if count < 0:\n        raise ValueError\n    self.stock -= count"
)


@pytest.mark.parametrize("by", [0, 2, 8])
def test_a_part_stands_where_its_first_line_stands(by: int):
    other = "def buy(self, count):\n    print(count)"
    answer = f"{MARK}\n{indented(PART, by)}\n{MARK}\n\n{indented(other, by)}"
    assert shifted(answer) == f"{MARK}\n{indented(PART, 4)}\n{MARK}\n\n{indented(other, 4)}"


def test_what_is_in_its_place_stays():
    for text in (CODE, f"{MARK}\n{indented(PART, 4)}", "new = 1\n    def sell(self, count):"):
        assert shifted(text) == text


def test_a_line_that_stands_in_several_columns_tells_nothing():
    code = "x = 1\nif x:\n    x = 1\n"
    assert shifted("  x = 1\n  y = 2", code) == "  x = 1\n  y = 2"


def test_where_only_the_first_line_is_at_the_margin_the_others_stay():
    answer = "def sell(self, count):\n        self.stock -= count\n        print(count)"
    assert shifted(answer) == "    " + answer


def test_what_is_nested_in_a_part_moves_with_it():
    code = "body {\n  margin: 0;\n  color: red;\n}\n"
    answer = "  body {\n    /* ... */\n    width: 1px;\n  }\n/* ... */"
    assert shifted(answer, code) == "body {\n  /* ... */\n  width: 1px;\n}\n/* ... */"


def test_a_narrower_indentation_becomes_that_of_the_text():
    answer = PART.replace("    ", "  ")
    assert shifted(f"{MARK}\n{indented(answer, 2)}") == f"{MARK}\n{indented(PART, 4)}"
