"""Pictures in prompts, by a small model whose projector has random weights: it sees nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_fastgen.engine.base import EngineError, ModelSpec
from jupyter_fastgen.engine.served import adapter
from jupyter_fastgen.engine.worker import Worker
from jupyter_fastgen.images import MARK

from ..conftest import RunningServer, serving
from ..tiny_vision import TOKENS, png, write_projector
from .contract import answer, cancelled, request

SHOWN = f"Here is a picture: {MARK} It shows"


@pytest.fixture(scope="module")
def engine(
    small_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Worker]:
    projector = write_projector(tmp_path_factory.mktemp("projector") / "mmproj.gguf")
    spec = ModelSpec("small", str(small_model), context=1024, slots=1, projector=str(projector))
    worker = Worker("llamacpp", spec)
    jp_asyncio_loop.run_until_complete(worker.ready())
    yield worker
    jp_asyncio_loop.run_until_complete(worker.close())


async def test_a_picture_is_part_of_the_prompt_and_the_answer_streams(engine: Worker):
    assert (await engine.stats()).sees == "prompt"
    without = await answer(engine, request(SHOWN.replace(MARK, ""), max_tokens=1))
    got = await answer(engine, request(SHOWN, max_tokens=8, images=(png(),)))
    more = got.done.prompt_tokens - without.done.prompt_tokens
    assert TOKENS <= more <= TOKENS + 2  # the text is cut in two, and so otherwise into tokens
    assert len(got.pieces) > 3
    assert got.done.new_tokens == 8
    twice = request(SHOWN + f" not {MARK} but", max_tokens=1, images=(png(), png(40)))
    both = await answer(engine, twice)
    assert both.done.prompt_tokens - without.done.prompt_tokens >= 2 * TOKENS


async def test_text_after_a_picture_is_written_as_before(engine: Worker):
    await answer(engine, request(SHOWN, max_tokens=2, images=(png(),)))
    got = await answer(engine, request(max_tokens=8))
    assert got.text.strip().startswith("16, 17")


async def test_an_answer_about_a_picture_may_be_cancelled_and_begins_as_bound(engine: Worker):
    asked = request(SHOWN, max_tokens=200, images=(png(),), begin=" def")
    text = (await cancelled(engine, asked)).text
    assert " def".startswith(text) or text.startswith(" def")


@pytest.mark.parametrize(
    ("prompt", "image", "reason"),
    [
        (SHOWN, png()[:60], "image"),
        (SHOWN, b"GIF89a", "PNG and JPEG"),
        (SHOWN, b"RIFF\0\0\0\0WEBPVP8 ", "PNG and JPEG"),
        ("Nothing here", png(), "1 pictures, and not as many places"),
        (f"See {MARK}", png(), "nothing follows"),
    ],
)
async def test_a_broken_picture_is_an_error_and_no_more(
    engine: Worker, prompt: str, image: bytes, reason: str
):
    with pytest.raises(EngineError, match=reason):
        await answer(engine, request(prompt, max_tokens=1, images=(image,)))
    assert (await answer(engine, request(max_tokens=2))).done.reason == "length"


@pytest.fixture(scope="module")
def seeing_server(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    projector = write_projector(tmp_path_factory.mktemp("projector") / "mmproj.gguf")
    with serving(small_model, str(projector)) as server:
        yield server


@pytest.mark.parametrize(("api", "sees"), [("", "prompt"), ("/v1", "chat")])
async def test_a_server_of_others_is_shown_pictures_by_either_api(
    seeing_server: RunningServer, api: str, sees: str
):
    spec = ModelSpec("small", seeing_server.url + api)
    engine = await adapter(spec)
    await engine.load(spec, lambda _: None)
    try:
        assert (await engine.stats()).sees == sees
        one = await answer(engine, request(SHOWN, max_tokens=6, images=(png(),)))
        assert len(one.pieces) > 2
        assert one.done.new_tokens == 6
        both = request(f"{SHOWN} not {MARK} but", max_tokens=1, images=(png(), png(40)))
        more = (await answer(engine, both)).done.prompt_tokens - one.done.prompt_tokens
        assert more >= TOKENS
        broken = request(SHOWN, max_tokens=1, images=(png()[:60],))
        with pytest.raises(EngineError):
            await answer(engine, broken)
        assert (await answer(engine, request(max_tokens=2))).done.reason == "length"
    finally:
        await engine.close()


async def test_a_model_without_a_projector_says_that_it_can_not_see(small_model: Path):
    worker = Worker("llamacpp", ModelSpec("small", str(small_model), context=512, slots=1))
    try:
        await worker.ready()
        assert (await worker.stats()).sees == ""
        with pytest.raises(EngineError, match=r"can't see.*projector"):
            await answer(worker, request(SHOWN, images=(png(),)))
    finally:
        await worker.close()


async def test_a_projector_that_does_not_fit_is_an_error(small_model: Path, tmp_path: Path):
    projector = write_projector(tmp_path / "mmproj.gguf", width=64)
    spec = ModelSpec("small", str(small_model), context=512, slots=1, projector=str(projector))
    worker = Worker("llamacpp", spec)
    try:
        with pytest.raises(EngineError, match="can't load"):
            await worker.ready()
    finally:
        await worker.close()
