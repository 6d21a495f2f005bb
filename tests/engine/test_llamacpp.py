from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from jupyter_fastgen.engine.base import ModelSpec
from jupyter_fastgen.engine.worker import Worker

from .contract import EngineContract


@pytest.fixture(scope="module")
def engine(small_model: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Worker]:
    worker = Worker("llamacpp", ModelSpec("small", str(small_model), context=2048, slots=2))
    jp_asyncio_loop.run_until_complete(worker.ready())
    yield worker
    jp_asyncio_loop.run_until_complete(worker.close())


@pytest.fixture(scope="module")
def pid(engine: Worker) -> int:
    assert engine.pid is not None
    return engine.pid


class TestLlamaCppInAProcess(EngineContract):
    pass


async def test_without_its_key_the_engine_answers_nobody(engine: Worker, pid: int):
    connections = psutil.Process(pid).net_connections("inet")
    (listening,) = {one.laddr for one in connections if one.status == psutil.CONN_LISTEN}
    assert listening.ip == "127.0.0.1"
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{listening.port}", trust_env=False
    ) as anybody:
        for path in ("completion", "v1/completions", "infill", "tokenize", "embeddings"):
            assert (await anybody.post(path, json={"prompt": "x"})).status_code == 401
        for path in ("slots", "props", "metrics", "models", "lora-adapters"):
            assert (await anybody.get(path)).status_code == 401
