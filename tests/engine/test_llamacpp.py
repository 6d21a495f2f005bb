from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

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
