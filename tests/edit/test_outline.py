from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.completion.context import guess_tokens
from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.lines import body, split_lines
from jupyter_fastgen.edit.markers import keep_marker
from jupyter_fastgen.edit.outline import View, outline

from .samples import SAMPLES

SHOP = '''\
import csv

RATE = 2


class Basket(Base):
    """What a customer wants."""

    def add_item(self, item):
        """Put an item in."""
        self.items.append(item)
        self.changed = True

    def total(self):
        """The sum of all items."""
        return sum(item.cost for item in self.items)


def read_baskets(path):
    """Read a file of baskets."""
    with open(path) as file:
        rows = list(csv.reader(file))
    return [make_basket(row) for row in rows]


def make_basket(row):
    """A basket of one row."""
    basket = Basket()
    for name in row:
        basket.add_item(name)
    return basket


def print_receipt(basket):
    """Print what was bought."""
    for item in basket.items:
        print(item.name, item.cost)
    print("total", basket.total())
'''


def viewed(
    text: str,
    instruction: str = "",
    tokens: int = 150,
    focus: tuple[tuple[int, int], ...] = (),
    language: str = "python",
) -> View:
    lines = [body(line) for line in split_lines(text)]
    return outline(lines, parse(text, language).blocks, language, instruction, focus, tokens)


LINES = st.lists(
    st.sampled_from(
        [
            *("", "def f():", "class A:", "    x = 1", "    def g(self):", "        return x"),
            *("a {", "  top: 1;", "}", "# note it", "                deep = {1: 2}", "é = 'é'"),
            *("- item", "## Part"),
        ]
    ),
    max_size=80,
)


@given(
    LINES,
    st.sampled_from(["python", "css", "markdown", "json", "text"]),
    st.sampled_from(["", "f g", "change the top of a", "deep item"]),
    st.integers(20, 400),
    st.tuples(st.integers(0, 80), st.integers(0, 80)),
)
def test_every_line_is_shown_or_behind_one_marker(
    lines: list[str], language: str, instruction: str, tokens: int, ends: tuple[int, int]
):
    start, end = (min(at, len(lines)) for at in sorted(ends))
    blocks = parse("\n".join(lines), language).blocks
    view = outline(lines, blocks, language, instruction, [(start, end)], tokens)
    assert len(view.starts) == len(view.lines) + 1
    assert view.starts[-1] == len(lines)
    assert [*view.starts[:1]] == [0]
    for n, line in enumerate(view.lines):
        behind = view.starts[n + 1]
        assert view.starts[n] < behind
        if n in view.hidden:
            assert line.strip() == keep_marker(language)
            assert n + 1 not in view.hidden
        else:
            assert behind == view.starts[n] + 1
            assert line == lines[view.starts[n]]
    assert all(view.at(at) not in view.hidden for at in range(start, end))
    assert len(split_lines(view.merged)) == len(view.lines)


@given(
    LINES,
    st.sampled_from(["python", "css", "markdown", "json", "text"]),
    st.sampled_from(["", "f g", "change the top of a", "deep item"]),
    st.integers(20, 400),
)
def test_what_nobody_selected_is_within_the_budget(
    lines: list[str], language: str, instruction: str, tokens: int
):
    blocks = parse("\n".join(lines), language).blocks
    view = outline(lines, blocks, language, instruction, [], tokens)
    assert guess_tokens("\n".join(view.lines)) <= tokens


@pytest.mark.parametrize("language", SAMPLES)
def test_with_room_enough_all_that_is_named_is_shown(language: str):
    text = SAMPLES[language][0]
    assert not viewed(text, text, 10_000, language=language).hidden


def steps(count: int) -> str:
    return "".join(
        f"def step_{n}(x):\n    value = x + {n}\n    print(value)\n    return value * value\n\n\n"
        for n in range(count)
    )


def test_a_block_that_is_named_is_shown_and_others_by_their_headers():
    view = viewed(steps(8), "let step_6 subtract", 600)
    marker = "    # ... existing code ..."
    headers = [line for n in range(6) for line in (f"def step_{n}(x):", marker)]
    assert list(view.lines[:12]) == headers
    assert list(view.lines[12:]) == [*steps(7).split("\n")[-7:-3], "", "", "def step_7(x):", marker]


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        ("read the baskets as JSON", "        rows = list(csv.reader(file))"),
        ("raise the RATE to 3", "RATE = 2"),
        ("addItem should refuse nothing", "        self.changed = True"),
        ("print the reciept in bold", "        print(item.name, item.cost)"),
    ],
)
def test_words_are_found_in_names_of_any_style_and_with_a_slip(instruction: str, shown: str):
    assert shown in viewed(SHOP, instruction, 130).lines


def test_what_a_block_uses_is_shown_before_what_it_does_not():
    lines = viewed(SHOP, "read_baskets should skip empty rows", 200).lines
    assert "    basket = Basket()" in lines
    assert "        print(item.name, item.cost)" not in lines


def test_the_headers_around_a_selection_are_shown():
    lines = viewed(SHOP, "", 40, ((9, 11),)).lines
    assert "class Basket(Base):" in lines
    assert "        self.items.append(item)" in lines


def test_two_instructions_show_the_same_up_to_what_only_one_is_about():
    one, other = (viewed(steps(8), f"let step_{n} subtract", 600).lines for n in (4, 6))
    same = next(n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    assert one[same - 1] == "def step_4(x):"


def test_of_a_text_that_an_instruction_says_nothing_about_the_beginning_is_shown():
    view = viewed(SHOP, "x", 60)
    assert view.lines[0] == "import csv"
    assert view.hidden


def test_without_an_instruction_only_headers_are_shown():
    view = viewed(steps(8), "", 600)
    assert [line for line in view.lines if line.strip() != keep_marker("python")] == [
        f"def step_{n}(x):" for n in range(8)
    ]
