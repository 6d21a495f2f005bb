from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.completion import context, prompt
from jupyter_fastgen.completion.confidence import (
    LENIENT,
    MOST_BIAS,
    THRESHOLD,
    Habit,
    Judge,
    Judgement,
)
from jupyter_fastgen.completion.service import CompletionService, Options
from jupyter_fastgen.completion.writing import End, Piece
from jupyter_fastgen.document import Cell, Cursor, Document
from jupyter_fastgen.engine.base import Done, Event, ModelSpec, Progress, Request, Stats, Text
from jupyter_fastgen.protocol import Change

SURE = -0.01
UNSURE = math.log(THRESHOLD) / 2 - 0.01
"""Two such tokens behind the first are too unlikely together, one is not."""

logprobs = st.floats(max_value=0, allow_nan=False)


def judged(
    *tokens: tuple[str, float], threshold: float = THRESHOLD, is_block: bool = False
) -> Judge:
    judge = Judge(threshold, is_block)
    for text, value in tokens:
        if not judge.doubts:
            judge.push(text, (value,))
    return judge


def test_a_line_becomes_a_guess_with_the_token_that_makes_it_too_unlikely():
    sure = judged(("a", SURE), ("b", UNSURE))
    assert not sure.doubts
    guess = judged(("a", SURE), ("b", UNSURE), ("c", UNSURE))
    assert guess.doubt == pytest.approx(math.exp(SURE + 2 * UNSURE))
    assert guess.judgement == sure.judgement  # of what is shown


def test_the_first_token_may_be_less_likely_and_is_not_held_against_the_others():
    likely_enough = math.log(LENIENT * THRESHOLD) + 0.01
    assert not judged(("a", likely_enough), ("b", UNSURE)).doubts
    assert judged(("a", likely_enough - 0.02)).doubts


def test_the_first_line_is_judged_and_no_other():
    unsure = [("x", SURE), *[("y", UNSURE)] * 9]
    assert judged(*unsure).doubts
    assert judged(("\n", SURE), *unsure).doubts  # it begins below
    assert not judged(("if a:", SURE), ("\n", SURE), *unsure).doubts
    assert not judged(("if a:\n", SURE), *unsure).doubts


def test_a_block_may_be_less_likely():
    unsure = [("a", SURE), ("b", UNSURE), ("c", UNSURE)]
    assert judged(*unsure).doubts
    assert not judged(*unsure, is_block=True).doubts
    assert judged(*unsure, *[("d", UNSURE)] * 9, is_block=True).doubts
    whole = judged(*unsure, threshold=0.0, is_block=True).judgement
    assert whole is not None
    assert whole.sure(THRESHOLD) is None


def test_an_engine_that_tells_nothing_is_believed():
    judge = Judge(THRESHOLD)
    judge.push("x", ())
    assert not judge.doubts
    assert judge.judgement is None


def test_without_a_threshold_nothing_is_a_guess():
    judge = judged(("a", UNSURE), *[("b", 4 * UNSURE)] * 9, threshold=0.0)
    assert not judge.doubts
    assert judge.judgement is not None
    assert len(judge.judgement.tokens) == 10


@given(st.lists(st.tuples(st.text(min_size=1, max_size=3), logprobs), min_size=1), st.floats(0, 1))
def test_what_was_written_down_tells_where_any_threshold_would_have_ended_it(
    tokens: list[tuple[str, float]], threshold: float
):
    tokens = [(text.replace("\n", " ").replace("\r", " "), value) for text, value in tokens]
    free, bound = judged(*tokens, threshold=0.0), judged(*tokens, threshold=threshold)
    assert free.judgement is not None
    sure = free.judgement.sure(threshold)
    assert (sure is not None) == bound.doubts
    if bound.doubts:
        shown = bound.judgement.tokens if bound.judgement else ()
        assert sure == sum(length for length, _ in shown)


@given(st.lists(st.tuples(st.integers(1, 9), logprobs), min_size=1), st.floats(0.01, 0.99))
def test_a_higher_threshold_leaves_no_more(tokens: list[tuple[int, float]], threshold: float):
    judgement = Judgement(tuple(tokens))
    whole = sum(length for length, _ in tokens)

    def left(threshold: float) -> int:
        sure = judgement.sure(threshold)
        return whole if sure is None else sure

    assert 0 <= left(threshold) <= left(threshold / 2) <= left(0) == whole


def test_a_habit_follows_what_is_accepted_and_has_bounds():
    keen, wary = Habit(), Habit()
    for _ in range(2000):
        keen.learn(0.2, True)
        wary.learn(0.9, False)
    assert (keen.bias, wary.bias) == (MOST_BIAS, -MOST_BIAS)
    # Neither can show everything, nor silence everything.
    assert 0.05 < keen.threshold(THRESHOLD) < THRESHOLD < wary.threshold(THRESHOLD) < 0.8
    keen.forget()
    assert keen == Habit()
    assert keen.threshold(THRESHOLD) == pytest.approx(THRESHOLD)


@pytest.mark.parametrize("bias", [-MOST_BIAS, 0, MOST_BIAS])
def test_no_habit_moves_the_ends(bias: float):
    assert Habit(bias).threshold(0.0) == 0.0
    assert Habit(bias).threshold(1.0) == pytest.approx(1.0)


def test_a_habit_rests_where_suggestions_are_as_often_right_as_told():
    habit = Habit()
    for n in range(2000):
        habit.learn(0.6, math.floor((n + 1) * 0.6) > math.floor(n * 0.6))
    assert abs(habit.bias) < 0.1


class Scripted:
    """An engine that is as sure of each word as it is told to be."""

    def __init__(self, *tokens: tuple[str, float]) -> None:
        self._tokens = tokens
        self._cancelled = False
        self.written = 0

    async def load(self, spec: ModelSpec, progress: Progress) -> None: ...

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        assert request.logprobs
        for text, value in self._tokens:
            if self._cancelled:
                yield Done(request.id, "cancelled")
                return
            self.written += 1
            yield Text(request.id, text, (value,))
        yield Done(request.id, "stop")

    def cancel(self, id: int) -> None:
        self._cancelled = True

    async def stats(self) -> Stats:
        return Stats("scripted", "small", context=2048)

    async def close(self) -> None: ...


def serving(engine: Scripted, habit: Habit | None = None) -> CompletionService:
    options = Options(context.Budget(), confidence=THRESHOLD, habit=habit or Habit())
    return CompletionService(engine, prompt.TEMPLATES["qwen"], options)


async def complete(
    engine: Scripted,
    source: str = "total = 1\nresult = ",
    habit: Habit | None = None,
    invoked: bool = False,
) -> tuple[str, End]:
    service = serving(engine, habit)
    document = Document("python", "", 0, [Cell("c", "code", source)])
    cursor = Cursor(document, "c", len(source))
    found = [piece async for piece in service.complete("d", cursor, invoked=invoked)]
    *pieces, end = found
    assert isinstance(end, End)
    return "".join(piece.text for piece in pieces if isinstance(piece, Piece)), end


GUESS = [(" total", SURE), (" +", UNSURE), (" total", UNSURE), (" / total", SURE), ("\n", SURE)]


async def test_a_suggestion_ends_before_the_guess_and_so_does_the_decoding():
    engine = Scripted(*GUESS)
    text, end = await complete(engine)
    assert text == "total +"
    assert (end.reason, end.gate) == ("stop", "confidence")
    assert end.why == "the model is not sure how it goes on (39 %)"
    assert engine.written == 3
    assert end.cost is not None
    assert end.cost.reason == "cancelled"


async def test_what_is_left_of_a_suggestion_does_not_bring_back_what_was_deleted():
    source = "import numpy as "
    document = Document("python", "", 0, [Cell("c", "code", f"{source}np")])
    now = asyncio.get_running_loop().time()
    document.change(Change("d", 1, "c", len(source), len(source) + 2, ""), now)
    service = serving(Scripted((" np", SURE), (".", 9 * UNSURE)))
    *_, end = [p async for p in service.complete("d", Cursor(document, "c", len(source)))]
    assert isinstance(end, End)
    assert (end.reason, end.gate) == ("held", "deleted")


async def test_what_begins_as_a_guess_is_held_back():
    text, end = await complete(Scripted((" total", -4.0), (" * 2", SURE)))
    assert text == ""
    assert (end.reason, end.gate) == ("held", "confidence")
    assert end.why == "the model is not sure enough (2 %)"


async def test_what_was_asked_for_is_shown_however_unsure():
    text, end = await complete(Scripted(*GUESS), invoked=True)
    assert text == "total + total / total"
    assert (end.reason, end.gate) == ("stop", "")
    assert end.judgement is not None


async def test_a_block_that_begins_well_comes_whole():
    body = [("    a = 0", SURE), ("\n", SURE), ("    b", SURE), (" = 1\n", 9 * UNSURE)]
    text, end = await complete(Scripted(*body), "def f():\n    ")
    assert text == "a = 0\n    b = 1"
    assert (end.reason, end.gate) == ("stop", "")


async def test_a_habit_moves_the_line():
    doubtful = [(" total", SURE), (" *", math.log(THRESHOLD)), (" 2", 0.0)]
    assert (await complete(Scripted(*doubtful), habit=Habit(MOST_BIAS)))[0] == "total * 2"
    assert (await complete(Scripted(*doubtful), habit=Habit(-MOST_BIAS)))[0] == "total"


async def test_what_is_left_of_a_suggestion_grows_likelier_as_it_is_typed():
    service = serving(Scripted((" total", math.log(0.3)), (" * 2", math.log(0.9))))
    document = Document("python", "", 0, [Cell("c", "code", "total = 1\nresult = ")])
    assert service.is_likely("d", "total * 2")  # nothing is known of it yet
    assert [p async for p in service.complete("d", Cursor(document, "c", 19))]
    assert not service.is_likely("d", "total * 2")
    assert service.is_likely("d", "tal * 2")
    assert service.is_likely("d", "sum(3)")  # is another's
    assert service.is_likely("e", "total * 2")
