from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
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


class Timed(LlamaCpp):
    """One on a machine where a pass takes `step_ms`, and `token_ms` for each further token."""

    def __init__(self, step_ms: float, token_ms: float) -> None:
        super().__init__()
        self.started: list[int] = []
        self._times = step_ms, token_ms

    async def _start(self, xllamacpp: Any, spec: ModelSpec, draft: int) -> None:
        self.started.append(draft)
        transport = httpx.MockTransport(self._answer)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://server")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        # All drafts are right; the first token is written by the prompt's pass.
        step_ms, token_ms = self._times
        left = json.loads(request.content)["n_predict"] - 1
        told = {"prompt_ms": step_ms, "prompt_n": 1, "predicted_n": left + 1}
        drafts = list[int]()
        while left:
            drafts.append(min(self.started[-1], left - 1))
            left -= 1 + drafts[-1]
        predicted_ms = sum(step_ms + token_ms * length for length in drafts)
        told |= {"predicted_ms": predicted_ms, "draft_n_accepted": sum(drafts)}
        return httpx.Response(200, json={"timings": told})


@pytest.mark.parametrize(
    ("draft", "token_ms", "started"),
    [
        (None, 34.0, [DRAFT, 0]),  # a token more costs nearly as much as a pass
        (None, 10.0, [DRAFT]),
        (None, 0.1, [DRAFT, LENGTHS[-1]]),
        (4, 40.0, [4]),
        (0, 10.0, [0]),
    ],
)
async def test_the_engine_starts_anew_only_for_a_length_that_pays_more(
    small_model: Path, draft: int | None, token_ms: float, started: list[int]
):
    engine = Timed(40.0, token_ms)
    shares: list[float] = []
    await engine.load(ModelSpec("small", str(small_model), draft=draft), shares.append)
    await engine.close()
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
