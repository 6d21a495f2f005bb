from __future__ import annotations

from jupyter_fastgen.edit.blocks import Forest, parse
from jupyter_fastgen.edit.checks import checked
from jupyter_fastgen.edit.hunks import Hunk
from jupyter_fastgen.edit.merge import Merge, digest
from jupyter_fastgen.edit.safety import Flag

BASE = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


def python(text: str) -> Forest:
    return parse(text, "python")


def flags(*hunks: Hunk) -> list[frozenset[Flag]]:
    return [hunk.flags for hunk in checked(Merge(digest(BASE), hunks), BASE, python).hunks]


def test_only_the_hunk_that_breaks_the_syntax_is_flagged():
    assert flags(Hunk(1, 2, ("    return (1",)), Hunk(5, 6, ("    return 3",))) == [
        frozenset({Flag.SYNTAX}),
        frozenset(),
    ]


def test_a_name_that_is_defined_twice_is_flagged():
    assert flags(Hunk(4, 5, ("def f():",))) == [frozenset({Flag.DUPLICATE})]


def test_hunks_that_break_it_only_together_are_all_flagged():
    both = flags(Hunk(0, 1, ("def h():",)), Hunk(4, 5, ("def h():",)))
    assert both == [frozenset({Flag.DUPLICATE})] * 2


def test_what_was_broken_before_is_no_fault_of_the_edit():
    base = "def f(:\n    return 1\n"
    merge = Merge(digest(base), (Hunk(1, 2, ("    return 2",)),))
    assert checked(merge, base, python) == merge
