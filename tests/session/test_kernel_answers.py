"""What kernels are answered by a server with a real engine, and that it can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.link import URL, find


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], small_model: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"model": str(small_model)}}


async def ask(**asked: Any) -> list[protocol.FromServer]:
    told = protocol.Generate("1, 2, 3, 4, 5", **asked)
    return await asyncio.to_thread(lambda: list(find().generate(told)))


def text(frames: list[protocol.FromServer]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, protocol.Chunk))


async def test_a_kernel_is_answered_and_a_killed_engine_heals(http_server: Any):
    while URL not in os.environ:  # noqa: ASYNC110  the server tells when it listens
        await asyncio.sleep(0)
    first = await ask(max_tokens=12, temperature=1.5, seed=1)
    assert {f.phase for f in first if isinstance(f, protocol.Progress)} == {"loading", "reading"}
    done = first[-1]
    assert isinstance(done, protocol.Done)
    assert done.counts is not None
    assert 0 < done.counts.new_tokens <= 12

    # The seed decides.
    again = [text(await ask(max_tokens=12, temperature=1.5, seed=1)) for _ in range(2)]
    assert again[0] == again[1]
    others = {text(await ask(max_tokens=12, temperature=1.5, seed=seed)) for seed in range(4)}
    assert len(others) > 1

    # An edit on the same engine.
    cell = protocol.Cell("a", "code", "def f(x):\n    return x")
    edit = find().edit(protocol.Rewrite([cell], "add a docstring"))
    frames = await asyncio.to_thread(list, edit)
    assert [frame.final for frame in frames if isinstance(frame, protocol.Hunks)][-1]

    def kill() -> list[protocol.FromServer]:
        frames: list[protocol.FromServer] = []
        asked = protocol.Generate("1, 2, 3, 4, 5", max_tokens=4000, temperature=2.0)
        for frame in find().generate(asked):
            if isinstance(frame, protocol.Chunk) and not text(frames):
                for child in psutil.Process().children(recursive=True):
                    if "jupyter_fastgen.engine.child" in child.cmdline():
                        os.kill(child.pid, signal.SIGKILL)
            frames.append(frame)
        return frames

    lost = (await asyncio.to_thread(kill))[-1]
    assert isinstance(lost, protocol.Done)
    assert lost.reason == "failed"
    assert "died" in lost.why
    healed = (await ask(max_tokens=4))[-1]
    assert isinstance(healed, protocol.Done)
    assert healed.reason in ("stop", "length", "empty")
