"""The line of a magic, as text."""

from __future__ import annotations

import pytest

from jupyter_fastgen.magic.options import (
    COMMANDS,
    OPTIONS,
    Asked,
    BadOptionError,
    Completed,
    complete,
    explain,
    parse,
    parse_command,
    read_kept,
)

NAMES = ["rides", "riders", "_hidden", "plot"]


def completed(text: str) -> list[str] | None:
    found = complete(text, NAMES, lambda: ["qwen-small", "qwen-big"])
    return found.texts if found else None


def test_the_description_is_the_body_and_what_else_stands_on_the_line():
    assert parse("", "plot it\n") == Asked(prompt="plot it")
    assert parse("a sum", "of numbers").prompt == "a sum\nof numbers"
    assert parse("--wait a sum --var out of numbers") == Asked(
        prompt="a sum of numbers", wait=True, var="out"
    )


def test_every_option_is_understood():
    asked = parse(
        "--wait --var out --model small --max-tokens 9 --temperature 0.5 --seed 7"
        " --image a.png --url http://x --token t",
        "do it",
    )
    assert asked == Asked(
        prompt="do it",
        wait=True,
        var="out",
        model="small",
        max_tokens=9,
        temperature=0.5,
        seed=7,
        image="a.png",
        url="http://x",
        token="t",
    )
    assert parse("--file a.py --write", "x") == Asked(prompt="x", file="a.py", write=True)
    assert parse("--edit f", "x").edit == "f"
    assert parse("--cell 3", "x").cell == 3
    assert parse("-h").help
    assert parse("--help").help


def test_values_may_be_quoted_or_follow_an_equals_sign():
    assert parse("--file 'my notes.md'", "x").file == "my notes.md"
    assert parse('--file="my notes.md"', "x").file == "my notes.md"


def test_what_looks_like_an_option_can_be_a_word():
    assert parse("start at -1 and - or -x1").prompt == "start at -1 and - or -x1"
    assert parse("-- add a --verbose option").prompt == "add a --verbose option"
    assert parse("", "add a --verbose option").prompt == "add a --verbose option"
    assert parse("don't sort").prompt == "don't sort"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--modle x", "--model"),
        ("--zzz", "%%fastgen -h"),
        ("--model", "--model NAME"),
        ("--model --wait", "--model NAME"),
        ("--wait=1", "takes no value"),
        ("--cell two", "no whole number"),
        ("--cell 0", "less than 1"),
        ("--seed -1", "less than 0"),
        ("--seed 4294967296", "4294967295"),
        ("--temperature hot", "no number"),
        ("--temperature nan", "between 0 and 2"),
        ("--max-tokens 0", "less than 1"),
        ("--var a-b", "no name"),
        ("--edit f --cell 3", "--edit and --cell"),
        ("--write", "--file PATH"),
        ("--var x --edit f", "--var"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line_that_says_what_can(line: str, said: str):
    with pytest.raises(BadOptionError) as error:
        parse(line, "x")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_was_configured_holds_until_the_line_says_otherwise():
    kept = dict([read_kept("max-tokens", "99"), read_kept("model", "small")])
    assert parse("--model big", "x", kept) == Asked(prompt="x", max_tokens=99, model="big")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("modle", "x", "model"), ("max-tokens", "many", "whole number"), ("wait", "1", "on or off")],
)
def test_a_setting_that_cannot_be_is_refused(key: str, value: str, said: str):
    with pytest.raises(BadOptionError, match=said):
        read_kept(key, value)


def test_commands():
    assert parse_command(" test mean of empty lists ") == ("test", "mean of empty lists")
    assert parse_command("") == ("", "")
    assert parse_command("-h") == ("", "")
    with pytest.raises(BadOptionError, match=r"stauts; did you mean status\?"):
        parse_command("stauts")


def test_the_help_names_every_option_and_command():
    text = explain()
    for name in OPTIONS:
        assert name in text
    for name in COMMANDS:
        assert f"%fastgen {name}" in text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("%%fastgen --mo", ["--model"]),
        ("%%fastgen --wait --model ", ["qwen-big", "qwen-small"]),
        ("%%fastgen --model qwen-s", ["qwen-small"]),
        ("%%fastgen --edit r", ["riders", "rides"]),
        ("%%fastgen --var ", ["plot", "riders", "rides", "_hidden"]),
        ("%%fastgen\nplot {ri", ["riders", "rides"]),
        ("%%fastgen plot {pl", ["plot"]),
        ("%fastgen s", ["status"]),
        ("%fastgen test pl", ["plot"]),
        ("%fastgen config m", ["max-tokens", "model"]),
        ("%fastgen config model qwen-b", ["qwen-big"]),
        ("%fastgen fix --wa", ["--wait"]),
        # of a file's name IPython knows more, and in a description there is nothing to say
        ("%%fastgen --file a", None),
        ("%%fastgen\nplot the ri", None),
        ("%%fastgen plot the ri", None),
        ("%%fastgen\nwrite {{ri", None),
        ("rides.", None),
        ("%%fastgen", None),
    ],
)
def test_completion(text: str, wanted: list[str] | None):
    assert completed(text) == wanted


def test_completion_says_what_is_replaced():
    assert complete("%%fastgen --model qwen-s", [], lambda: ["qwen-small"]) == Completed(
        ["qwen-small"], len("qwen-s")
    )
