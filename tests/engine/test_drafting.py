from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.engine.base import Done, ModelSpec, Request, Text
from jupyter_fastgen.engine.drafting import GAIN, LENGTHS, fitting_length, gain
from jupyter_fastgen.engine.llamacpp import DRAFT, LlamaCpp
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
@pytest.mark.parametrize("width", LENGTHS)
def test_no_other_length_gains_clearly_more(token_ms: float, width: int):
    best = fitting_length(40.0, 40.0 + width * token_ms, width)
    most = max(gain(n, 40.0, token_ms) for n in LENGTHS)
    assert gain(best, 40.0, token_ms) > max(1, most / GAIN)
    if gain(width, 40.0, token_ms) > most / GAIN:
        assert best == width  # for another one the engine would have to start anew


class Calibrated(LlamaCpp):
    """One whose passes take as long as they are told to; the server is none."""

    def __init__(self, fitting: int) -> None:
        super().__init__()
        self.started: list[int] = []
        self._fitting = fitting

    async def _start(self, xllamacpp: Any, spec: ModelSpec, draft: int) -> None:
        self.started.append(draft)

    async def _fitting_draft(self) -> int:
        return self._fitting


@pytest.mark.parametrize(
    ("draft", "fitting", "started"),
    [(None, DRAFT, [DRAFT]), (None, 0, [DRAFT, 0]), (None, 32, [DRAFT, 32]), (0, 8, [0])],
)
async def test_the_engine_starts_anew_only_for_another_length(
    small_model: Path, draft: int | None, fitting: int, started: list[int]
):
    engine = Calibrated(fitting)
    shares: list[float] = []
    await engine.load(ModelSpec("small", str(small_model), draft=draft), shares.append)
    assert engine.started == started
    assert shares == sorted(shares)
    assert shares[-1] == 1


async def test_drafts_change_nothing_but_the_passes(small_model: Path):
    async def answer(draft: int, grammar: str = "") -> tuple[str, Done]:
        spec = ModelSpec("small", str(small_model), context=1024, slots=1, draft=draft)
        worker = Worker("llamacpp", spec)
        try:
            await worker.ready()
            assert (await worker.stats()).draft == draft
            request = Request(1, COPY, max_tokens=48, grammar=grammar)
            events = [event async for event in worker.stream(request)]
        finally:
            await worker.close()
        text = "".join(event.text for event in events if isinstance(event, Text))
        assert isinstance(events[-1], Done)
        return text, events[-1]

    plain, cost = await answer(0)
    assert (cost.drafted, cost.accepted, cost.passes) == (0, 0, cost.new_tokens)
    for grammar in ("", "root ::= [^\\x00]*"):
        drafted, cost = await answer(8, grammar)
        assert drafted == plain
        assert cost.drafted >= cost.accepted > 16
        assert cost.passes < 32
