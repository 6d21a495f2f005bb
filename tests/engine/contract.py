"""What every engine must do, on the real thing.

A module of tests makes a subclass and two fixtures of module scope: `engine`, loaded with a
small model, two slots and 2,048 tokens for each; and `pid`, the process that computes.
Counts are asserted, never times.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil
import pytest

from jupyter_fastgen.engine.base import Done, Engine, EngineError, ModelSpec, Request, Text

COUNTING = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,"
"""Any model knows how this goes on, and whatever the batch it was computed in."""

ids = itertools.count(1)


class Answer(NamedTuple):
    pieces: list[str]
    done: Done

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def request(prompt: str = COUNTING, **options: Any) -> Request:
    chosen: dict[str, Any] = {"document": "a", **options}
    return Request(id=next(ids), prompt=prompt, **chosen)


async def answer(engine: Engine, asked: Request) -> Answer:
    """The whole answer; checks that it ends with its one `Done`."""
    pieces: list[str] = []
    done: Done | None = None
    async for event in engine.stream(asked):
        assert done is None
        assert event.id == asked.id
        if isinstance(event, Text):
            assert event.text
            pieces.append(event.text)
        else:
            done = event
    assert done is not None
    return Answer(pieces, done)


async def cancelled(engine: Engine, asked: Request) -> Answer:
    """The answer that is cancelled with each of its pieces."""
    pieces: list[str] = []
    done: Done | None = None
    async for event in engine.stream(asked):
        if isinstance(event, Text):
            pieces.append(event.text)
            engine.cancel(asked.id)
        else:
            done = event
    assert done is not None
    assert done.reason == "cancelled"
    return Answer(pieces, done)


def reached(engine: Engine, url: str, loop: asyncio.AbstractEventLoop) -> Iterator[Engine]:
    """`engine`, once it has reached the server at `url`."""
    progress: list[float] = []
    loop.run_until_complete(engine.load(ModelSpec("small", url), progress.append))
    assert progress[-1] == 1.0
    yield engine
    loop.run_until_complete(engine.close())


async def decoded(engine: Engine, prompt: str, document: str, whole: str) -> int:
    """Tokens after `prompt` that the KV slot of `document` holds, by what of `whole` is cached."""
    found = await answer(engine, request(prompt + whole, max_tokens=0, document=document))
    without = await answer(engine, request(prompt, max_tokens=0, document="measure"))
    return found.done.cached_tokens - without.done.prompt_tokens


async def until_computing(pid: int) -> None:
    """Wait until the process has computed for a tenth of a second."""

    def used() -> float:
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system

    before = used()
    while used() < before + 0.1:  # noqa: ASYNC110 no process tells what it uses
        await asyncio.sleep(0.002)


class EngineContract:
    async def test_an_answer_streams_and_ends_with_its_costs(self, engine: Engine):
        got = await answer(engine, request("Once upon a time", max_tokens=12))
        assert len(got.pieces) > 3
        assert got.done.reason == "length"
        assert got.done.new_tokens == 12
        assert 3 <= got.done.prompt_tokens <= 6
        assert got.done.prefilled_tokens >= 1
        assert got.done.first_ms is not None
        assert got.done.prefill_ms > 0
        assert got.done.decode_ms > 0

    async def test_greedy_answers_are_the_same(self, engine: Engine):
        first = await answer(engine, request(max_tokens=16))
        again = await answer(engine, request(max_tokens=16))
        other_slot = await answer(engine, request(max_tokens=16, document="b"))
        assert first.text == again.text == other_slot.text
        assert first.text.strip().startswith("16, 17,")

    async def test_above_a_temperature_of_0_the_seed_decides(self, engine: Engine):
        prompt = "My favourite colour is"
        await answer(engine, request(prompt, max_tokens=0))

        async def told(seed: int) -> str:
            asked = request(prompt, max_tokens=12, temperature=1.0, seed=seed)
            return (await answer(engine, asked)).text

        assert await told(7) == await told(7)
        assert len({await told(seed) for seed in range(5)}) > 1

    async def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(self, engine: Engine):
        got = await answer(engine, request(max_tokens=40, stop=("19",)))
        assert got.done.reason == "stop"
        assert got.text.rstrip().endswith("18,")

    @pytest.mark.parametrize(
        "begin",
        [" Par", ".ar", '"\\', "[a-z]", "\n    re", "\t", "%{", "<|x", "na\u00efve", "e\u0301",
         "\u4f60\u597d", "\U0001f44d\U0001f3fd", "\x0b\x7f"],
    )  # fmt: skip
    async def test_an_answer_begins_as_it_is_bound_to(self, engine: Engine, begin: str):
        got = await answer(engine, request("The capital is", begin=begin, max_tokens=12))
        assert got.text.startswith(begin)

    async def test_an_answer_follows_a_grammar_and_ends_with_it(self, engine: Engine):
        rule = 'root ::= ("cat" | "a \\"dog\\"\\n") [0-9] "."'
        got = await answer(engine, request("The capital is", grammar=rule, max_tokens=40))
        assert re.fullmatch(r'(cat|a "dog"\n)[0-9]\.', got.text)
        assert got.done.reason == "stop"

    async def test_a_grammar_that_is_none_is_an_error_and_no_more(self, engine: Engine):
        with pytest.raises(EngineError):
            await answer(engine, request(grammar="root ::= (", max_tokens=4))
        assert (await answer(engine, request(max_tokens=2))).done.reason == "length"

    async def test_the_likeliest_starts_are_told_and_nothing_is_written(self, engine: Engine):
        prompt = "My favourite colour is"
        told = await answer(engine, request(prompt, starts=4))
        assert told.pieces == []
        assert len({start.text for start in told.done.starts}) == 4
        chances = [start.probability for start in told.done.starts]
        assert chances == sorted(chances, reverse=True)
        assert 0 < chances[-1] <= chances[0] <= 1
        greedy = await answer(engine, request(prompt, max_tokens=3))
        assert greedy.text.startswith(told.done.starts[0].text)
        assert (await answer(engine, request(prompt, max_tokens=3))).done.starts == ()

    @pytest.mark.parametrize("begin", [" r", "\n  ", " The"])
    async def test_starts_go_on_from_what_the_answer_is_bound_to(self, engine: Engine, begin: str):
        told = await answer(engine, request("My favourite colour is", begin=begin, starts=3))
        assert 1 <= len(told.done.starts) <= 3
        for start in told.done.starts:
            assert start.text.startswith(begin)
            assert len(start.text) > len(begin)

    async def test_an_answer_from_another_start_computes_no_prompt_again(self, engine: Engine):
        prompt = "The cat sat on the mat. A dog ran in the park! " * 5 + "Then"
        told = await answer(engine, request(prompt, starts=3))
        texts: set[str] = set()
        for start in told.done.starts:
            got = await answer(engine, request(prompt, begin=start.text, max_tokens=6))
            assert got.text.startswith(start.text)
            assert got.done.prefilled_tokens <= 3
            texts.add(got.text)
        assert len(texts) == 3

    async def test_characters_of_several_tokens_are_whole(self, engine: Engine):
        # The small model repeats what it sees.
        got = await answer(engine, request("x = '\U0001f600'\n" * 8, max_tokens=24))
        assert got.text.startswith("x = '\U0001f600'\nx = '\U0001f600'\n")
        assert "\ufffd" not in got.text
        assert got.done.new_tokens <= 24

    async def test_no_tokens_asked_for_fills_the_cache_and_says_nothing(self, engine: Engine):
        prompt = "Red, green, blue, yellow, orange, purple, black, white. " * 4
        filled = await answer(engine, request(prompt, max_tokens=0))
        assert filled.pieces == []
        assert filled.done.prefilled_tokens > 20
        again = await answer(engine, request(prompt + "Red, green,", max_tokens=1))
        assert again.done.cached_tokens >= filled.done.prompt_tokens - 2
        assert again.done.prefilled_tokens <= 8

    async def test_a_prefix_is_computed_once(self, engine: Engine):
        prompt = "import numpy as np\nimport pandas as pd\n\n" * 5 + "x = np"
        first = await answer(engine, request(prompt, max_tokens=4))
        typed = await answer(engine, request(prompt + ".", max_tokens=4))
        assert first.done.prompt_tokens > 40
        assert typed.done.prompt_tokens <= first.done.prompt_tokens + 2
        assert typed.done.prefilled_tokens <= 3

    async def test_two_documents_do_not_take_the_cache_from_each_other(self, engine: Engine):
        prompts = {"a": "The cat sat on the mat. " * 10, "b": "A dog ran in the park! " * 10}
        for document, prompt in prompts.items():
            await answer(engine, request(prompt, max_tokens=1, document=document))
        for document, prompt in prompts.items():
            got = await answer(engine, request(prompt + "Then", max_tokens=1, document=document))
            assert got.done.prefilled_tokens <= 4

    async def test_two_answers_at_once_are_not_mixed(self, engine: Engine):
        ones, tens = await asyncio.gather(
            answer(engine, request(max_tokens=10, document="a")),
            answer(engine, request("10, 20, 30, 40, 50, 60,", max_tokens=10, document="b")),
        )
        assert ones.text.strip().startswith("16, 17,")
        assert tens.text.strip().startswith("70, 80,")

    async def test_a_cancelled_answer_stops_within_a_token(self, engine: Engine):
        whole = (await answer(engine, request(max_tokens=60, document="a"))).text
        assert await decoded(engine, COUNTING, "a", whole) >= 55  # the measure measures
        await answer(engine, request("Something else.", max_tokens=0, document="a"))

        got = await cancelled(engine, request(max_tokens=60, document="a"))
        assert len(got.pieces) <= 3
        assert await decoded(engine, COUNTING, "a", whole) <= 4

    async def test_leaving_the_stream_cancels(self, engine: Engine):
        whole = (await answer(engine, request(max_tokens=60, document="b"))).text
        await answer(engine, request("Something else.", max_tokens=0, document="a"))
        stream = engine.stream(request(max_tokens=60, document="a"))
        assert isinstance(await anext(stream), Text)
        await stream.aclose()
        assert await decoded(engine, COUNTING, "a", whole) <= 4

    async def test_it_is_told_how_much_of_a_long_prompt_is_read(self, engine: Engine):
        request = Request(1, " ".join(map(str, range(300))), max_tokens=2, progress=True)
        events = [event async for event in engine.stream(request)]
        read = [e.read for e in events if isinstance(e, Text) and e.read is not None]
        assert len(read) > 1
        assert read == sorted(read)
        assert 0 <= read[0] < read[-1] <= 1
        assert all(not isinstance(e, Text) or e.read is None or not e.text for e in events)

    async def test_cancelled_while_the_prompt_is_computed(self, engine: Engine, pid: int):
        prompt = " ".join(f"word{n}" for n in range(150))
        asked = request(prompt, document="a")
        running = asyncio.create_task(answer(engine, asked))
        await until_computing(pid)
        engine.cancel(asked.id)
        got = await running
        assert got.pieces == []
        assert got.done.reason == "cancelled"
        again = await answer(engine, request(prompt, max_tokens=0, document="a"))
        assert again.done.prefilled_tokens > 100

    async def test_cancelled_before_it_began(self, engine: Engine):
        for steps in range(4):
            asked = request(max_tokens=200)
            running = asyncio.create_task(answer(engine, asked))
            for _ in range(steps):
                await asyncio.sleep(0)
            engine.cancel(asked.id)
            if not steps:
                # Not asked for yet: an unknown id.
                await asyncio.sleep(0)
                engine.cancel(asked.id)
            assert (await running).done.reason == "cancelled"

    async def test_cancelling_what_does_not_run_changes_nothing(self, engine: Engine):
        engine.cancel(10**9)
        got = await answer(engine, request(max_tokens=2))
        engine.cancel(got.done.id)
        assert (await answer(engine, request(max_tokens=2))).done.reason == "length"

    async def test_a_prompt_past_the_context_is_an_error_and_no_more(self, engine: Engine):
        with pytest.raises(EngineError, match="context"):
            await answer(engine, request(" ".join(str(n) for n in range(3000)), max_tokens=1))
        assert (await answer(engine, request(max_tokens=2))).done.reason == "length"

    async def test_text_of_any_script_comes_whole(self, engine: Engine):
        faces = "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301 \u4f60\u597d\n"
        got = await answer(engine, request(faces * 6, max_tokens=40))
        assert "\ufffd" not in got.text
        assert any(ord(character) > 0x2000 for character in got.text)

    async def test_tokens_come_with_how_likely_they_are_where_that_is_asked(self, engine: Engine):
        async def told(prompt: str, **options: Any) -> list[float]:
            asked = request(prompt, max_tokens=6, **options)
            return [
                value
                async for event in engine.stream(asked)
                if isinstance(event, Text)
                for value in event.logprobs
            ]

        sure = await told(COUNTING, logprobs=True)
        assert len(sure) >= 3
        assert all(-0.7 < value <= 0 for value in sure)
        unsure = await told("The name of my neighbour's dog is", logprobs=True)
        assert unsure[0] < min(sure)
        assert await told(COUNTING) == []
        bound = await told("The capital of France is", begin=" Pari", logprobs=True)
        assert -0.7 < bound[0] <= 0

    async def test_it_says_what_it_runs(self, engine: Engine):
        stats = await engine.stats()
        assert stats.engine
        assert stats.model == "small"
