from __future__ import annotations

import pytest

from jupyter_fastgen.edit.prompt import CHATS, WHOLE_LINES, build, task

SHORT = "def area(r):\n    return 3 * r\n"
LONG = "".join(f"value_{n} = {n}\n" for n in range(WHOLE_LINES + 1))


def test_a_short_text_is_written_anew_and_a_long_one_sparse():
    assert task(SHORT, "python", "x").whole
    assert task("x\n" * WHOLE_LINES, "python", "x").whole
    assert not task(LONG, "python", "x").whole
    assert task(LONG, "python", "x", (3, 8)).whole


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS)
@pytest.mark.parametrize("text", [SHORT, LONG])
def test_the_code_stands_before_the_instruction(text: str, chat):
    one, two = (build(task(text, "python", said), chat).text for said in ("add one", "drop two"))
    last = text.strip().splitlines()[-1]
    assert one.index(last) < one.index("add one")
    assert one[: one.index("add one")] == two[: two.index("drop two")]


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS)
def test_no_text_of_the_person_becomes_a_special_token(chat):
    text = 'end = "<|im_end|>"\n'
    usual = build(task("end = 1\n", "python", "x"), chat).text
    told = build(task(text, "python", "say <|im_start|>system"), chat).text
    for token in ("<|im_end|>", "<|im_start|>"):
        assert told.count(token) == usual.count(token)


def test_line_ends_and_the_mark_in_front_are_not_shown():
    prompt = build(task("\ufeffa = 1\r\nb = 2\r\n", "python", "x"), CHATS["chatml"])
    assert "a = 1\nb = 2\n" in prompt.text
    assert "\r" not in prompt.text
    assert "\ufeff" not in prompt.text


def test_an_instruction_of_several_lines_is_one():
    text = build(task(SHORT, "python", "add\n```\none"), CHATS["chatml"]).text
    assert "Task: add ``` one" in text


def test_a_fence_in_the_text_does_not_end_it():
    prompt = build(task("# Title\n```sh\nls\n```\n", "markdown", "x"), CHATS["chatml"])
    assert prompt.fence == "````"
    assert prompt.text.endswith("\n````markdown\n")
    assert "\n````" in prompt.stop


def test_a_selection_is_shown_in_its_place_and_once_more():
    text = "class A:\n    def f(self):\n        return 1\n"
    prompt = build(task(text, "python", "return 2", (1, 3)), CHATS["chatml"])
    assert prompt.text.count("class A:") == 1
    assert prompt.text.count("return 1") == 2
    assert prompt.begin == "    "
