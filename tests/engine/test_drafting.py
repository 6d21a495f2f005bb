from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.engine.base import Done, ModelSpec, Request, Text
from jupyter_fastgen.engine.drafting import LENGTHS, fitting_length, gain
from jupyter_fastgen.engine.worker import Worker

COPY = "".join(f"line {n}: the quick brown fox\n" for n in range(6)) * 2


def test_where_passes_cost_as_much_as_their_tokens_nothing_is_drafted():
    assert fitting_length(10.0, 90.0, 8) == 0
    assert fitting_length(10.0, 200.0, 8) == 0


def test_the_cheaper_a_further_token_the_longer_the_drafts():
    fitting = [fitting_length(40.0, 40.0 + 8 * token, 8) for token in (20.0, 10.0, 2.0, 0.0)]
    assert fitting == sorted(fitting)
    assert 0 < fitting[0] < fitting[-1] == LENGTHS[-1]
    # A clock that runs unevenly makes no pass cheaper than a step.
    assert fitting_length(40.0, 30.0, 8) == LENGTHS[-1]


@pytest.mark.parametrize("token_ms", [1.0, 5.0, 10.0, 25.0])
def test_no_other_length_gains_more(token_ms: float):
    best = fitting_length(40.0, 40.0 + 8 * token_ms, 8)
    assert gain(best, 40.0, token_ms) == max(gain(n, 40.0, token_ms) for n in LENGTHS)
    assert gain(best, 40.0, token_ms) > 1


async def test_drafts_change_nothing_but_the_passes(small_model: Path):
    async def answer(draft: bool, grammar: str = "") -> tuple[str, Done]:
        spec = ModelSpec("small", str(small_model), context=1024, slots=1, draft=draft)
        worker = Worker("llamacpp", spec)
        try:
            await worker.ready()
            if draft and (await worker.stats()).draft == 0:
                pytest.skip("by its times, drafts do not pay on this machine")
            request = Request(1, COPY, max_tokens=48, grammar=grammar)
            events = [event async for event in worker.stream(request)]
        finally:
            await worker.close()
        text = "".join(event.text for event in events if isinstance(event, Text))
        assert isinstance(events[-1], Done)
        return text, events[-1]

    plain, cost = await answer(False)
    assert (cost.drafted, cost.accepted, cost.passes) == (0, 0, cost.new_tokens)
    for grammar in ("", "root ::= [^\\x00]*"):
        drafted, cost = await answer(True, grammar)
        assert drafted == plain
        assert cost.drafted >= cost.accepted > 16
        assert cost.passes < 32
