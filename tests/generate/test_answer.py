from __future__ import annotations

import pytest

from jupyter_fastgen.generate.answer import Code


def code(answer: str, size: int) -> str:
    """What comes of the answer in pieces of so many characters."""
    found = Code("```")
    pieces = [found.push(answer[at : at + size]) for at in range(0, len(answer), size)]
    return "".join(pieces) + found.rest()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("x = 1\ny = 2", "x = 1\ny = 2"),
        ("\n\n    x = 1\n    y = 2\n", "    x = 1\n    y = 2"),
        ("  \n\tx", "\tx"),
        ("x = 1\n\n\ny = 2\n\n", "x = 1\n\n\ny = 2"),
        ("```python\n    x = 1", "    x = 1"),
        ("```", ""),
        ("```\nThat is all.", ""),
        (" \n ", ""),
        ("", ""),
        ("``", "``"),
        ("`x` = 1", "`x` = 1"),
        ("%matplotlib inline\n!pip list", "%matplotlib inline\n!pip list"),
        ("x = 1 \u202e# evil\r\n", "x = 1 # evil"),
    ],
)
def test_only_the_code_of_an_answer_comes_however_it_is_cut(answer: str, expected: str, size: int):
    assert code(answer, size) == expected


def test_code_comes_as_it_is_written():
    found = Code("```")
    assert found.push("  ") == ""
    assert found.push("x =") == "  x ="
    assert found.push(" 1\n") == " 1"
    assert found.push("y") == "\ny"


def test_a_fence_that_closes_at_once_ends_the_answer():
    found = Code("```")
    found.push("```\n")
    assert found.ended
