from __future__ import annotations

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.hunks import Hunk, apply
from jupyter_fastgen.edit.ladder import block_around, keeping, numbered

BASE = "def f():\n    a = 1\n    return a\n\n\ndef g():\n    pass\n"
LINES = BASE.splitlines()


def test_the_other_reading_loses_no_line():
    hunk = Hunk(1, 3, ("    b = 2", "    return a"))
    kept = apply(BASE, [keeping(hunk, LINES)], {0})
    assert set(LINES) <= set(kept.splitlines())
    assert "    b = 2" in kept


def test_a_repair_sees_numbered_lines():
    assert numbered(Hunk(1, 2, ()), LINES).splitlines()[1] == "2|    a = 1"


def test_the_block_to_rewrite_holds_the_hunk():
    assert block_around(Hunk(1, 3, ()), parse(BASE, "python")) == (0, 3)
    assert block_around(Hunk(2, 6, ()), parse(BASE, "python")) is None
