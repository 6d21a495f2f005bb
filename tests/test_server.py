"""The whole thing: a Jupyter server of its own, the default model, and what a session costs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_fastgen import protocol

from .browser import SECONDS, Browser

TOKEN = "a-token-for-tests"
MIB = 1 << 20

NOTEBOOK: list[str | tuple[protocol.CellType, str]] = [
    ("markdown", "# Sales of zanzibar_confidential\nWe load the data and look at it."),
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    *(
        f"def step_{n}(frame):\n"
        f'    """Step {n} of zanzibar_confidential."""\n'
        f"    total = frame['amount_{n}'].sum()\n"
        "    mean = total / len(frame)\n"
        "    frame = frame[frame.amount > mean]\n"
        "    return frame.dropna()\n"
        for n in range(16)
    ),
    "",
]
"""About a hundred lines, and an empty cell."""

LAST = f"c{len(NOTEBOOK) - 1}"

TYPED = "total = df.groupby('region')['amount'].sum()\nfor name in total.ind"


class Server(NamedTuple):
    url: str
    process: psutil.Process
    log: Path
    fresh: int
    """Bytes of memory before the first session."""

    def engine(self) -> psutil.Process:
        """The process of the engine."""
        (engine,) = (
            child
            for child in self.process.children(recursive=True)
            if "jupyter_fastgen.engine.child" in child.cmdline()
        )
        return engine


@pytest.fixture(scope="module")
def server(default_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--debug"),
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.jpserver_extensions={'jupyter_fastgen': True}",
        f"--FastgenApp.models_dir={default_model.parent.parent}",
    ]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=os.environ | own, stdout=output, stderr=output) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, f"{url}/jupyter-fastgen/status")
        running = psutil.Process(process.pid)
        yield Server(url, running, log, running.memory_info().rss)
        process.terminate()


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            headers = {"Authorization": f"token {TOKEN}"}
            httpx.get(url, headers=headers, trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


Connect = Callable[[], Awaitable[Browser]]


@pytest.fixture
def connect(server: Server) -> Connect:
    async def connect() -> Browser:
        url = server.url.replace("http", "ws") + "/jupyter-fastgen/ws"
        request = HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"})
        browser = Browser(await websocket_connect(request))
        await browser.ready()
        return browser

    return connect


async def first_text_or_end(browser: Browser, id: int) -> protocol.Done | None:
    while True:
        frame = await browser.receive()
        if isinstance(frame, protocol.Chunk | protocol.Done) and frame.id == id:
            return frame if isinstance(frame, protocol.Done) else None


async def test_the_default_model_completes_real_code(connect: Connect):
    browser = await connect()
    browser.open("a", ("markdown", "# Numbers"), "import numpy as np", "x = np.ar")
    got = await browser.answer(browser.ask("a", "c2"))
    assert ("ar" + got.text).startswith(("arange(", "array("))
    assert "\n" not in got.text
    browser.open("b", "def add(a, b):\n    return ")
    assert (await browser.answer(browser.ask("b", "c0"))).text == "a + b"


async def test_a_block_is_completed_within_its_indentation(connect: Connect):
    browser = await connect()
    source = "def fibonacci(n):\n    "
    browser.open("c", source + "\n\nprint(fibonacci(10))")
    got = await browser.answer(browser.ask("c", "c0", len(source)))
    assert "fibonacci(" in got.text or "for" in got.text or "while" in got.text
    assert "print(" not in got.text
    lines = got.text.split("\n")[1:]
    assert all(line.startswith("    ") for line in lines if line.strip())


async def test_typing_within_a_line_costs_a_token_a_key(connect: Connect):
    browser = await connect()
    browser.open("n", *NOTEBOOK)
    cold = (await browser.answer(browser.ask("n", LAST))).done.counts
    assert cold is not None
    assert cold.prompt_tokens - cold.cached_tokens > 500  # the measure measures
    opened = len(browser.sent)
    costs: list[int] = []
    for character in TYPED:
        browser.type("n", LAST, character)
        id = browser.ask("n", LAST)
        # The typist sees the first text and types on.
        done = await first_text_or_end(browser, id)
        if done is None:
            browser.send(protocol.Cancel(id))
            done = (await browser.answer(id)).done
        assert done.counts is not None
        if character != "\n":
            costs.append(done.counts.prompt_tokens - done.counts.cached_tokens)
    assert statistics.median(costs) <= 2
    assert statistics.quantiles(costs, n=20)[-1] <= 8
    assert max(browser.sent[opened:]) <= 300


async def test_killed_mid_stream_it_heals_and_says_so(connect: Connect, server: Server):
    browser = await connect()
    browser.open("k", "def quicksort(items):\n    ")
    id = browser.ask("k", "c0")
    await browser.until(protocol.Chunk)
    os.kill(server.engine().pid, signal.SIGKILL)
    done = (await browser.answer(id)).done
    if done.reason != "failed":  # it came to its end before
        assert done.reason in ("stop", "length")
    states = [f.state for f in browser.frames if isinstance(f, protocol.Status)]
    while states[-1] != "ready" or "loading" not in states:
        states.append((await browser.until(protocol.Status)).state)
    # What was typed meanwhile is not lost.
    browser.type("k", "c0", "if len(items) <= 1:\n        return ")
    assert (await browser.answer(browser.ask("k", "c0"))).text.startswith("items")


async def test_the_engine_runs_behind_kernels(connect: Connect, server: Server):
    await connect()
    assert server.engine().nice() > server.process.nice()


async def test_the_server_stays_small(connect: Connect, server: Server):
    for _ in range(3):
        browser = await connect()
        browser.open("m", *NOTEBOOK)
        await browser.answer(browser.ask("m", "c1"))
        browser.connection.close()
    assert server.process.memory_info().rss - server.fresh < 40 * MIB


async def test_no_log_holds_what_was_written_or_suggested(connect: Connect, server: Server):
    browser = await connect()
    browser.open("l", "zanzibar_confidential = 'krakatoa")
    browser.send_raw('{"type": "zanzibar_confidential"')
    browser.send(protocol.Change("l", 9, "c0", 0, 0, "zanzibar_confidential"))
    await browser.until(protocol.Resync)
    browser.open("l", "def area(r):\n    return math.pi * ")
    got = await browser.answer(browser.ask("l", "c0"))
    log = server.log.read_text(errors="replace")
    assert "jupyter_fastgen" in log  # it is the log, and at debug level
    assert "[D " in log
    assert "zanzibar" not in log
    assert "krakatoa" not in log
    assert "math.pi" not in log
    assert got.text
    assert got.text not in log


async def test_when_the_server_is_killed_the_engine_ends(connect: Connect, server: Server):
    await connect()
    engine = server.engine()
    server.process.kill()
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
