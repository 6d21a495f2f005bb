"""Whatever comes over the two websockets and `/v1/completions`, others are served.

`make fuzz` runs this for ten minutes. FASTGEN_FUZZ_SECONDS, _SEED and _ROUND say for how long, and
with what.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import time
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import msgspec.inspect as kinds
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from jupyter_fastgen import protocol
from jupyter_fastgen.engine import frames, remote
from jupyter_fastgen.engine.base import EngineError
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.hub.completions import Body
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.session import session

from ..browser import Browser, ClosedError
from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..hub.running import Running, ask, running, send
from ..waiting import until
from .values import CANARY, bent, encoded, rounds, text, value

BROWSER = kinds.type_info(protocol.FromBrowser)
CLIENT = kinds.type_info(frames.FromClient)
ASK = kinds.type_info(frames.Ask)
GATEWAY = kinds.type_info(frames.FromGateway)
BODY = kinds.type_info(Body)

GROWTH = 20_000
"""Objects that a process may have more of, however long it ran: caches that fill."""

WIDE = Limits(rate=1e9, burst=10**9)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """At the end: nothing was logged as an error, and no text at all."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        said = logging.Formatter().format(record)
        assert record.levelno < logging.ERROR, said
        assert record.exc_info is None or CANARY not in said, said
        assert CANARY not in said, said


class Growth:
    """Looks whether the process keeps what it should let go."""

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._tasks = len(asyncio.all_tasks())

    def look(self, number: int) -> None:
        if number % 20 == 0:
            gc.collect()
            self._counts.append(len(gc.get_objects()))

    async def check(self) -> None:
        # tornado gives the other end of a websocket five seconds to say goodbye.
        end = time.monotonic() + 10
        while len(asyncio.all_tasks()) > self._tasks and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        left = [str(task) for task in asyncio.all_tasks()]
        assert len(left) <= self._tasks, "\n".join(left)
        counts = self._counts[len(self._counts) // 4 :]
        assert not counts or counts[-1] - counts[0] < GROWTH, self._counts


# --- page <-> user's server -------------------------------------------------------------


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"models_dir": str(tmp_path / "no models")}}


class Typist:
    """Types into a document that nobody else touches, and knows what must stand there."""

    def __init__(self, browser: Browser, dice: random.Random) -> None:
        self.browser, self.dice = browser, dice
        self.cells = [protocol.Cell(f"c{n}", "code", text(dice)) for n in range(3)]
        self.rev = 0
        browser.send(protocol.Open("d", self.cells))

    def act(self) -> None:
        """One thing that a page does."""
        dice, cells = self.dice, self.cells
        self.rev += 1
        at = dice.randrange(len(cells)) if cells else 0
        if cells and dice.random() < 0.7:
            cell = cells[at]
            start = dice.randint(0, len(cell.source))
            end = dice.randint(start, min(len(cell.source), start + 9))
            new = text(dice)
            source = cell.source[:start] + new + cell.source[end:]
            cells[at] = msgspec.structs.replace(cell, source=source)
            self.browser.send(protocol.Change("d", self.rev, cell.id, start, end, new))
            asked = protocol.Complete(self.rev, "d", self.rev, cell.id, start + len(new))
            self.browser.send(asked)
            if dice.random() < 0.3:
                self.browser.send(protocol.Cancel(self.rev))
        else:
            gone = dice.randint(0, min(2, len(cells) - at)) if cells else 0
            new_cell = protocol.Cell(f"n{self.rev}", "code", text(dice))
            cells[at : at + gone] = [new_cell]
            self.browser.send(protocol.Splice("d", self.rev, at, gone, [new_cell]))


async def test_the_page_may_send_anything(
    jp_ws_fetch: Callable[..., Awaitable[Any]],
    jp_serverapp: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(session, "RATE", 1e9)
    app = next(iter(jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]))
    async with running(ScriptedEngine("1 + 1\n"), limits=WIDE) as at:
        app.host._worker = RemoteEngine(at.url, "alice-token", app.host._on_worker)
        app.host.status = protocol.Status("idle", where="gateway")
        await app.host._worker.ready()
        growth = Growth()
        for number, (replay, dice) in enumerate(rounds()):
            browser = Browser(await jp_ws_fetch("jupyter-fastgen", "ws"))
            await asyncio.wait_for(_one_page(browser, app, dice), 30)
            await until(lambda: not app.sessions)
            growth.look(number)
            print(replay)
        await growth.check()
        assert at.dispatcher.scheduler.running == at.dispatcher.scheduler.waiting == 0
        await app.host._worker.retire()
        app.host._worker = None


async def _one_page(browser: Browser, app: Any, dice: random.Random) -> None:
    """A page that types well beside frames that are no such thing."""
    try:
        if dice.random() < 0.9:
            await browser.greet()
        typist = Typist(browser, dice)
        for _ in range(dice.randint(5, 40)):
            if dice.random() < 0.6:
                typist.act()
            else:
                frame = encoded(BROWSER, dice, msgspec.json.encode)
                browser.send_raw(frame if dice.random() < 0.3 else frame.decode(errors="replace"))
        await browser.ping()
        (live,) = app.sessions
        held = live._documents["d"]
        assert [(c.id, c.source) for c in held.cells] == [(c.id, c.source) for c in typist.cells]
        assert held.rev == typist.rev
        browser.connection.close()
        await browser.closed()
    except ClosedError:  # for what was sent; what it says is the page's to tell
        fault = [frame for frame in browser.frames if isinstance(frame, protocol.Fault)]
        assert fault
        assert fault[-1].fatal


# --- user's server <-> gateway ----------------------------------------------------------


async def _is_idle(at: Running) -> None:
    scheduler = at.dispatcher.scheduler
    await until(lambda: at.gateway.sockets["alice"] == 0)
    await until(lambda: scheduler.running == scheduler.waiting == 0)
    assert not at.dispatcher._turns
    assert not at.dispatcher._asked


async def test_a_client_may_send_the_gateway_anything():
    async with running(ScriptedEngine("fine"), limits=WIDE) as at:
        bob = await at.remote("bob-token")
        growth = Growth()
        for number, (replay, dice) in enumerate(rounds()):
            print(replay)
            await asyncio.wait_for(_one_client(at, dice), 30)
            assert (await collect(bob.stream(ask())))[0] == "fine"
            await _is_idle(at)
            at.accounts.clear()
            growth.look(number)
        await growth.check()


async def _one_client(at: Running, dice: random.Random) -> None:
    url, headers = f"ws{at.url[4:]}/{frames.PATH}", {"Authorization": "token alice-token"}
    heard: list[Any] = []
    # What comes is taken at once: tornado's client reads on only when it is asked to, else.
    socket = await websocket_connect(
        HTTPRequest(url, headers=headers), on_message_callback=heard.append
    )
    if dice.random() < 0.9:
        await send(socket, frames.Hello(frames.VERSION))
    pack = msgspec.msgpack.encode
    for _ in range(dice.randint(1, 30)):
        if dice.random() < 0.6:
            frame = pack({"type": "start", "request": value(ASK, dice)})
            frame = bent(frame, dice) if dice.random() < 0.1 else frame
        else:
            frame = encoded(CLIENT, dice, pack)
        with contextlib.suppress(WebSocketClosedError):
            await socket.write_message(frame, binary=dice.random() < 0.98)
    await asyncio.sleep(dice.choice([0, 0.01]))
    socket.close()


async def test_a_gateway_may_send_anything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "WAITS", (0.01,))
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.5)
    dice = random.Random()
    real = frames.encode

    def encode(frame: frames.FromGateway | frames.FromClient) -> bytes:
        if isinstance(frame, frames.Hello | frames.Start | frames.Stop) or dice.random() < 0.5:
            return real(frame)
        return encoded(GATEWAY, dice, msgspec.msgpack.encode)

    monkeypatch.setattr(frames, "encode", encode)
    async with running(ScriptedEngine("fine"), limits=WIDE) as at:
        growth = Growth()
        for number, (replay, drawn) in enumerate(rounds()):
            print(replay)
            dice = drawn
            alice = RemoteEngine(at.url, "alice-token")
            for id in range(1, 6):
                with contextlib.suppress(EngineError):
                    await asyncio.wait_for(alice.ready(), 10)
                    stream = collect(alice.stream(ask(id, priority="ghost")))
                    with contextlib.suppress(asyncio.TimeoutError):
                        # What never says that it ends is left, as a page leaves it.
                        await asyncio.wait_for(stream, 0.2)
            assert not alice._streams
            assert not alice._running
            await alice.retire()
            await _is_idle(at)
            at.accounts.clear()
            growth.look(number)
        await growth.check()


# --- /v1/completions --------------------------------------------------------------------


async def test_other_tools_may_send_anything():
    async with running(ScriptedEngine("fine"), limits=WIDE) as at:
        bob = await at.remote("bob-token")
        growth = Growth()
        for number, (replay, dice) in enumerate(rounds()):
            print(replay)
            await asyncio.wait_for(_one_call(at, dice), 30)
            if number % 10 == 0:
                assert (await collect(bob.stream(ask())))[0] == "fine"
                await _is_idle(at)
            at.accounts.clear()
            growth.look(number)
        await growth.check()


async def _one_call(at: Running, dice: random.Random) -> None:
    """A call that may be broken in its head, in its body, or in the middle."""
    body = encoded(BODY, dice, msgspec.json.encode)
    length = len(body) if dice.random() < 0.9 else dice.randint(0, 10**6)
    head = (
        f"POST /services/fastgen/v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer alice-token\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
    call = (bent(head, dice) if dice.random() < 0.1 else head) + body
    where = urlsplit(at.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(call)
    with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
        answer = await asyncio.wait_for(reader.read(), 0.2 if length > len(body) else 10)
        status = answer.partition(b"\r\n")[0].split(b" ")
        assert len(status) < 2 or status[1] not in (b"500", b"501"), answer
        assert answer or length != len(body) or not call.startswith(head)
    writer.close()
