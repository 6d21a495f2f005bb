from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from jupyter_fastgen.engine.base import Engine, EngineError, ModelSpec, Text
from jupyter_fastgen.engine.llamacpp import LlamaServer

from ..conftest import RunningServer
from .contract import COUNTING, EngineContract, answer, reached, request

Loop = asyncio.AbstractEventLoop


@pytest.fixture(scope="module")
def engine(llama_server: RunningServer, jp_asyncio_loop: Loop) -> Iterator[Engine]:
    yield from reached(LlamaServer(), llama_server.url, jp_asyncio_loop)


@pytest.fixture(scope="module")
def pid(llama_server: RunningServer) -> int:
    return llama_server.pid


class TestLlamaServerByUrl(EngineContract):
    async def test_by_the_servers_own_count_a_cancelled_answer_stops_within_a_token(
        self, engine: Engine, llama_server: RunningServer
    ):
        async with httpx.AsyncClient(base_url=llama_server.url, trust_env=False) as client:

            async def steps() -> int:
                metrics = (await client.get("/metrics")).text
                return int(metrics.split("\nllamacpp:n_decode_total ")[1].split("\n")[0])

            await answer(engine, request(max_tokens=0))
            before = await steps()
            stream = engine.stream(request(max_tokens=200))
            assert isinstance(await anext(stream), Text)
            await stream.aclose()
            # The next answer in the same slot waits for the end of the cancelled one.
            await answer(engine, request(COUNTING, max_tokens=0))
            assert await steps() - before <= 6


async def test_an_address_where_nothing_answers_is_named():
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9.*start one"):
        await LlamaServer().load(ModelSpec("x", "http://127.0.0.1:9"), lambda _: None)


async def test_an_engine_that_is_not_loaded_says_so():
    with pytest.raises(EngineError, match="not loaded"):
        await answer(LlamaServer(), request())


async def test_what_nobody_foresaw_ends_the_answer(monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise StopAsyncIteration("unforeseen")

    engine = LlamaServer()
    monkeypatch.setattr(engine, "_read", fail)
    with pytest.raises(RuntimeError, match="StopAsyncIteration"):
        await asyncio.wait_for(answer(engine, request()), 5)


@pytest.mark.parametrize("body", [b"", b'data: {"content": "x", "stop": false}\n\n', b"data: {"])
async def test_an_answer_without_an_end_is_an_error(body: bytes):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        told = {"/props": b'{"total_slots": 1}', "/tokenize": b'{"tokens": [1]}'}
        content = told.get(head.split(" ")[1], body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        engine = LlamaServer()
        await engine.load(ModelSpec("x", f"http://127.0.0.1:{port}"), lambda _: None)
        with pytest.raises(EngineError, match=f"127.0.0.1:{port} broke off"):
            await answer(engine, request())
        await engine.close()


async def test_its_model_is_asked_which_templates_it_knows(engine: Engine):
    can = (await engine.stats()).abilities
    assert can is not None
    assert (can.fim, can.chat) == ("prefix-only", "chatml")
