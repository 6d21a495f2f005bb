from __future__ import annotations

import pytest

from jupyter_fastgen.evaluate.quality.names import STAR, bound, unresolved, used, without_strings


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("x = 1\ny, (z, *w) = f()", {"x", "y", "z", "w"}),
        ("import a.b, c as d\nfrom e import f as g, h", {"a", "d", "g", "h"}),
        ("def f(a, *b, c=1, **d):\n    e = a", {"f", "a", "b", "c", "d", "e"}),
        ("class A:\n    pass\ntry: pass\nexcept E as error: pass", {"A", "error"}),
        ("for i, j in k:\n    pass\n[n for n in m]", {"i", "j", "n"}),
        ("with open(p) as file:\n    pass", {"file"}),
        ("%matplotlib inline\n!ls\nx = 1", {"x"}),
        ("from a import *", {STAR}),
        ("x.a = 1\ny[0] = 2", set()),
    ],
)
def test_bound_names(code: str, names: set[str]):
    assert bound(code) == names
    # The same where the code does not parse, as at a cursor.
    assert bound(code + "\nprint(") >= names


def test_strings_and_comments_bind_nothing_where_code_does_not_parse():
    assert bound("s = 'import a'  # import b\ndef f(") == {"s", "f"}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("y = f(x, key=z) + y", {"f", "x", "z"}),
        ("    for n in values:", {"values"}),
        ("elif a and not b.c:", {"a", "b"}),
        ("foo(bar, 'baz', width=qux", {"foo", "bar", "qux"}),
        ("print(len(x))", {"x"}),
        ("return [n for n in ns]", {"ns"}),
        ("# nothing", set()),
        ("%time f(x)", set()),
    ],
)
def test_used_names(line: str, names: set[str]):
    assert used(line) == names


def test_unresolved_names():
    assert unresolved("a + b", frozenset({"a"})) == {"b"}
    assert not unresolved("a + b", frozenset({"a", STAR}))


def test_blanked_strings_keep_every_place():
    code = "f('a.b', \"c\\\"d\")  # e(\n'''g\nh''' + 'open"
    blanked = without_strings(code)
    assert len(blanked) == len(code)
    assert blanked.count("\n") == code.count("\n")
    assert "".join(blanked.split()) == "f(,)+"
