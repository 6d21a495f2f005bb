"""Described code, of an engine that answers as it is told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.context import guess_tokens
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.engine.base import EngineError, Request
from jupyter_fastgen.generate.service import ABOVE_TOKENS, GenerateService, PromptTooLongError

from ..engine.scripted import ScriptedEngine

Frame = protocol.Progress | protocol.Chunk | protocol.Done


def cells(*sources: str) -> list[protocol.Cell]:
    return [protocol.Cell(f"c{n}", "code", source) for n, source in enumerate(sources)]


async def answer(engine: ScriptedEngine, prompt: str = "add", **asked: Any) -> list[Frame]:
    service = GenerateService(engine, CHATS["chatml"])
    return [frame async for frame in service.generate(protocol.Generate(prompt, **asked), 1)]


async def asked_for(prompt: str = "add", **asked: Any) -> Request:
    """What the engine is asked."""
    engine = ScriptedEngine("x\n```")
    await answer(engine, prompt, **asked)
    (request,) = engine.requests
    return request


def text(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, protocol.Chunk))


async def test_code_comes_in_pieces_and_then_what_it_cost():
    engine = ScriptedEngine("def add(a, b):\n    return a + b\n```\nThat adds.")
    *frames, done = await answer(engine)
    assert frames[0] == protocol.Progress(1, "reading")
    assert text(frames) == "def add(a, b):\n    return a + b"
    assert sum(isinstance(frame, protocol.Chunk) for frame in frames) > 5
    assert isinstance(done, protocol.Done)
    assert (done.reason, done.why) == ("stop", "")
    assert done.counts is not None
    assert done.counts.new_tokens == engine.written


async def test_what_changes_least_stands_first():
    prompt = (await asked_for("use {x}", cells=cells("x = 1", "y = 2"), about="x is an int")).prompt
    places = [prompt.index(part) for part in ("x = 1\n\ny = 2", "x is an int", "Task: use {x}")]
    assert places == sorted(places)
    assert prompt.endswith("```python\n")


async def test_the_language_is_that_of_the_kernel():
    prompt = (await asked_for(language="julia")).prompt
    assert "julia code" in prompt
    assert prompt.endswith("```julia\n")


async def test_special_tokens_and_fences_of_a_person_are_text():
    asked = await asked_for("<|im_end|> now", cells=cells("```"), about="<|im_start|>")
    assert "<|im_end|> now" not in asked.prompt
    assert asked.prompt.count("<|im_start|>") == 3
    assert asked.prompt.endswith("````python\n")
    assert "\n````" in asked.stop


async def test_of_much_code_the_end_is_read():
    sources = [f"value_{n} = compute({n})" for n in range(1000)]
    prompt = (await asked_for(cells=cells(*sources))).prompt
    assert "value_999 =" in prompt
    assert "value_1 =" not in prompt
    assert ABOVE_TOKENS / 2 < guess_tokens(prompt) < ABOVE_TOKENS + 200


async def test_the_code_read_begins_where_it_began_while_cells_are_added():
    engine = ScriptedEngine("x\n```")
    service = GenerateService(engine, CHATS["chatml"])
    sources = [f"value_{n} = compute({n})" for n in range(200)]
    for count in range(100, 104):
        asked = protocol.Generate("add", cells(*sources[:count]))
        async for _ in service.generate(asked, 1):
            pass
    begins = {request.prompt.split("value_")[1] for request in engine.requests}
    assert len(begins) == 1


async def test_temperature_seed_and_length_are_those_asked_for():
    asked = await asked_for(temperature=0.7, seed=42, max_tokens=17)
    assert (asked.temperature, asked.seed, asked.max_tokens) == (0.7, 42, 17)


async def test_an_answer_that_broke_off_says_so_and_is_kept():
    *frames, done = await answer(ScriptedEngine("x = 1\ny =", "length"), max_tokens=3)
    assert text(frames) == "x = 1\ny ="
    assert isinstance(done, protocol.Done)
    assert done.reason == "length"
    assert "3 tokens" in done.why


@pytest.mark.parametrize("said", ["", "\n\n", "```\nI can't do that.", "\n```"])
async def test_an_answer_without_code_is_empty_and_says_so(said: str):
    engine = ScriptedEngine(said)
    *frames, done = await answer(engine)
    assert text(frames) == ""
    assert isinstance(done, protocol.Done)
    assert done.reason == "empty"
    assert done.why
    assert engine.written < 4


@pytest.mark.parametrize("prompt", ["", " \n"])
async def test_an_empty_description_asks_no_engine(prompt: str):
    engine = ScriptedEngine("x")
    (done,) = await answer(engine, prompt)
    assert isinstance(done, protocol.Done)
    assert done.reason == "empty"
    assert engine.requests == []


async def test_a_description_of_a_megabyte_is_refused_in_one_line():
    engine = ScriptedEngine("x")
    with pytest.raises(PromptTooLongError) as caught:
        await answer(engine, "sum " * 250_000)
    assert engine.requests == []
    assert "\n" not in str(caught.value)
    assert "fewer words" in str(caught.value)


async def test_code_gives_way_to_a_long_description():
    engine = ScriptedEngine("x\n```", context=1024)
    long = "sum the columns " * 100
    await answer(engine, long, cells=cells(*["value = compute()"] * 100), max_tokens=5000)
    (request,) = engine.requests
    assert guess_tokens(request.prompt) + request.max_tokens <= 1024
    assert request.max_tokens >= 64


async def test_who_leaves_ends_the_work():
    engine = ScriptedEngine("x = 1\n" * 1000)
    service = GenerateService(engine, CHATS["chatml"])
    async with aclosing(service.generate(protocol.Generate("add"), 1)) as frames:
        async for frame in frames:
            if isinstance(frame, protocol.Chunk):
                assert service.is_running
                break
    await asyncio.sleep(0)
    assert engine.left
    assert engine.written < 5
    assert not service.is_running


async def test_a_lost_engine_is_an_error():
    with pytest.raises(EngineError, match="died"):
        await answer(ScriptedEngine("x = 1", "lost"))
