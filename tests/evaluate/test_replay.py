"""An accepting person, and what is counted of their keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.evaluate.speed.browser import Answer
from jupyter_fastgen.evaluate.speed.replay import Press, accepted, replay, summarize
from jupyter_fastgen.evaluate.speed.typist import Typist


@pytest.mark.parametrize(
    ("ghost", "wanted", "part"),
    [
        ("rint(x)", "rint(x)", "rint(x)"),
        ("rint(x)", "rint(x)\nprint(y)", "rint(x)"),
        ("rint(x)", "rint(xs)", ""),
        ("rint(", "rint(x)", ""),
        ("rint(total", "rint(total_weight)", "rint(total"),
        ("rint(total_", "rint(totals)", ""),
        ("rint(x)\nwrong()", "rint(x)\nprint(y)", "rint(x)"),
        ("rint(x)\nprint(y)", "rint(x)\nprint(y)\nprint(z)", "rint(x)\nprint(y)"),
        ("\n    return x\n", "\n    return x", "\n    return x"),
        ("\n    return x", "\n    return y", ""),
        (")", ")", ""),
        ("", "x", ""),
    ],
)
def test_what_is_right_to_the_end_of_a_line_or_for_long_is_accepted(
    ghost: str, wanted: str, part: str
):
    assert accepted(ghost, wanted) == part


def done(id: int, tokens: int) -> protocol.Done:
    return protocol.Done(id, "stop", counts=protocol.Counts(new_tokens=tokens))


def test_what_is_counted():
    presses = [
        Press("a", "c", "p", False, "asks"),
        Press("a", "c", "rint()", True, "through"),
        Press("a", "c", "\nprint()", True, "asks"),
        Press("a", "c", "x", False, "waits"),
    ]
    half = Answer(1, "c", "p", "rint()", done(1, 6), used=6, next="abcdef", ahead={2: done(2, 4)})
    unused = Answer(3, "c", "print()", "zzz", done(3, 10))
    found = summarize(presses, [half, unused])
    assert (found.presses, found.characters, found.acceptances) == (4, 16, 2)
    assert found.accepted_characters == round(14 / 16, 3)
    assert found.without_work == 0.5
    assert (found.starts_per_100, found.ahead_per_100) == (50, 25)
    assert found.decoded == 20
    assert found.wasted == 0.75  # 5 of the 10 of the first, all 10 of the second
    assert found.after_acceptance == 0.5
    assert summarize([], []).wasted is None


class TestAnswer:
    def test_what_follows_is_shown_once_the_text_is_accepted(self):
        answer = Answer(1, "c", "p", "rint()", done(1, 3))
        answer.prepare(2)
        answer.next = "\nmore()"
        assert answer.remainder("c", "pr") == "int()"
        assert answer.remainder("c", "print()") == "\nmore()"
        assert answer.is_prepared_at("pr")
        assert not answer.is_prepared_at("print()")
        answer.prepare(3)
        assert answer.remainder("c", "print()") == "\nmore()"
        assert not answer.ended
        answer.ahead[2], answer.ahead[3] = done(2, 1), done(3, 1)
        assert answer.ended
        # Nothing follows, and to ask again would tell no more; if it was cut short it would.
        assert answer.remainder("c", "print()\nmore()") == ""
        answer.ahead[3] = protocol.Done(3, "cancelled")
        assert answer.remainder("c", "print()\nmore()") is None

    def test_what_was_refused_may_be_asked_for_again(self):
        answer = Answer(1, "c", "p", "rint()", done(1, 3))
        answer.prepare(2)
        assert answer.is_prepared_at("pr")
        answer.ahead[2] = protocol.Done(2, "cancelled")
        assert not answer.is_prepared_at("pr")
        assert summarize([], [answer]).ahead_per_100 is None


@pytest.mark.usefixtures("default_model")
def test_a_notebook_is_written_anew_by_a_person_who_accepts(tmp_path: Path):
    lines = [f"names.append({n})" for n in range(30)]
    document = Document("python", "a.ipynb", 0, [Cell("c0", "code", "\n".join(lines))])
    turns: list[int] = []
    # One whom also a slow machine leaves something to accept.
    found = replay({"a": document}, 120, Typist(pause=2.0), (), lambda: turns.append(1))
    assert turns == [1]
    typed = "".join(press.insert for press in found.presses)
    assert typed in document.cells[0].source
    assert len(typed) >= 100
    assert found.summary.acceptances > 0
    assert found.summary.presses < found.summary.characters
    assert found.summary.decoded > 0
