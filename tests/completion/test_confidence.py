from __future__ import annotations

import math
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.completion import context, prompt
from jupyter_fastgen.completion.confidence import (
    MOST_BIAS,
    THRESHOLD,
    TOKENS,
    Habit,
    Judge,
    Judgement,
)
from jupyter_fastgen.completion.gate import Screen
from jupyter_fastgen.completion.service import CompletionService, End, Options, Piece
from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.engine.base import Done, Event, ModelSpec, Progress, Request, Stats, Text

SURE = -0.01
UNSURE = -1.5

logprobs = st.floats(max_value=0, allow_nan=False)


def judged(*values: float, text: str = "x", threshold: float = THRESHOLD) -> Judge:
    judge = Judge(threshold)
    for value in values:
        judge.push(text, (value,))
    return judge


def test_what_the_model_is_sure_of_is_shown_after_two_tokens():
    assert judged(SURE).is_pending
    judge = judged(SURE, SURE)
    assert not judge.is_pending
    for _ in range(TOKENS):
        judge.push("x", (UNSURE,))
    assert judge.doubt is None  # what is shown is not taken back
    assert judge.judgement is not None
    assert judge.judgement.early
    assert judge.judgement.waited == 2


def test_what_it_is_not_sure_of_waits_for_more_tokens_and_is_held():
    judge = judged(*[UNSURE] * (TOKENS - 1))
    assert judge.is_pending
    assert judge.doubt is None
    judge.push("x", (UNSURE,))
    assert not judge.is_pending
    assert judge.doubt is not None
    assert judge.doubt < THRESHOLD


def test_the_lines_end_decides_too():
    for end in ("\n", "x\ny"):
        judge = judged(UNSURE / 3)
        judge.push(end, (UNSURE / 3,))
        assert not judge.is_pending
        assert judge.doubt is None
    judge = judged(UNSURE / 3)
    judge.finish()
    assert not judge.is_pending


def test_a_line_break_before_the_first_line_does_not_end_it():
    judge = judged(UNSURE, text="\n    ")
    judge.push("x", (UNSURE,))
    assert judge.is_pending


@pytest.mark.parametrize("tokens", [1, 3, 6, 9])
def test_tokens_that_come_together_are_judged_as_those_that_come_alone(tokens: int):
    values = (-0.2, -0.2, -0.9, -0.1, -0.7, -0.3, -0.4, -2.0, -0.1)[:tokens]
    together, alone = Judge(THRESHOLD), judged(*values)
    together.push("x", values)
    for judge in (together, alone):
        judge.finish()
    assert together.judgement == alone.judgement


def test_an_engine_that_tells_nothing_holds_nothing():
    judge = Judge(THRESHOLD)
    judge.push("x", ())
    assert not judge.is_pending
    judge.finish()
    assert judge.doubt is None
    assert judge.judgement is None


def test_without_a_threshold_all_passes_and_is_judged():
    judge = judged(*[UNSURE] * TOKENS, threshold=0.0)
    assert judge.doubt is None
    assert judge.judgement is not None
    assert not judged(UNSURE, threshold=0.0).is_pending


@given(st.lists(logprobs, min_size=TOKENS, max_size=TOKENS), st.booleans())
def test_the_surer_the_model_the_likelier_the_suggestion(values: list[float], ended: bool):
    def probability(values: list[float]) -> float:
        judge = Judge(THRESHOLD)
        judge.push("x\n" if ended else "x", values)
        assert judge.judgement is not None
        return judge.judgement.probability()

    better = [value / 2 for value in values]
    assert 0 <= probability(values) <= probability(better) <= 1


def test_a_habit_follows_what_is_accepted_and_has_bounds():
    unlikely = Judgement((-4.0, 0.0), TOKENS)
    keen, wary = Habit(), Habit()
    for _ in range(1000):
        keen.learn(unlikely, True)
        wary.learn(unlikely, False)
    assert keen.bias == MOST_BIAS
    assert -MOST_BIAS <= wary.bias < 0
    # Neither can show everything, nor silence everything.
    hopeless, good = Judgement((-8.0, 0.0), TOKENS), Judgement((-0.4, 1.0), TOKENS)
    assert hopeless.probability(MOST_BIAS) < THRESHOLD < good.probability(-MOST_BIAS)
    keen.forget()
    assert keen == Habit()


def test_a_habit_rests_where_suggestions_are_as_often_right_as_told():
    habit = Habit()
    judgement = Judgement((-0.5, 0.0), TOKENS)
    sure = judgement.probability()
    for n in range(2000):
        habit.learn(judgement, math.floor((n + 1) * sure) > math.floor(n * sure))
    assert abs(habit.bias) < 0.1


def test_nothing_passes_the_screen_before_the_decision():
    judge = Judge(THRESHOLD)
    screen = Screen(None, judge)
    for value in (UNSURE / 4,) * (TOKENS - 1):
        judge.push("a", (value,))
        assert screen.push("a") == ""
    judge.push("a\n", (SURE,))
    assert screen.push("a") == "a" * TOKENS
    assert screen.held is None


def test_the_screen_tells_how_unsure_the_model_is():
    judge = judged(*[UNSURE] * TOKENS)
    screen = Screen(None, judge)
    assert screen.push("x" * TOKENS) + screen.finish(complete=True) == ""
    assert screen.held is not None
    assert screen.held.gate == "confidence"
    assert screen.held.why == "the model is not sure enough (0 %)"


class Scripted:
    """An engine that is as sure of each word as it is told to be."""

    def __init__(self, *tokens: tuple[str, float]) -> None:
        self._tokens = tokens
        self._cancelled = False

    async def load(self, spec: ModelSpec, progress: Progress) -> None: ...

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        assert request.logprobs >= TOKENS
        for text, value in self._tokens:
            if self._cancelled:
                yield Done(request.id, "cancelled")
                return
            yield Text(request.id, text, (value,))
        yield Done(request.id, "stop")

    def cancel(self, id: int) -> None:
        self._cancelled = True

    async def stats(self) -> Stats:
        return Stats("scripted", "small", context=2048)

    async def close(self) -> None: ...


async def complete(
    *tokens: tuple[str, float], invoked: bool = False, habit: Habit | None = None
) -> tuple[list[str], End]:
    options = Options(context.Budget(), confidence=THRESHOLD, habit=habit or Habit())
    service = CompletionService(Scripted(*tokens), prompt.TEMPLATES["qwen"], options)
    document = Document("python", "", 0, [Cell("c", "code", "total = 1\nresult = ")])
    found = [piece async for piece in service.complete("d", document, "c", 19, invoked=invoked)]
    *pieces, end = found
    assert isinstance(end, End)
    return [piece.text for piece in pieces if isinstance(piece, Piece)], end


GUESS = [(" total", UNSURE), *[(" + total", UNSURE)] * TOKENS]


async def test_an_unsure_suggestion_is_held_and_ends_the_decoding():
    pieces, end = await complete(*GUESS)
    assert pieces == []
    assert (end.reason, end.gate) == ("held", "confidence")
    assert end.cost is not None
    assert end.cost.reason == "cancelled"


async def test_what_was_asked_for_is_shown_however_unsure():
    pieces, end = await complete(*GUESS, invoked=True)
    assert "".join(pieces).startswith("total + total")
    assert end.reason == "stop"
    assert end.judgement is not None


async def test_a_sure_suggestion_comes_with_its_second_token():
    pieces, _ = await complete((" total", SURE), (" *", SURE), (" 2", UNSURE))
    assert pieces == ["total *", " 2"]


async def test_a_short_answer_is_decided_on_at_its_end():
    pieces, end = await complete((" total", UNSURE / 2))
    assert pieces == ["total"]
    assert end.reason == "stop"


async def test_a_habit_moves_the_line():
    doubtful = [(" total", -0.9), *[(" + total", -0.1)] * TOKENS]
    shown, _ = await complete(*doubtful, habit=Habit(MOST_BIAS))
    held, end = await complete(*doubtful, habit=Habit(-MOST_BIAS))
    assert shown
    assert held == []
    assert end.gate == "confidence"
