"""Two gateways that users' servers choose from; what becomes of them when one goes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine import remote as remote_engine
from jupyter_fastgen.engine.base import EngineError, Text
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.hub.auth import digest

from ..engine.collecting import collect
from ..engine.contract import answer, request
from ..engine.faulty import faulty, piece, stream
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .processes import free_port, gateway
from .running import HeldEngine, ask, receive, running, send

USERS = 20
"""That all are at one of two gateways happens once in half a million."""


@dataclass
class Pair:
    folder: Path
    model: str
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))

    @property
    def setting(self) -> str:
        return "fastgen+" + ",".join(f"http://127.0.0.1:{port}" for port in self.ports)

    @contextmanager
    def start(self, which: int) -> Generator[psutil.Popen]:
        name = f"gateway{which}"
        with gateway(
            self.folder,
            self.ports[which],
            name,
            model=self.model,
            slots=2,
            token_file=str(self.folder / "tokens"),
            salt_secret="shared",
            open_metrics=True,
            limits={"ghost": {"prompt_tokens": 4096, "new_tokens": 64, "wait_s": 30, "run_s": 60}},
            usage_file=str(self.folder / f"{name}.json"),
        ) as process:
            yield process

    async def sockets(self, which: int) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            told = await client.get(f"http://127.0.0.1:{self.ports[which]}/metrics")
        for line in told.text.splitlines():
            if line.startswith("jupyter_fastgen_gateway_sockets "):
                return int(float(line.split()[1]))
        raise AssertionError("it is not told")


@asynccontextmanager
async def people(pair: Pair) -> AsyncGenerator[list[RemoteEngine], None]:
    remotes = [RemoteEngine(pair.setting, f"t{number}") for number in range(USERS)]
    try:
        await asyncio.gather(*(remote.ready() for remote in remotes))
        yield remotes
    finally:
        await asyncio.gather(*(remote.retire() for remote in remotes))


async def slowly(writer: asyncio.StreamWriter) -> None:
    """An answer of a second and a half, and of 30 pieces."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(30):
        writer.write(stream(piece("x"), end=""))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(stream(piece("", "stop")))


async def test_users_are_spread_and_go_on_at_the_other_when_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote_engine, "AWAY_SECONDS", 0.5)
    tokens = tmp_path / "tokens"
    tokens.write_text("".join(f"u{n} {digest(f't{n}')}\n" for n in range(USERS)))
    tokens.chmod(0o600)
    async with faulty() as server:
        pair = Pair(tmp_path, f"{server.url}/v1")
        with ExitStack() as stack:

            async def start(which: int) -> psutil.Popen:
                return await asyncio.to_thread(stack.enter_context, pair.start(which))

            first, second = await asyncio.gather(start(0), start(1))
            async with people(pair) as remotes:
                at = [remote._way.url for remote in remotes]
                assert len(set(at)) == 2
                assert await pair.sockets(0) + await pair.sockets(1) == USERS
                async with people(pair) as again:
                    assert [remote._way.url for remote in again] == at

                # One is told to end: what it writes it writes to the end.
                server.replies = [slowly]
                of_first = [one for one in remotes if str(pair.ports[0]) in one._way.url]
                writing = of_first[0].stream(request())
                assert isinstance(await anext(writing), Text)
                first.send_signal(signal.SIGTERM)
                rest = [event async for event in writing]
                assert sum(isinstance(event, Text) for event in rest) == 29
                assert await asyncio.to_thread(first.wait, 20) == 0
                await _all_answered(remotes)
                assert await pair.sockets(1) == USERS

                # The other is killed: what it writes is lost, and nothing else.
                await start(0)
                server.replies = [slowly]
                writing = remotes[0].stream(request())
                assert isinstance(await anext(writing), Text)
                second.kill()
                with pytest.raises(EngineError, match=r"lost.*comes back"):
                    _ = [event async for event in writing]
                await _all_answered(remotes)
                assert await pair.sockets(0) == USERS


async def _all_answered(remotes: list[RemoteEngine]) -> None:
    for remote in remotes:
        for _ in range(100):
            try:
                assert (await answer(remote, request())).text == "fine"
                break
            except EngineError:
                await asyncio.sleep(0.1)
        else:
            raise AssertionError(remote.state)


# --- within a process --------------------------------------------------------


async def test_who_ends_begins_nothing_and_sends_everybody_away():
    engine = HeldEngine()
    async with running(engine) as at:
        busy, idle = await at.greeted(), await at.greeted("bob-token")
        await send(busy, frames.Start.of(frames.Ask(1, "x", document="d")))
        await receive(busy)
        ending = asyncio.create_task(at.gateway.drain(30.0))
        assert await receive(idle) is None
        assert idle.close_code == frames.GOING_AWAY
        await send(busy, frames.Start.of(frames.Ask(2, "x", document="e")))
        assert isinstance(await receive(busy), frames.Busy)
        assert (await at.fetch("health")).code == 503
        body = '{"prompt": "x"}'
        assert (await at.fetch("v1/completions", method="POST", body=body)).code == 503
        engine.let_go.set()
        done = await receive(busy)
        assert getattr(done, "reason", "") == "stop"
        assert await receive(busy) is None
        assert busy.close_code == frames.GOING_AWAY
        await ending


async def test_an_answer_that_takes_too_long_does_not_keep_a_gateway_that_ends():
    engine = HeldEngine()
    async with running(engine) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "x", document="d")))
        await receive(socket)
        await asyncio.wait_for(at.gateway.drain(0.1), 5)
        assert await receive(socket) is None
        await until(lambda: engine.cancelled)


async def test_what_a_person_waits_for_is_asked_of_the_next_gateway(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(remote_engine, "AWAY_SECONDS", 0.1)
    held = HeldEngine()
    async with running(held) as ending, running(ScriptedEngine("from the other")) as other:
        remote = RemoteEngine(ending.url, "alice-token")
        other.remotes.append(remote)
        await remote.ready()
        first = asyncio.create_task(collect(remote.stream(ask(1, document="a"))))
        await until(lambda: held.started)
        draining = asyncio.create_task(ending.gateway.drain(5.0))
        await asyncio.sleep(0)
        second = asyncio.create_task(
            collect(remote.stream(ask(2, document="b", priority="explicit")))
        )
        await until(lambda: remote._paused_until)
        remote._way = type(remote._way)(other.url, "alice-token")
        held.let_go.set()
        assert (await first)[0] == "written"
        assert (await second)[0] == "from the other"
        await draining
