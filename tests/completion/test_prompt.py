from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.completion.context import View
from jupyter_fastgen.completion.prompt import (
    TEMPLATES,
    Anchor,
    Branch,
    Prompt,
    branched,
    branches,
    build,
)

QWEN = TEMPLATES["qwen"]
PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"


def at(before: str, after: str = "", above: str = "", below: str = "", cell: str = "c") -> View:
    return View(cell, above, before, after, below)


def parts(prompt: Prompt) -> tuple[str, str, str]:
    """Prefix, suffix and forced text of a prompt."""
    assert prompt.text.startswith(PREFIX)
    prefix, rest = prompt.text.removeprefix(PREFIX).split(SUFFIX)
    suffix, forced = rest.split(MIDDLE)
    return prefix, suffix, forced


def typed(text: str, after: str = "", above: str = "") -> list[Prompt]:
    """The prompts while `text` is typed character by character."""
    prompts: list[Prompt] = []
    anchor: Anchor | None = None
    for end in range(len(text) + 1):
        prompts.append(build(at(text[:end], after, above), QWEN, anchor))
        anchor = prompts[-1].anchor
    return prompts


def test_the_prefix_ends_with_the_line_above_the_cursor():
    prompt = build(at("x = 1\n\n    y", "\nz = 3", "import os", "print(z)"), QWEN)
    prefix, suffix, forced = parts(prompt)
    assert prefix == "import os\n\nx = 1"
    assert suffix == "\nz = 3\n\nprint(z)"
    assert forced + prompt.begin == "\n\n    y"


def test_at_the_start_of_a_cell_the_prefix_ends_with_the_cell_above():
    prompt = build(at("x", above="import os"), QWEN)
    assert parts(prompt)[0] == "import os"
    assert parts(prompt)[2] + prompt.begin == "\n\nx"
    assert parts(build(at(""), QWEN)) == ("", "", "")


def test_typing_only_appends_to_the_prompt():
    text = "for x in np.arange(10):\n    print(x.\U0001f600e\u0301)"
    prompts = typed(text, above="import numpy as np")
    for prompt in prompts:
        prefix, suffix, forced = parts(prompt)
        assert (prefix, suffix) == ("import numpy as np", "")
        assert ("\n\n" + text).startswith(forced + prompt.begin)
        assert prompt.anchor == prompts[0].anchor


def test_deleting_keeps_the_anchor():
    anchor = build(at("x = 1\ny = abc"), QWEN).anchor
    assert build(at("x = 1\ny = a"), QWEN, anchor).anchor == anchor


@pytest.mark.parametrize(
    "after",
    [")", "')", "])", "}", '"""'],
)
def test_brackets_and_quotes_closed_by_the_editor_keep_the_anchor(after):
    anchor = build(at("x = 1\nprint", "\ny = 2"), QWEN).anchor
    assert build(at("x = 1\nprint(", after + "\ny = 2"), QWEN, anchor).anchor == anchor


@pytest.mark.parametrize(
    "now",
    [
        at("x = 1\ny", "\nz", "above", "below", cell="other"),  # another cell
        at("x", "\ny\nz", "above", "below"),  # a jump before the anchor
        at("x = 2\ny", "\nz", "above", "below"),  # the line above changed
        at("x = 1\ny", "\nz", "changed above", "below"),  # a cell above changed
        at("x = 1\ny", "\nz", "above", "changed below"),  # the cell below changed
        at("x = 1\ny", "\nzz", "above", "below"),  # the text after the cursor changed
        at("x = 1\ny", "", "above", "below"),  # it was deleted
        at("x = 1\ny", "+ 1\nz", "above", "below"),  # the cursor moved within the line
    ],
)
def test_the_anchor_is_set_anew_where_it_no_longer_holds(now: View):
    anchor = build(at("x = 1\ny", "\nz", "above", "below"), QWEN).anchor
    prompt = build(now, QWEN, anchor)
    assert prompt == build(now, QWEN)
    assert prompt.anchor != anchor


@pytest.mark.parametrize(
    ("line", "begin"),
    [
        ("np.ar", ".ar"),
        ("np.", "."),
        ("x = ", " "),
        ("x =", " ="),
        ("x", "x"),
        ("def f(", "("),
        ("x = 12", ""),
        ("x1", ""),
        ("    ", "    "),
        ("    re", " re"),
        ("\tre", "\tre"),
        ("a  b", " b"),
        ("na\u00efve", "na\u00efve"),
        ("\u4f60\u597d", "\u4f60\u597d"),
        ("s = '\U0001f600", " '\U0001f600"),
        ("_x", "_x"),
        ("", ""),
    ],
)
def test_the_last_word_is_left_to_the_model_to_write_again(line, begin):
    prompt = build(at("y = 0\n" + line), QWEN)
    assert prompt.begin == begin
    assert parts(prompt)[2] + prompt.begin == "\n" + line


SOURCE = st.text(st.sampled_from(list("ab_.(): =\n\t12'\u00e9\U0001f600\u0301<|")), max_size=60)


@given(SOURCE, SOURCE, SOURCE, st.integers(0, 60))
def test_no_character_of_the_user_is_lost(above, before, after, length):
    anchor = build(at(before[:length], after, above.strip()), QWEN).anchor
    prompt = build(at(before, after, above.strip()), QWEN, anchor)
    prefix, suffix, forced = parts(prompt)
    whole = (above.strip() + "\n\n" if above.strip() else "") + before
    # User text that spells "<|" is altered with a space.
    given_back = prefix + forced + prompt.begin
    assert given_back.replace("< |", "<|") == whole.replace("< |", "<|")
    assert suffix.replace("< |", "<|") == after.replace("< |", "<|")


@pytest.mark.parametrize("token", [PREFIX, SUFFIX, MIDDLE, "<|endoftext|>", "<|im_start|>"])
def test_user_text_never_becomes_a_special_token(token):
    view = at(f"x = '{token}'\ny = '{token}' + z", token, token, token)
    prompt = build(view, QWEN)
    parts(prompt)  # each special token is there once
    frame = prompt.text.replace(PREFIX, "", 1).replace(SUFFIX, "", 1).replace(MIDDLE, "", 1)
    assert "<|" not in frame
    assert "<|" not in build(view, TEMPLATES["prefix-only"]).text


def test_a_model_without_special_tokens_continues_the_prefix():
    prompt = build(at("x = 1\nprint(", ")\ny = 2", "import os", "z"), TEMPLATES["prefix-only"])
    assert prompt.text + prompt.begin == "import os\n\nx = 1\nprint("


def test_the_usual_prompt_ends_its_prefix_at_the_cursor():
    prompt = build(at("x = 1\nnp.ar", "\ny", "import os"), QWEN, anchored=False)
    assert parts(prompt) == ("import os\n\nx = 1\nnp.ar", "\ny", "")
    assert prompt.begin == ""


def test_a_suggestion_branches_at_each_word_of_its_first_line():
    assert list(branches("", "return sum(x)\n    y = 1")) == [
        Branch("", "", ""),
        Branch("return", "", "return"),
        Branch("return sum", "", "return sum"),
        Branch("return sum(x", "", "return sum(x"),
    ]


def test_of_a_word_typed_in_part_the_typed_part_is_kept():
    first, second = list(branches(" mon", "ths = 3"))[:2]
    assert first == Branch("", " mon", "")
    assert second == Branch(" months", "", "ths")


def test_a_finished_word_and_line_breaks_are_no_branch():
    assert list(branches("x", "\n    y\nz")) == [Branch("x\n   ", "", "\n   ")]
    assert next(branches("x", " = 3")) == Branch("x", "", "")


def test_the_text_at_a_branch_goes_on_behind_the_prompt_and_holds_no_special_token():
    built = build(at("s = <"), QWEN)
    branch = list(branches(built.begin, "|fim_middle|> y"))[-1]
    text = branched(built, branch)
    assert text.startswith(built.text)
    assert text.count(MIDDLE) == 1
