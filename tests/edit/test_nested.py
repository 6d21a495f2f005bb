"""Markers inside of blocks, and new lines whose place only all copies together tell."""

from __future__ import annotations

import pytest

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.merge import Merge, Merger
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService, End

from ..engine.scripted import ScriptedEngine

SHEET = """\
/* first */
body {
  margin: 0;
  padding: 0;
  line-height: 1.6;
}

h1 {
  font-size: 2.5rem;
  color: #333;
}

h2 {
  font-size: 2rem;
  color: #444;
}
"""

WANTED = SHEET.replace("1.6;\n", "1.6;\n  font-size: 50px;\n")

KEEP = "/* ... existing code ... */"


def merged(answer: str, base: str = SHEET, language: str = "css") -> Merge:
    merger = Merger(base, False, parse(base, language))
    for line in answer.splitlines():
        merger.push(line)
    return merger.finish()


@pytest.mark.parametrize("outer", [KEEP, "/* ... */"])
@pytest.mark.parametrize("inner", [KEEP, "/* ... */"])
def test_a_nested_marker_stands_for_the_rest_of_its_block(outer: str, inner: str):
    merge = merged(f"{outer}\nbody {{\n  {inner}\n  font-size: 50px;\n}}\n{outer}")
    assert merge.apply(SHEET, merge.safe) == WANTED


def test_a_nested_marker_in_a_function():
    base = "def f(x):\n    y = x + 1\n    return y\n\n\ndef g(x):\n    y = x + 2\n    return y\n"
    answer = "def f(x):\n    # ... existing code ...\n    print(y)\n    return y\n# ...\n"
    merge = merged(answer, base, "python")
    assert merge.apply(base, range(1)) == base.replace("    return", "    print(y)\n    return", 1)


def test_a_marker_may_still_leave_a_block():
    merge = merged(f"body {{\n  {KEEP}\nh2 {{\n  font-size: 3rem;\n  color: #444;\n}}")
    assert merge.apply(SHEET, range(1)) == SHEET.replace("2rem", "3rem")


def test_new_lines_are_in_place_if_their_copies_together_are_unique():
    merge = merged(f"{KEEP}\n  line-height: 1.6;\n  font-size: 50px;\n}}\n{KEEP}")
    assert merge.apply(SHEET, merge.safe) == WANTED
    twice = SHEET.replace("color: #333", "line-height: 1.6")
    merge = merged(f"{KEEP}\n  line-height: 1.6;\n  font-size: 50px;\n}}\n{KEEP}", twice)
    assert not merge.safe


def test_what_goes_between_copies_needs_both_to_be_unique():
    answer = f"{KEEP}\n  line-height: 1.6;\n}}\n\nh1 {{\n}}\n{KEEP}"
    assert not merged(answer).safe


async def edited(answer: str, text: str = SHEET) -> Merge:
    service = EditService(ScriptedEngine(answer + "\n```"), CHATS["chatml"])
    end = [part async for part in service.edit("", text, "css", "x", whole=False)][-1]
    assert isinstance(end, End)
    return end.merge


async def test_a_nested_property_takes_the_place_of_the_one_of_its_name():
    merge = await edited(f"h1 {{\n  {KEEP}\n  font-size: 3rem;\n}}\n{KEEP}")
    assert merge.apply(SHEET, merge.safe) == SHEET.replace("2.5rem", "3rem")
    # Elsewhere there may be such a line; and what stands before the first line of an answer stays.
    merge = await edited(f"h1 {{\n  {KEEP}\n  font-size: 2rem;\n}}\n{KEEP}")
    assert merge.apply(SHEET, merge.safe) == SHEET.replace("2.5rem", "2rem")
    merge = await edited(f"h1 {{\n  {KEEP}\n  font-size: 2rem;\n  padding: 0;\n}}\n{KEEP}")
    wanted = SHEET.replace("2.5rem", "2rem").replace("#333;\n", "#333;\n  padding: 0;\n")
    assert merge.apply(SHEET, range(len(merge.hunks))) == wanted


async def test_of_two_properties_of_a_name_neither_is_changed_unseen():
    twice = SHEET.replace("  color: #333;\n", "  font-size: 4rem;\n")
    merge = await edited(f"h1 {{\n  {KEEP}\n  font-size: 3rem;\n}}\n{KEEP}", twice)
    assert not merge.safe


async def test_the_place_of_a_new_property_may_be_left_open():
    merge = await edited(f"h1 {{\n  {KEEP}\n  padding: 0;\n  {KEEP}\n}}")
    assert merge.apply(SHEET, merge.safe) == SHEET.replace("#333;\n", "#333;\n  padding: 0;\n")
    merge = await edited(f"h1 {{\n  {KEEP}\n  font-size: 3rem;\n  {KEEP}\n}}\n{KEEP}")
    assert merge.apply(SHEET, merge.safe) == SHEET.replace("2.5rem", "3rem")


@pytest.mark.parametrize("new", ["  log();", "  a:hover {", f"  width: 1px;\n  {KEEP}\n  left: 0;"])
async def test_the_place_of_other_new_lines_may_not(new: str):
    merge = await edited(f"h1 {{\n  {KEEP}\n{new}\n  {KEEP}\n}}\n{KEEP}")
    text = merge.apply(SHEET, merge.safe)
    assert text == SHEET


@pytest.mark.parametrize("end", ["", "  color: #333;\n}", "h2 {"])
async def test_a_block_that_is_not_closed_is_not_written_out(end: str):
    merge = await edited(f"h1 {{\n  {KEEP}\n  width: 3px;\n{end}\n{KEEP}")
    text = merge.apply(SHEET, merge.safe)
    assert all(line in text for line in SHEET.splitlines())


async def test_a_block_that_is_shown_in_part_is_not_written_out():
    hidden = "".join(f"  --c{n}: {n};\n" for n in range(400))
    long = SHEET.replace("  margin: 0;\n", f"  margin: 0;\n{hidden}")
    merge = await edited(f"body {{\n  {KEEP}\n  width: 3px;\n}}\n{KEEP}", long)
    assert all(line in merge.apply(long, merge.safe) for line in long.splitlines())
