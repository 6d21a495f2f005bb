"""A gateway before a server with OpenAI's API: one that does what it is told, and a real one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine import remote as remote_engine
from jupyter_fastgen.engine.base import Abilities, BusyError, Done, EngineError, ModelSpec, Text
from jupyter_fastgen.engine.openai import OpenAIServer
from jupyter_fastgen.engine.worker import Worker
from jupyter_fastgen.hub import breaker
from jupyter_fastgen.hub.limits import Limits

from ..conftest import serving
from ..engine import contract
from ..engine.collecting import collect
from ..engine.faulty import Faulty, faulty, piece, reply, stream
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .running import Running, ask, receive, running, send

FIELDS = {"CompletionRequest": ["cache_salt", "priority"]}


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + stream(piece("a"), end=""))
    await writer.drain()


@asynccontextmanager
async def before(fields: dict[str, list[str]]) -> AsyncGenerator[tuple[Faulty, Running], None]:
    """A gateway before a faulty server."""
    async with faulty() as server:
        server.fields = fields
        engine = OpenAIServer(patience=2.0)
        await engine.load(ModelSpec("far", f"{server.url}/v1"), lambda _: None)
        server.asked.clear()
        try:
            async with running(engine, limits=Limits(rate=100.0, burst=100)) as at:
                yield server, at
        finally:
            await engine.close()


async def test_users_have_salts_of_their_own_and_people_who_wait_go_first():
    async with before(FIELDS) as (server, at):
        for token in ("alice-token", "bob-token"):
            remote = await at.remote(token)
            for priority in ("explicit", "prefetch"):
                assert (await collect(remote.stream(ask(priority=priority))))[0] == "fine"
        salts = [asked["cache_salt"] for asked in server.asked]
        assert salts[0] == salts[1] != salts[2] == salts[3]
        assert [asked["priority"] for asked in server.asked] == [0, 2, 0, 2]


async def test_a_server_that_knows_neither_is_sent_neither():
    async with before({}) as (server, at):
        await collect((await at.remote()).stream(ask()))
        assert not {"cache_salt", "priority"} & set(server.asked[0])


@pytest.mark.parametrize("how", ["stop", "newer", "gone"])
async def test_what_is_not_wanted_is_not_written_on(how: str):
    async with before({}) as (server, at):
        server.replies = [endless]
        remote = await at.greeted()
        await send(remote, frames.Start.of(frames.Ask(1, "x", document="d")))
        assert await receive(remote) == Text(1, "a")
        if how == "stop":
            await send(remote, frames.Stop(1))
        elif how == "newer":
            await send(remote, frames.Start.of(frames.Ask(2, "xy", document="d")))
        else:
            remote.close()
        await asyncio.wait_for(server.closed.wait(), 5)
        await until(lambda: at.scheduler.running == 0)


async def test_the_servers_own_limit_is_a_pause():
    async with before({}) as (server, at):
        server.replies = [reply(b"{}", "429 Too Many Requests", "Retry-After: 60")]
        with pytest.raises(BusyError, match="busy"):
            await collect((await at.remote()).stream(ask()))
        assert at.accounts[0].status == "busy"
        assert not at.breaker.is_open


async def test_an_answer_that_breaks_off_stops_nobody_else():
    async with before({}) as (server, at):
        server.replies = [reply(stream(piece("half"), end=""))]
        with pytest.raises(EngineError, match="broke off"):
            await collect((await at.remote()).stream(ask()))
        await until(lambda: not at.breaker.is_open)
        assert (await collect((await at.remote()).stream(ask())))[0] == "fine"


async def test_a_silent_server_is_probed_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(breaker, "WAITS", (0.01,))
    monkeypatch.setattr(breaker, "PROBE_SECONDS", 0.1)

    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)

    async with before({}) as (server, at):
        server.replies = [silent] * 4
        with pytest.raises(BusyError, match="not there"):
            await collect((await at.remote()).stream(ask()))
        assert at.breaker.is_open
        asked = len(server.asked)
        socket = await at.greeted("bob-token")
        for id in range(20):
            await send(socket, frames.Start.of(frames.Ask(id, "x", document=f"d{id}")))
            said = await receive(socket)
            assert isinstance(said, frames.Busy)
            assert "not there" in said.reason
            assert said.retry_ms >= 500
        assert len(server.asked) - asked <= 3
        answer = await at.fetch("v1/completions", method="POST", body='{"prompt": "x"}')
        assert answer.code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await at.fetch("health")).code == 503
        await until(lambda: not at.breaker.is_open)
        assert (await collect((await at.remote("bob-token")).stream(ask())))[0] == "fine"
        assert {row.status for row in at.accounts} == {"failed", "down", "stop"}


# --- a real server -----------------------------------------------------------


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def test_a_real_server_is_asked_cancelled_lost_and_found_again(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(breaker, "WAITS", (0.3,))
    port = _port()
    worker = Worker("url", ModelSpec("far", f"http://127.0.0.1:{port}/v1"))
    try:
        async with running(worker, limits=Limits(rate=100.0, burst=100)) as at:
            with serving(small_model, port=port) as server:
                await worker.ready()
                remote = await at.remote()
                told = await contract.answer(remote, contract.request(max_tokens=6))
                assert told.text.strip().startswith("16,")
                asked = contract.request(max_tokens=400)
                pieces = 0
                async for event in remote.stream(asked):
                    pieces += isinstance(event, Text)
                    remote.cancel(asked.id)
                    if isinstance(event, Done):
                        assert event.reason == "cancelled"
                assert pieces < 50
                os.kill(server.pid, signal.SIGKILL)
            with pytest.raises(BusyError, match="not there"):
                await contract.answer(remote, contract.request(max_tokens=2))
            assert at.breaker.is_open
            with serving(small_model, port=port):
                await until(lambda: not at.breaker.is_open)
                later = await at.remote("bob-token")
                told = await contract.answer(later, contract.request(max_tokens=6))
                assert told.text.strip().startswith("16,")
    finally:
        await worker.close()


async def test_a_server_that_has_not_answered_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote_engine, "CONNECT_SECONDS", 0.5)
    async with running(ScriptedEngine("x")) as at:
        (model,) = at.gateway.models
        model.loaded.clear()
        with pytest.raises(EngineError, match=r"not there.*tried again"):
            await at.remote()
        model.set_loaded(Abilities())
        await until(lambda: at.remotes[0].state.state == "ready")
        assert (await collect(at.remotes[0].stream(ask())))[0] == "x"
