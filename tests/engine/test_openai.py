"""The engine for OpenAI's API, on the one real server of this machine that has it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from jupyter_fastgen.engine.base import Engine, Request, Text
from jupyter_fastgen.engine.openai import OpenAIServer

from ..conftest import RunningServer
from .contract import EngineContract, answer, reached, request

Loop = asyncio.AbstractEventLoop


@pytest.fixture(scope="module")
def engine(llama_server: RunningServer, jp_asyncio_loop: Loop) -> Iterator[Engine]:
    yield from reached(OpenAIServer(), f"{llama_server.url}/v1", jp_asyncio_loop)


@pytest.fixture(scope="module")
def pid(llama_server: RunningServer) -> int:
    return llama_server.pid


class TestOpenAIServer(EngineContract):
    async def test_it_is_told_how_much_of_a_long_prompt_is_read(self, engine: Engine):
        # The API has no word for it: nothing may be made up.
        asked = Request(1, " ".join(map(str, range(300))), max_tokens=2, progress=True)
        events = [event async for event in engine.stream(asked)]
        assert all(event.read is None for event in events if isinstance(event, Text))

    async def test_an_answer_from_another_start_computes_no_prompt_again(self, engine: Engine):
        # Whether the prompt is computed again is up to the server, whose slot may still be busy
        # with what was left because it began otherwise.
        prompt = "The cat sat on the mat. A dog ran in the park! Then"
        told = await answer(engine, request(prompt, starts=3))
        begins = [start.text for start in told.done.starts]
        texts = [
            (await answer(engine, request(prompt, begin=begin, max_tokens=6))).text
            for begin in begins
        ]
        assert len(set(texts)) == 3
        assert all(text.startswith(begin) for text, begin in zip(texts, begins, strict=True))

    async def test_it_says_what_it_runs(self, engine: Engine):
        stats = await engine.stats()
        assert "SmolLM2" in stats.model
        assert stats.context == 2048

    async def test_what_the_server_can_is_found_by_asking(self, engine: Engine):
        can = (await engine.stats()).abilities
        assert can is not None
        assert (can.server, can.fim, can.chat) == ("llamacpp", "prefix-only", "chatml")
        assert (can.choices, can.counts, can.grammar) == (20, True, "grammar")
        assert (can.aborts, can.salts, can.prioritizes) == (True, False, False)
