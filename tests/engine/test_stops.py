from __future__ import annotations

import pytest

from jupyter_fastgen.engine.stops import Stops


@pytest.mark.parametrize(
    ("pieces", "shown", "met"),
    [
        (["a\n", "b"], "a\nb", False),
        (["a<", "|", "end|>b"], "a", True),
        (["a<", "|", "x"], "a<|x", False),
        (["a<<|end", "|>"], "a<", True),
        (["a <"], "a <", False),
        (["one\n", "\ntwo"], "one", True),
    ],
)
def test_an_answer_ends_at_its_first_stop(pieces: list[str], shown: str, met: bool):
    stops = Stops(("<|end|>", "\n\n"))
    got = "".join(stops.push(piece) for piece in pieces)
    assert (got + stops.rest(), stops.met) == (shown, met)


def test_what_may_become_a_stop_is_held():
    stops = Stops(("<|end|>",))
    assert stops.push("a <|en") == "a "
    assert stops.push("ough") == "<|enough"
