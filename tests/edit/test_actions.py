from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.edit.actions import BadActionError, in_brief, load_actions

TRACEBACK = """\
---------------------------------------------------------------------------
KeyError                                  Traceback (most recent call last)
Cell In[3], line 2
      1 def total(frame):
----> 2     return frame['amont'].sum()
      3

KeyError: 'amont'"""


def test_the_built_in_ones_can_be_used():
    actions = load_actions()
    assert {"fix", "explain", "docstring", "types", "test"} <= set(actions)
    assert actions["fix"].needs == "error"
    assert all(action.caption for action in actions.values())


def test_an_error_is_said_with_its_line():
    said = load_actions()["fix"].say("", TRACEBACK)
    assert "KeyError: 'amont'" in said
    assert "`return frame['amont'].sum()`" in said
    assert "most recent" not in said
    assert in_brief("") == ""


def test_an_error_of_several_lines_is_said_by_its_name():
    assert (
        in_brief("ValueError: one\n  more\nhint: look there")
        == "ValueError: one more hint: look there"
    )
    assert in_brief("Some tool failed\nexit status 2") == "exit status 2"


def test_what_the_person_adds_is_said_too():
    assert load_actions()["types"].say("use Optional", "").endswith("; use Optional")


def test_a_file_adds_an_action_or_replaces_one(tmp_path: Path):
    (tmp_path / "types.toml").write_text('title = "Typing"\ninstruction = "type it"\n')
    (tmp_path / "polars.toml").write_text('title = "Polars"\ninstruction = "use polars"\n')
    actions = load_actions([tmp_path, tmp_path / "missing"])
    assert actions["types"].title == "Typing"
    assert actions["polars"].say("", "") == "use polars"


@pytest.mark.parametrize(
    "text", ["title = ", 'title = "No instruction"', 'title = "x"\ninstruction = "y"\nonly = "z"']
)
def test_a_bad_file_is_named(tmp_path: Path, text: str):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BadActionError, match=r"bad\.toml"):
        load_actions([tmp_path])
