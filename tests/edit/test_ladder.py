from __future__ import annotations

from dataclasses import replace

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.hunks import Hunk
from jupyter_fastgen.edit.ladder import MOST_LINES, block_around, keeping, rewritten
from jupyter_fastgen.edit.merge import Merge
from jupyter_fastgen.edit.prompt import task
from jupyter_fastgen.edit.safety import Flag

BASE = "def f():\n    a = 1\n    return a\n\n\ndef g():\n    pass\n"
UNSAFE = frozenset({Flag.AMBIGUOUS})
ASKED = task(BASE, "python", "x", whole=False)


def test_the_other_reading_loses_no_line():
    hunk = Hunk(1, 3, ("    b = 2", "    return a"), flags=frozenset({Flag.LOST}))
    assert keeping(hunk, ASKED.lines) == ("    b = 2", "    return a", "    a = 1")


def test_there_is_no_other_reading_of_what_takes_nothing_or_is_meant_to():
    for new in ((), ("    a = 1", "    return a", "    b = 2")):
        assert keeping(Hunk(1, 3, new, flags=frozenset({Flag.LOST})), ASKED.lines) == ()
    assert keeping(Hunk(1, 3, ("    b = 2",)), ASKED.lines) == ()
    assert keeping(Hunk(1, 3, ("    b = 2",), flags=UNSAFE), ASKED.lines) == ()


def test_the_block_to_rewrite_holds_the_hunk():
    assert block_around(Hunk(1, 3, ()), parse(BASE, "python")) == (0, 3)
    assert block_around(Hunk(2, 6, ()), parse(BASE, "python")) is None


def test_the_block_of_doubtful_hunks_is_written_anew():
    merge = Merge("", (Hunk(1, 2, ("    a = 2",), flags=UNSAFE),))
    again = rewritten(ASKED, merge, parse)
    assert again is not None
    assert again.whole
    assert again.part == ASKED.lines[0:3]


def test_what_is_safe_or_everywhere_or_long_is_not():
    doubtful = Hunk(1, 2, ("    a = 2",), flags=UNSAFE)
    safe = Hunk(6, 7, ("    return 2",))
    assert rewritten(ASKED, Merge("", (doubtful, safe)), parse) is None
    assert rewritten(ASKED, Merge("", (doubtful, replace(safe, flags=UNSAFE))), parse) is None
    assert rewritten(ASKED, Merge("", ()), parse) is None
    assert rewritten(replace(ASKED, whole=True), Merge("", (doubtful,)), parse) is None
    long = "def f():\n" + "".join(f"    a{n} = {n}\n" for n in range(MOST_LINES)) + "    return 0\n"
    asked = task(long, "python", "x", whole=False)
    wide = Merge("", (doubtful, replace(doubtful, start=50, end=51)))
    assert rewritten(asked, wide, parse) is None
