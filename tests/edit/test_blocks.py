from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_fastgen.edit import blocks, syntax
from jupyter_fastgen.edit.blocks import Block, Forest, parse
from jupyter_fastgen.edit.grammars import LANGUAGES
from jupyter_fastgen.edit.lines import split_lines
from jupyter_fastgen.edit.syntax import DEEPEST

from .samples import SAMPLES, outline


@pytest.mark.parametrize("language", SAMPLES)
def test_blocks_and_labels_of_a_language(language: str):
    text, expected = SAMPLES[language]
    forest = parse(text, language)
    assert not forest.has_errors
    assert outline(forest.blocks) == expected


@pytest.mark.parametrize("language", SAMPLES)
def test_line_ends_and_a_byte_order_mark_change_no_block(language: str):
    text, _ = SAMPLES[language]
    other = parse("\ufeff" + text.replace("\n", "\r\n"), language)
    assert other.blocks == parse(text, language).blocks


def test_kind_is_that_of_the_definition_in_its_wrappers():
    assert parse("@a\n@b\nclass A:\n    x = 1\n", "python").blocks[0].kind == "class_definition"
    exported = parse("export default function f() {\n}\n", "javascript").blocks[0]
    assert (exported.kind, exported.label) == ("function_declaration", "function f")


def test_statements_on_one_line_are_one_block():
    assert outline(parse("a = 1; b = 2\nc = 3\n", "python").blocks) == "0-1 a = 1\n1-2 c = 3"


def test_comment_belongs_to_what_it_stands_right_above_of():
    text = "# one\n\n# two\n# three\nx = 1\n    # four\ny = 2\n# five\n"
    assert outline(parse(text, "python").blocks) == (
        "0-1 # one\n2-5 x = 1\n5-6 # four\n6-7 y = 2\n7-8 # five"
    )


def test_code_behind_a_long_comment_is_a_block():
    text = "/* one\n two */ int f() {\n  return 1;\n}\n"
    assert outline(parse(text, "c").blocks) == "0-4 int f\n  2-3 return 1"


def test_long_label_is_cut():
    (block,) = parse("x = " + " + ".join(["value"] * 30), "python").blocks
    assert len(block.label) == 60
    assert block.label.endswith("…")


def test_broken_text_keeps_the_blocks_around():
    forest = parse("def a():\n    return 1\n\ndef (:\n\ndef b():\n    return 2\n", "python")
    assert forest.has_errors
    labels = [block.label for block in forest.blocks]
    assert (labels[0], labels[-1]) == ("def a", "def b")


def test_enclosing_goes_from_the_outside_in():
    forest = parse(SAMPLES["python"][0], "python")
    assert [block.label for block in forest.enclosing(28)] == [
        *("class Ride", "def far", "return True")
    ]
    assert forest.enclosing(17) == ()  # a blank line between two definitions
    assert [block.label for block in forest.enclosing(21)] == ["class Ride"]


# --- without a grammar --------------------------------------------------------

CONF = "server {\n  port 80\n\n  host a\n}\nname x\n\nclient\n  deep\n    er\n"


def test_unknown_language_has_paragraphs():
    forest = parse(CONF, "text")
    assert outline(forest.blocks) == (
        "0-6 server\n  1-2 port 80\n  3-4 host a\n7-10 client\n  8-10 deep\n    9-10 er"
    )
    assert {block.kind for block in forest.blocks} == {"paragraph"}
    assert not forest.has_errors


def test_missing_grammar_is_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocks, "grammar", lambda language: None)
    assert outline(parse("def a():\n    b\n\nc\n", "python").blocks) == (
        "0-2 def a()\n  1-2 b\n3-4 c"
    )


def test_parser_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(syntax, "PATIENCE", 0.1)
    forest = parse('{s""}*/[e:f f(:!f', "tsx")
    assert forest.has_errors
    assert [block.kind for block in forest.blocks] == ["paragraph"]


def test_what_the_grammar_cannot_read_has_paragraphs_too():
    text = "ALTER OPERATOR ^~ (a, b)\n  SET (x = y);\n\nSELECT 1;\n"
    assert covered(parse(text, "sql")) == {0, 1, 3}


# --- cells --------------------------------------------------------------------


def test_cell_magic_decides_the_language():
    text = "%%bash\ncount() {\n  wc\n}\n"
    assert outline(parse(text, "python").blocks) == "0-1 %%bash\n1-4 count\n  2-3 wc"
    assert not parse("%%html\n<p>1 &lt; 2</p>\n", "python").has_errors
    assert not parse("%%unknown thing\nno (python\n", "python").has_errors


def test_python_under_a_cell_magic_with_magics():
    text = "%%time\n%matplotlib inline\nfiles = !ls\ndef f():\n    !pip list\n    f?\n"
    forest = parse(text, "python")
    assert not forest.has_errors
    assert outline(forest.blocks) == (
        "0-1 %%time\n1-2 %matplotlib inline\n2-3 files = !ls\n3-6 def f\n  4-5 !pip list\n  5-6 f?"
    )


# --- what holds for any text --------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        *("\n", "\r\n", "  ", "    ", "\t", "{", "}", "(", ")", "[", "]", ";", ",", ":", '"', "'"),
        *('"""', "`", "#", "//", "/*", "*/", "<div>", "</div>", "<!--", "-->", "- ", "## ", "```"),
        *("def f():", "class A:", "if x:", "else:", "return", "function f() ", "end", "SELECT a"),
        *(
            "a",
            "b = 1",
            "k: v",
            ".c",
            "@d",
            "%e",
            "!f",
            "g?",
            "\\",
            "é",
            "\ufeff",
            "\x00",
            "\ud800",
        ),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=60).map("".join) | st.text(max_size=80)


def covered(forest: Forest) -> set[int]:
    return {line for block in forest.blocks for line in range(block.start, block.end)}


def check(forest: Forest, text: str) -> None:
    lines = split_lines(text.removeprefix("\ufeff"))
    check_nested(forest.blocks, 0, len(lines))
    said = {at for at, line in enumerate(lines) if line.strip()}
    assert said <= covered(forest)


def check_nested(siblings: tuple[Block, ...], start: int, end: int) -> None:
    for block in siblings:
        assert start <= block.start < block.end <= end
        start = block.end
        assert block.label == " ".join(block.label.split()) != ""
        for child in block.children:
            assert (child.start, child.end) != (block.start, block.end)
        check_nested(block.children, block.start, block.end)


@example("\n", "markdown")
@example("\xa0\n\x1c\n", "markdown")
@settings(max_examples=300, deadline=None)
@given(text=TEXTS, language=st.sampled_from([*LANGUAGES, "text"]))
def test_blocks_are_in_order_nested_and_cover_the_text(text: str, language: str):
    check(parse(text, language), text)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_so_they_are_in_real_code_with_something_taken_out(data: st.DataObject):
    language = data.draw(st.sampled_from(list(SAMPLES)))
    text = SAMPLES[language][0]
    start = data.draw(st.integers(0, len(text)))
    text = text[:start] + text[start + data.draw(st.integers(1, 40)) :]
    check(parse(text, language), text)


@pytest.mark.parametrize("language", ["python", "json", "javascript", "text"])
@pytest.mark.parametrize("ends", [True, False])
def test_deep_nesting_is_cut(language: str, ends: bool):
    depth = 3000
    if language == "text":
        text = "".join(" " * n + "a\n" for n in range(depth // 4))
    else:
        text = "[1,\n" * depth + "1\n" + "]\n" * depth * ends
    forest = parse(text, language)
    check_nested(forest.blocks, 0, 2 * depth + 1)
    assert max(len(forest.enclosing(line)) for line in range(0, depth // 4, 7)) <= DEEPEST


# --- hashes -------------------------------------------------------------------


def test_hash_is_of_the_text_and_not_of_its_place():
    one = parse("def f():\n    return 1\n", "python").blocks[0]
    moved = parse("x = 1\n\ndef f():  \r\n    return 1\t", "python").blocks[1]
    changed = parse("def f():\n    return 2\n", "python").blocks[0]
    indented = parse("def f():\n     return 1\n", "python").blocks[0]
    assert moved.hash == one.hash
    assert len({one.hash, changed.hash, indented.hash}) == 3


# --- incremental --------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_incremental_parse_equals_a_full_one(data: st.DataObject):
    language = data.draw(st.sampled_from(list(SAMPLES)))
    text = SAMPLES[language][0]
    forest = parse(text, language)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        new = data.draw(FRAGMENTS | st.just("") | st.sampled_from(split_lines(text) or [""]))
        text = text[:start] + new + text[end:]
        forest = parse(text, language, forest)
        assert forest == parse(text, language)


@example("def f():\n    return 1\n", "def f():\n    return 1\n")
@example("", "x = 1\n")
@example("é = 1\n", "è = 1\n")  # they share their first byte
@example("%%time\nx = 1\n", "%%bash\nx=1\n")
@given(before=TEXTS, after=TEXTS)
@settings(max_examples=100, deadline=None)
def test_any_text_may_follow_any_other(before: str, after: str):
    assert parse(after, "python", parse(before, "python")) == parse(after, "python")


def test_old_forest_stays_as_it_was_and_can_be_used_again():
    old = parse("a = 1\n", "python")
    for text in ("a = 1\nb = 2\n", "\n\na = 1\n", "a = 1\n"):
        assert parse(text, "python", old) == parse(text, "python")
    assert old == parse("a = 1\n", "python")
    assert parse("a {b: c}\n", "css", old) == parse("a {b: c}\n", "css")


def test_old_tree_is_used(monkeypatch: pytest.MonkeyPatch):
    given_trees: list[Any] = []
    whole = blocks.parse_tree

    def remember(language: Any, source: bytes, old: Any = None) -> Any:
        given_trees.append(old)
        return whole(language, source, old)

    monkeypatch.setattr(blocks, "parse_tree", remember)
    parse("a = 2\n", "python", parse("a = 1\n", "python"))
    assert given_trees[0] is None
    assert given_trees[1] is not None
