from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_fastgen.engine.base import Engine, EngineError, ModelSpec, Text
from jupyter_fastgen.engine.worker import Worker
from jupyter_fastgen.images import MARK

from ...tiny_vision import png
from ..contract import EngineContract, answer, request
from . import harness


@pytest.fixture(scope="module")
def engine(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Worker]:
    patch = pytest.MonkeyPatch()
    patch.setenv("FASTGEN_HARNESS", "1")
    root = Path(__file__).parents[3]
    paths = [Path(harness.__file__).with_name("stub"), root, os.environ.get("PYTHONPATH", "")]
    patch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
    worker = Worker("exllamav2", ModelSpec("small", str(harness.folder()), context=2048, slots=2))
    jp_asyncio_loop.run_until_complete(worker.ready())
    yield worker
    jp_asyncio_loop.run_until_complete(worker.close())
    patch.undo()


@pytest.fixture(scope="module")
def pid(engine: Worker) -> int:
    assert engine.pid is not None
    return engine.pid


class TestExLlamaV2InAProcess(EngineContract):
    # The contract looks for what a cancelled answer left in its document's slot. Here are no
    # slots: whatever was once computed is found again. The engine's own count tells instead.
    async def test_a_cancelled_answer_stops_within_a_token(self, engine: Engine):
        asked = request(max_tokens=400)
        async for event in engine.stream(asked):
            if isinstance(event, Text):
                engine.cancel(asked.id)
            else:
                assert event.reason == "cancelled"
                assert event.new_tokens < 50

    async def test_leaving_the_stream_cancels(self, engine: Engine):
        left = request(max_tokens=2000)
        stream = engine.stream(left)
        assert isinstance(await anext(stream), Text)
        await stream.aclose()
        # What was left would still be writing, and its id be taken.
        assert (await answer(engine, request(max_tokens=3))).done.reason == "length"

    async def test_pictures_reach_the_process(self, engine: Engine):
        assert (await engine.stats()).sees == "prompt"
        shown = request(f"It shows {MARK} and 1, 2, 3, 4,", max_tokens=6, images=(png(140),))
        told = await answer(engine, shown)
        assert told.text.startswith(" 5, 6,")
        assert told.done.prompt_tokens > 27
        with pytest.raises(EngineError, match="can't be read"):
            await answer(engine, request(MARK, images=(b"GIF89a",)))
