from __future__ import annotations

from jupyter_fastgen.completion.names import Bound
from jupyter_fastgen.completion.namespace import Namespace, Variable
from jupyter_fastgen.edit.difference import changes
from jupyter_fastgen.edit.hunks import Hunk
from jupyter_fastgen.edit.lines import body, split_lines
from jupyter_fastgen.edit.merge import Merge, digest
from jupyter_fastgen.edit.safety import Flag
from jupyter_fastgen.edit.undefined import elsewhere, resolved

TABLE = """\
class Table:
    def late(self, line):
        count = 0
        for tram in self.trams:
            if tram.line == line:
                count += 1
        return count

    def all(self):
        return [tram for tram in self.trams]


def show(table):
    for tram in table.all():
        print(tram)
"""


def hunks(old: str, new: str, known: Bound | None = None) -> tuple[Hunk, ...]:
    """The hunks of a change, checked."""
    before, after = ([body(line) for line in split_lines(text)] for text in (old, new))
    found = tuple(
        Hunk(c.old_start, c.old_end, tuple(after[c.new_start : c.new_end]))
        for c in changes(before, after)
    )
    return resolved(Merge(digest(old), found), old, known or Bound()).hunks


def missing(old: str, new: str, known: Bound | None = None) -> list[tuple[str, ...]]:
    """The names that each hunk leaves without a definition."""
    found = hunks(old, new, known)
    assert all(bool(hunk.undefined) == (Flag.UNDEFINED in hunk.flags) for hunk in found)
    return [hunk.undefined for hunk in found]


def test_a_loop_that_is_forgotten_leaves_its_variable_undefined():
    # Another method and a function have one of the same name.
    found = hunks(TABLE, TABLE.replace("        for tram in self.trams:\n    ", ""))
    assert [hunk.undefined for hunk in found if hunk.flags] == [("tram",)]
    reasons = [reason for hunk in found for reason in hunk.reasons]
    assert reasons == ["it uses `tram`, which nothing defines"]


def test_a_parameter_that_is_not_added_is_undefined():
    new = TABLE.replace("return count", "return count if since is None else count - since")
    assert missing(TABLE, new) == [("since",)]
    assert not any(missing(TABLE, new.replace("(self, line)", "(self, line, since=None)")))


def test_of_several_hunks_the_one_that_does_it_is_flagged():
    old = "a = 1\nb = 2\nc = 3\nd = a\n"
    assert missing(old, "a = 1\nb = z\nc = 3\nd = a + 1\n") == [("z",), ()]
    # The definition goes in one hunk, and another still uses what it changes.
    assert missing(old, "b = 2\nc = 3\nd = a + 1\n") == [("a",), ()]


def test_what_the_text_did_not_define_before_is_no_fault_of_the_edit():
    assert not any(missing("print(df.head())\n", "print(df.head(10))\nprint(df.tail())\n"))


def test_a_name_may_be_defined_in_another_cell_by_the_kernel_or_by_anything():
    old, new = "x = 1\n", "x = np.mean(rides)\n"
    assert missing(old, new) == [("np", "rides")]
    cells = ["import numpy as np"]
    assert missing(old, new, elsewhere(cells, None)) == [("rides",)]
    kernel = {"rides": Variable("rides", "list")}
    assert not any(missing(old, new, elsewhere(cells, Namespace("python", kernel, True))))
    # A namespace that is not told in full, and a star, may hold it.
    assert not any(missing(old, new, elsewhere([], Namespace("python", {}, False))))
    assert not any(missing(old, new, elsewhere(["from pylab import *"], None)))


def test_what_can_not_be_told_is_no_fault():
    for old in ("from pylab import *\n", "globals()['y'] = 1\n", "%run setup.py\n", "if (\n"):
        assert not any(missing(f"{old}x = 1\n", f"{old}x = y\n"))
    assert not any(missing("%%bash\nls $x\n", "%%bash\nls $y\n"))


def test_magics_are_read_as_ipython_does():
    old = "%matplotlib inline\nfiles = !ls\nx = 1\n"
    assert missing(old, old.replace("x = 1", "x = files[0]\ndisplay(x)\n_ = Out[3]")) == [()]
    assert missing(old, old.replace("x = 1", "x = fils[0]")) == [("fils",)]
    assert missing("%%time\nx = 1\n", "%%time\nx = y\n") == [("y",)]


def test_scopes_are_those_of_python():
    old = "def f():\n    x = 1\n    return x\n"
    for inside in (
        "    global total\n    total = 1\n    return x",
        "    return [y for y in range(3)]",
        "    return (lambda y: y)(1)",
        "    try:\n        pass\n    except ValueError as y:\n        return y",
        "    import os.path as y\n    return y",
        "    def y():\n        return y\n    return y",
        "    if (y := 1):\n        return y",
    ):
        assert not any(missing(old, old.replace("    return x", inside) + "z = 1\nprint(z)\n")), (
            inside
        )
    new = "def f():\n    global total\n    total = 1\n\n\nprint(total)\n"
    assert not any(missing(old, new))
    assert missing(old, "def f():\n    x = 1\n    return x\n\n\nprint(x)\n") == [("x",)]
    # A comprehension's variable ends with it.
    assert missing(old, old.replace("return x", "[y for y in ()]\n    return y")) == [("y",)]
