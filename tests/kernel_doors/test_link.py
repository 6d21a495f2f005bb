"""How code in a kernel reaches its server, or another."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.link import SECRET, URL, LinkError, find

from .conftest import LONG, at_rest, writes


async def test_a_kernel_reaches_its_server_by_itself(app: FastgenApp):
    def work() -> tuple[str, list[protocol.FromServer], protocol.Status, list[Any]]:
        link = find()
        asked = protocol.Generate("count")
        return link.where, list(link.generate(asked)), link.status(), link.models()

    where, told, status, models = await asyncio.to_thread(work)
    assert "".join(f.text for f in told if isinstance(f, protocol.Chunk)).startswith("def count")
    assert "/user/ann/" in where
    assert "environment" in where
    assert isinstance(told[-1], protocol.Done)
    assert status.state == "ready"
    assert "qwen2.5-coder-0.5b" in {model["name"] for model in models}


async def test_a_server_is_reached_by_url_and_token(app: FastgenApp, jp_serverapp: Any):
    token = jp_serverapp.identity_provider.token
    url = os.environ[URL]
    for link in (find(url, token), find(f"{url}lab/tree/x.ipynb?token={token}")):
        status = await asyncio.to_thread(link.status)
        assert status.model == "scripted"
        told = await asyncio.to_thread(list, link.generate(protocol.Generate("x")))
        assert isinstance(told[-1], protocol.Done)


async def test_a_wrong_token_or_secret_is_said_with_the_way_out(app: FastgenApp, monkeypatch: Any):
    for token in ("wrong", ""):
        link = find(os.environ[URL], token)
        with pytest.raises(LinkError, match=r"token is wrong.*jupyter server list"):
            await asyncio.to_thread(link.status)
        with pytest.raises(LinkError, match="token is wrong or missing"):
            await asyncio.to_thread(list, link.generate(protocol.Generate("x")))
    monkeypatch.setenv(SECRET, "old")
    with pytest.raises(LinkError, match="restart the kernel"):
        await asyncio.to_thread(find().status)


async def test_a_stream_is_cancelled_from_another_thread(app: FastgenApp):
    writes(app, LONG)
    stream = find().generate(protocol.Generate("x"))

    def work() -> list[protocol.FromServer]:
        told: list[protocol.FromServer] = []
        for frame in stream:
            told.append(frame)
            if isinstance(frame, protocol.Chunk):
                loop.call_soon_threadsafe(stream.cancel)
        return told

    loop = asyncio.get_running_loop()
    told = await asyncio.wait_for(asyncio.to_thread(work), 60)
    assert told[-1] == protocol.Done(1, "cancelled")
    await at_rest(app)


async def test_a_stream_that_is_cancelled_before_asks_nothing(app: FastgenApp):
    stream = find().generate(protocol.Generate("x"))
    stream.cancel()
    assert await asyncio.to_thread(list, stream) == [protocol.Done(1, "cancelled")]
    assert not app.edits.is_running


ASK = """
from jupyter_fastgen import protocol
from jupyter_fastgen.link import find
print("".join(getattr(frame, "text", "") for frame in find().generate(protocol.Generate("count"))))
"""


async def test_a_kernel_that_the_server_starts_is_answered(app: FastgenApp, jp_serverapp: Any):
    kernels = jp_serverapp.kernel_manager
    client = kernels.get_kernel(await kernels.start_kernel()).client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    said: list[str] = []
    await client.execute_interactive(
        ASK, output_hook=lambda message: said.append(str(message["content"])), timeout=60
    )
    client.stop_channels()
    await kernels.shutdown_all(now=True)
    assert "def count" in "".join(said)
