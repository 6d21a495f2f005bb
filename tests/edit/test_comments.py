from __future__ import annotations

import pytest

from jupyter_fastgen.edit.comments import only_comments
from jupyter_fastgen.edit.merge import Merger
from jupyter_fastgen.edit.safety import Flag

CELL = """\
%matplotlib inline
def mean(values):
    total = sum(values)
    return total / len(values)
"""


def flagged(answer: str, text: str = CELL, language: str = "python") -> list[bool]:
    merger = Merger(text, whole=True)
    for line in answer.splitlines():
        merger.push(line)
    merge = only_comments(merger.finish(), text, language)
    return [Flag.BEYOND in hunk.flags for hunk in merge.hunks]


def test_comments_and_docstrings_are_what_was_asked():
    answer = CELL.replace("    total =", '    """The mean."""\n    # Add up.\n    total =')
    assert flagged(answer) == [False]
    assert flagged(CELL.replace("sum(values)", "sum(values)  # all of them")) == [False]


def test_code_is_more_than_that():
    answer = CELL.replace("    total = sum", "    # Add up.\n    total = 0.0 + sum")
    assert flagged(answer) == [True]
    answer = CELL.replace("    total", "    # Add up.\n    total", 1).replace("len(values)", "1")
    assert flagged(answer) == [False, True]


def test_indentation_and_magics_are_code():
    loop = "for a in b:\n    f(a)\n    g(a)\n"
    assert flagged("for a in b:\n    f(a)\n# then\ng(a)\n", loop) == [True]
    assert flagged("a:\n  b: 1\n# c\nc: 2\n", "a:\n  b: 1\n  c: 2\n", "yaml") == [True]
    for old, new in (
        ("!rm -rf a\nx = 1\n", "!rm -rf b\nx = 1\n"),
        ("%matplotlib inline\nx = 1\n", "%matplotlib widget\nx = 1\n"),
        ("%%time\nx = 1\n", "# timed\nx = 1\n"),
        ("y = !ls a\n", "y = !ls b\n"),
    ):
        assert all(flagged(new, old)), new


@pytest.mark.parametrize("language", ["r", "unknown"])
def test_languages_without_a_grammar_here_are_read_by_lines(language: str):
    text = "a <- 1\nb <- 2\n"
    assert flagged("# one\na <- 1\nb <- 2\n", text, language) == [False]
    assert flagged("a <- 1\nb <- 3\n", text, language) == [True]
