"""How soon a cell starts and ends, with a person typing beside it and without the extension.

Two real servers run, each with a kernel; only one has the extension. In turns the same short cell
is executed on each, on the second one between the keys of a typist, at times that now and then
meet a look-up of the live kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ...document import Cell, Document
from .. import stats
from .browser import BenchError, Browser
from .server import JupyterServer, run_server
from .typist import split_keys

CODE = "total = sum(range(1000))"

TEXT = "def mean(values):\n    return sum(values) / len(values)\n\n\nprint(mean([1, 2, 3]))\n"

KEY_S = 0.15

WAITS_S = (0.05, 0.6)
"""Between the end of a cell and the start of the next one, drawn evenly."""

SECONDS = 30.0
"""The longest wait for an answer of a kernel."""


class Starting(msgspec.Struct, frozen=True):
    """Milliseconds from the request to run a cell to its start and its end."""

    cells: int
    start_without: stats.Spread
    start_beside: stats.Spread
    end_without: stats.Spread
    end_beside: stats.Spread
    later: float | None
    """The difference of the medians to the start."""


def measure(cells: int, seed: int) -> Starting:
    """Run `cells` cells on each server; raises `BenchError`."""
    with run_server(extension=False) as plain, run_server() as ours:
        return asyncio.run(_measure(plain, ours, cells, seed))


async def _measure(plain: JupyterServer, ours: JupyterServer, cells: int, seed: int) -> Starting:
    draw = random.Random(seed)
    times: dict[str, list[tuple[float, float]]] = {"without": [], "beside": []}
    async with (
        Browser.connected(ours.url, ours.token) as browser,
        _kernel(plain) as without,
        _kernel(ours) as beside,
    ):
        turn = 10
        for _ in range(0, cells, turn):
            times["without"] += await _run(without, turn, draw)
            typing = asyncio.create_task(_type(browser))
            times["beside"] += await _run(beside, turn, draw)
            typing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await typing
            await browser.settle()
    starts = {name: stats.spread(start for start, _ in found) for name, found in times.items()}
    ends = {name: stats.spread(end for _, end in found) for name, found in times.items()}
    one, other = starts["without"].p50, starts["beside"].p50
    return Starting(
        cells=len(times["beside"]),
        start_without=starts["without"],
        start_beside=starts["beside"],
        end_without=ends["without"],
        end_beside=ends["beside"],
        later=None if one is None or other is None else round(other - one, 2),
    )


async def _type(browser: Browser) -> None:
    """Type into the notebook of the kernel until cancelled."""
    document = Document("python", "a.ipynb", 0, [Cell("c0", "code", "")])
    await browser.open(document)
    while True:
        for insert in split_keys(TEXT):
            await browser.type("c0", insert)
            await asyncio.sleep(KEY_S)


async def _run(kernel: _Kernel, count: int, draw: random.Random) -> list[tuple[float, float]]:
    times: list[tuple[float, float]] = []
    for _ in range(count):
        await asyncio.sleep(draw.uniform(*WAITS_S))
        times.append(await kernel.run(CODE))
    return times


class _Kernel:
    """The channels of a kernel, as the page has them."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._session = uuid.uuid4().hex

    async def run(self, code: str) -> tuple[float, float]:
        """Milliseconds until the kernel is busy with `code`, and until it is idle again."""
        clock = asyncio.get_running_loop().time
        id = uuid.uuid4().hex
        asked = clock()
        await self._connection.write_message(json.dumps(_execute_request(id, self._session, code)))
        start = 0.0
        async for state in self._states(id):
            if state == "busy":
                start = (clock() - asked) * 1000
            elif state == "idle":
                return round(start, 2), round((clock() - asked) * 1000, 2)
        raise BenchError("the kernel closed its connection")

    async def _states(self, id: str) -> AsyncGenerator[str]:
        while True:
            frame = await asyncio.wait_for(self._connection.read_message(), SECONDS)
            if frame is None:
                return
            message: dict[str, Any] = json.loads(frame)
            if message["msg_type"] == "status" and message["parent_header"].get("msg_id") == id:
                yield message["content"]["execution_state"]


@asynccontextmanager
async def _kernel(server: JupyterServer) -> AsyncGenerator[_Kernel]:
    """A kernel of `server` that belongs to the notebook a.ipynb and has run a cell."""
    headers = {"Authorization": f"token {server.token}"}
    body = {"path": "a.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    answer = await AsyncHTTPClient().fetch(
        f"{server.url}api/sessions", method="POST", headers=headers, body=json.dumps(body)
    )
    kernel = json.loads(answer.body)["kernel"]["id"]
    url = f"{server.url.replace('http', 'ws', 1)}api/kernels/{kernel}/channels"
    connection = await websocket_connect(HTTPRequest(url, headers=headers))
    try:
        found = _Kernel(connection)
        await found.run(CODE)
        yield found
    finally:
        connection.close()


def _execute_request(id: str, session: str, code: str) -> dict[str, Any]:
    return {
        "channel": "shell",
        "header": {
            "msg_id": id,
            "msg_type": "execute_request",
            "session": session,
            "username": "",
            "version": "5.3",
            "date": "",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        },
        "buffers": [],
    }
