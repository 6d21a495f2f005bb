from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.lines import body, split_lines
from jupyter_fastgen.edit.merge import Merge, Merger, StaleBaseError, rebase
from jupyter_fastgen.edit.safety import Flag
from jupyter_fastgen.evaluate.edits.sparse import Granularity, sparse

MARK = "# ... existing code ..."

BASE = """\
import math


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2

    def scale(self, factor):
        # Grows for a factor above one.
        self.radius *= factor
        return self


def main():
    circle = Circle(2)
    print(circle.area())
"""


def merged(answer: str, base: str = BASE, whole: bool = False, complete: bool = True) -> Merge:
    merger = Merger(base, whole, parse(base, "python"))
    for line in answer.splitlines():
        merger.push(line)
    return merger.finish(complete)


def everything(merge: Merge, base: str = BASE) -> str:
    return merge.apply(base, range(len(merge.hunks)))


LINES = st.lists(
    st.sampled_from(["", "def f():", "    x = 1", "    return x", "}", "print(x)", "# note it"]),
    max_size=12,
)


@given(LINES)
def test_a_text_and_a_marker_change_nothing(lines: list[str]):
    base = "\n".join(lines)
    for answer in (base, MARK, ""):
        assert everything(merged(answer, base), base) == base


@given(LINES, LINES)
def test_a_whole_text_is_what_comes_out(old: list[str], new: list[str]):
    base, answer = "\n".join([*old, "end"]), "\n".join([*new, "end"])
    assert everything(merged(answer, base, whole=True), base) == answer


@given(LINES, LINES, st.randoms(use_true_random=False))
def test_every_subset_keeps_what_is_outside_its_hunks(
    old: list[str], new: list[str], draw: random.Random
):
    base = "\r\n".join(old)
    old = [body(line) for line in split_lines(base)]  # none of an empty text
    lines = [line if draw.random() < 0.7 else MARK for line in new]
    merge = merged("\n".join(lines), base)
    accepted = {n for n in range(len(merge.hunks)) if draw.random() < 0.5}
    text = [body(line) for line in split_lines(merge.apply(base, accepted))]
    expected, at = [], 0
    for number, hunk in enumerate(merge.hunks):
        assert at <= hunk.start <= hunk.end <= len(split_lines(base))
        expected += old[at : hunk.start]
        expected += hunk.new if number in accepted else old[hunk.start : hunk.end]
        at = hunk.end
    expected += old[at:]
    if not base.endswith("\n") and expected[-1:] == [""]:
        expected.pop()  # nothing ends it: it is no line
    assert text == expected
    assert merge.apply(base, set()) == base
    assert MARK not in everything(merge, base)


@given(LINES, LINES)
def test_what_is_settled_stays(old: list[str], new: list[str]):
    merger = Merger("\n".join(old))
    before: list[tuple[int, int, tuple[str, ...]]] = []
    for line in [MARK, *new[:6], MARK, *new[6:], MARK]:
        merger.push(line)
        now = [(hunk.start, hunk.end, hunk.new) for hunk in merger.settled()]
        assert now[: len(before)] == before
        before = now
    final = [(hunk.start, hunk.end, hunk.new) for hunk in merger.finish().hunks]
    assert final[: len(before)] == before


@pytest.mark.parametrize("granularity", ["unique", "definition", "top", "hunk3"])
def test_an_ideal_answer_gives_the_new_text(granularity: Granularity):
    new = BASE.replace("self.radius *= factor", "self.radius *= abs(factor)").replace(
        "    circle = Circle(2)\n", "    circle = Circle(3)\n    circle.scale(2)\n"
    )
    lines = sparse(BASE.splitlines(), new.splitlines(), "python", granularity, parse(new, "python"))
    merge = merged("\n".join(lines))
    assert everything(merge) == new
    assert merge.safe == {0, 1}
    assert [hunk.label for hunk in merge.hunks] == ["def scale", "def main"]


EDIT = f"""\
{MARK}
    def area(self):
        return math.tau * self.radius**2 / 2
{MARK}
"""


def test_a_hunk_shows_as_soon_as_the_next_line_is_found():
    merger = Merger(BASE)
    shown: list[int] = []
    for line in [*EDIT.split("\n")[:-2], "", "    def scale(self, factor):", f"        {MARK}"]:
        merger.push(line)
        shown.append(len(merger.settled()))
    assert shown[0] == 0
    assert merger.finish().hunks[0].start == 8


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{EDIT}```",
        f"Here is the change:\n\n```python\n{EDIT}```\n\nIt is the same area.",
        EDIT.replace("\n", "\r\n"),
        EDIT.replace(MARK, "    # rest of the code unchanged"),
        EDIT.replace("    ", "\t"),
        EDIT.replace(f"{MARK}\n", "", 1),
    ],
)
def test_slips_that_do_no_harm(answer: str):
    after = BASE.replace("math.pi * self.radius**2", "math.tau * self.radius**2 / 2")
    assert everything(merged(answer)) == after


def test_prose_changes_nothing_and_says_so():
    merge = merged("I am sorry, but I can't do that.")
    assert merge.hunks == ()
    assert "no line of the answer stands in the text" in merge.reason


def test_a_forgotten_marker_deletes_nothing_unseen():
    merge = merged(f"{MARK}\nimport math\n\n\n    circle = Circle(3)\n    print(circle.area())")
    gone = next(hunk for hunk in merge.hunks if hunk.end - hunk.start > 5)
    assert not gone.safe
    assert "def scale" in merge.apply(BASE, merge.safe)


def test_a_named_deletion_takes_its_block():
    answer = f"""{MARK}
        return math.pi * self.radius**2

    # deleted: def scale(self, factor):

def main():
    {MARK}"""
    merge = merged(answer)
    assert "def scale" not in everything(merge)
    assert "return self\n" not in everything(merge)
    assert merge.safe == set(range(len(merge.hunks)))


def test_an_edit_whose_place_is_not_certain_is_flagged():
    base = "a = 1\nshow(a)\nb = 2\nshow(b)\na = 1\nshow(a)\nb = 2\nshow(b)\n"
    merge = merged(f"{MARK}\nshow(a)\nb = 3\nshow(b)\n{MARK}", base)
    assert any(Flag.AMBIGUOUS in hunk.flags for hunk in merge.hunks)
    assert merge.apply(base, merge.safe) == base


def test_of_an_answer_that_broke_off_only_closed_parts_count():
    answer = EDIT + "def main():\n    circle ="
    merge = merged(answer, complete=False)
    assert "broke off" in merge.reason
    assert everything(merge) == everything(merged(EDIT))


def test_the_moved_block_knows_where_it_comes_again():
    scale = BASE[BASE.index("    def scale") : BASE.index("\n\ndef main")]
    area = "    def area(self):\n        return math.pi * self.radius**2\n"
    new = BASE.replace(f"\n{scale}", "").replace(area, f"{scale}\n{area}")
    lines = sparse(BASE.splitlines(), new.splitlines(), "python", "unique", parse(new, "python"))
    merge = merged("\n".join(lines))
    assert everything(merge) == new
    moved = [hunk for hunk in merge.hunks if hunk.moved_to is not None]
    assert [hunk.moved_to in {other.start for other in merge.hunks} for hunk in moved] == [True]


def test_another_text_is_refused_and_hunks_follow_their_lines():
    merge = merged(EDIT)
    moved = BASE.replace("import math\n", "import math\nimport sys\n")
    with pytest.raises(StaleBaseError, match="changed since"):
        merge.apply(moved, {0})
    again, lost = rebase(merge, BASE, moved)
    assert not lost
    assert everything(again, moved) == everything(merge).replace("math\n", "math\nimport sys\n", 1)
    _, lost = rebase(merge, BASE, BASE.replace("math.pi", "3.14"))
    assert lost == list(merge.hunks)


def test_a_copy_of_a_function_above_it_does_not_hide_the_marker_in_it():
    steps = "".join(f"    step_{n} = {n}\n" for n in range(40))
    base = f"import os\n\n\ndef first():\n{steps}\n\ndef last():\n    return 1\n"
    copied = f"def copied():\n{steps}\n\ndef first():\n"
    answer = f"import os\n\n\n{copied}    {MARK}\n\n\ndef last():\n{MARK}"
    assert everything(merged(answer, base), base) == base.replace("def first():\n", f"{copied}")


def test_the_fence_that_ends_the_answer_is_not_taken_for_one_of_the_text():
    base = "# Log\n\nIt said:\n\n```\none\ntwo\n```\n\nThe end.\n"
    answer = f"```\n{MARK}\none\n2\n```\n\nThe end.\n```"
    assert everything(merged(answer, base), base) == base.replace("two", "2")


def test_tabs_are_as_wide_as_most_lines_say():
    base = "def f():\n    one = 1\n    if one:\n                pass\n"
    answer = "def f():\n\tone = 1\n\tif one:\n\t\tpass\n\tnew = 3\n"
    assert everything(merged(answer, base), base).endswith("\n        pass\n    new = 3\n")


def test_spaces_behind_a_tab_are_less_than_it():
    base = "if (a) {\n    b();\n}\n"
    assert "\n      b();\n" in everything(merged("if (a) {\n\t  b();\n}", base), base)


def flags(answer: str, base: str, complete: bool = True) -> set[Flag]:
    return {flag for hunk in merged(answer, base, complete=complete).hunks for flag in hunk.flags}


def test_a_comment_that_goes_is_flagged_unless_it_becomes_code():
    base = "# Copyright\n# Licence\n\nfrom a import b\n\n# run(1)\nend()\n"
    assert Flag.COMMENT in flags(f"from c import d\n\n# run(1)\n{MARK}", base)
    assert Flag.COMMENT not in flags(f"{MARK}\nfrom a import b\n\nrun(1)\nend()\n", base)
    sheet = "a {\n  top: 1;\n  color: red;\n  /* grows */\n}\n\nb {\n  top: 2;\n}\n"
    answer = "a {\n  top: 1;\n  /* deleted: color: red; */\n}\n\nb {\n  top: 2;\n}\n"
    assert Flag.COMMENT in flags(answer, sheet)


def test_a_deletion_far_beyond_what_it_names_is_flagged():
    functions = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(30))
    base = f"import os\nimport sys\n\n\n{functions}main()\n"
    assert Flag.ERASED in flags("import os\n# deleted: import sys\nmain()\n", base)
    long = "def g():\n" + "".join(f"    a{n} = {n}\n" for n in range(80)) + "\n\n"
    base = f"import os\n\n\n{long}main()\n"
    assert not flags("import os\n\n\n# deleted: def g():\nmain()\n", base)


def test_a_deletion_counts_as_whole_blocks_wherever_it_is_cut():
    def method(name: str) -> str:
        lines = "".join(f"    {name}{n}();\n" for n in range(14))
        return f"  /**\n   * The {name}.\n   */\n  {name}() {{\n{lines}  }}\n\n"

    base = "class A {\n" + method("one") + method("two") + method("three") + "}\n"
    end = "    one13();\n  }\n\n  /**\n"
    answer = f"class A {{\n// ...\n{end}   // deleted: * The two.\n   * The three.\n// ..."
    assert not flags(answer, base)
    assert "two" not in everything(merged(answer, base), base)


def test_what_goes_in_an_answer_that_broke_off_is_flagged():
    assert Flag.DOUBT in flags(f"{EDIT}def main():", BASE, complete=False)


def test_a_chunk_that_may_be_new_as_a_whole_is_flagged():
    first = "- kind: a\n  size: 1\n  color: red\n"
    base = "".join(f"{first}  model: {n}\n  name: model {n}\n  top: 2\n" for n in range(3))
    answer = f"{MARK}\n{first}  model: 0\n  name: new\n  top: 2\n{first}  model: 1\n{MARK}"
    assert Flag.AMBIGUOUS in flags(answer, base)


def test_a_comment_that_goes_is_flagged_though_another_one_comes():
    base = "x = load()\n# Rides without an end are lost bikes.\nn = len(x)\nshow(n)\n"
    other = f"# Read it anew.\nx = load(1)\nn = len(x)\n{MARK}"
    assert Flag.COMMENT in flags(other, base)
    reworded = f"x = load()\n# Rides that have no end are lost bikes.\nn = len(x) + 1\n{MARK}"
    assert Flag.COMMENT not in flags(reworded, base)


def test_a_place_is_not_certain_if_it_is_told_by_another_that_is_not():
    part = "class Rides:\n    size = 1\n    top = 2\n    color = 3\n    name = 4\n"
    answer = f"{MARK}\nclass Rides:\n    {MARK}\n    top = 2\n    color = 30\n    name = 4\n{MARK}"
    assert not flags(answer, part + "\n\nend = 1\n")
    assert Flag.AMBIGUOUS in flags(answer, f"{part}\n\nend = 1\n\n\n{part}")


def test_hunks_settle_one_after_the_other():
    base = "".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n\n\n" for n in range(60))
    merger = Merger(base)
    counts: list[int] = []
    for n in range(3, 60, 8):
        for line in (MARK, f"def f{n}(x):", f"    y = x - {n}", "    return y"):
            merger.push(line)
        counts.append(len(merger.settled()))
    assert counts == sorted(counts)
    assert counts[-1] >= len(counts) - 2


def test_new_lines_that_end_like_what_they_follow_are_flagged():
    check = "    rows = load()\n    check(one in rows)\n"
    more = f'\n    two = make("two.txt")\n    two.touch()\n    add(str(two))\n\n{check}'
    base = f"def test():\n    begin()\n{check}{more}    check(two in rows)\n"
    new = f"\n\ndef again():\n    chdir(one.parent)\n{check}{more}"
    merge = merged(f"{MARK}\n{check}    check(two in rows)\n{new}", base)
    assert everything(merge, base) != base + new  # it can't tell which of the checks stay
    assert merge.hunks
    assert not merge.safe
