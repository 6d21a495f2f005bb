from __future__ import annotations

import pytest

from jupyter_fastgen.evaluate.code.style import Style, style

PLAIN = "def add_up(first_value, b):\n    total = first_value + b\n    return total\n"


def of(code: str) -> Style:
    found = style(code)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (PLAIN, True),
        (PLAIN.replace("total", "theTotal"), False),
        (PLAIN.replace("add_up", "addUp"), False),
        (PLAIN.replace("first_value", "firstValue"), False),
        ("def f(xs):\n    return [aB for aB in xs]\n", False),
        ("def f(*Args):\n    return Args\n", False),
        ("def f(xs):\n    return sum(1 for _ in xs)\n", True),
        ("class SomeThing:\n    pass\n", True),
    ],
)
def test_names(code: str, expected: bool):
    assert of(code).snake_case is expected


def test_length():
    assert of(PLAIN).short
    assert of(f"x = '{'a' * 73}'\n").short
    assert not of(f"x = '{'a' * 75}'\n").short
    assert of("def f():\n" + "    x = 1\n" * 39).short
    assert not of("def f():\n" + "    x = 1\n" * 40).short


def test_comments():
    assert of(PLAIN).comments == 0
    assert not of(PLAIN).docstrings
    said = PLAIN.replace("    total =", "    '''Add.'''\n    # Both.\n    total =")
    assert of(said).docstrings
    assert of(said).comments == 1, "a docstring and a comment for two statements"
    assert not of(said + PLAIN).docstrings
    assert of('text = "# none"\n').comments == 0


def test_functions_and_maintainability():
    assert of(PLAIN + "def g():\n    async def h(): pass\n").functions == 3
    tangled = "def f(a):\n" + "".join(
        f"    if a == {n} and a * {n} > {n}:\n        return a + {n}\n" for n in range(20)
    )
    assert 0 <= of(tangled).maintainability < of(PLAIN).maintainability <= 100


@pytest.mark.parametrize("code", ["def f(:", "Sure!", "x = '\0'", "(" * 1000])
def test_what_does_not_parse_has_no_style(code: str):
    assert style(code) is None


def test_nothing_is_a_program():
    assert of("").functions == 0
