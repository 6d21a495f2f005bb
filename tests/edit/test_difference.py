from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.edit.difference import Change, changes

LINES = st.lists(st.sampled_from("abcde}"), max_size=20)


@given(LINES, LINES)
def test_the_changes_turn_one_list_into_the_other(old: list[str], new: list[str]):
    found = changes(old, new)
    made: list[str] = []
    at = 0
    for change in found:
        assert change.old_start > at or change is found[0]
        made += old[at : change.old_start] + new[change.new_start : change.new_end]
        at = change.old_end
    assert made + old[at:] == new


def test_unique_lines_hold_a_moved_block_together():
    old = ["def a", "}", "def b", "}", "def c", "}"]
    new = ["def b", "}", "def c", "}", "def a", "}"]
    assert changes(old, new) == [Change(0, 2, 0, 0), Change(5, 5, 3, 5)]
