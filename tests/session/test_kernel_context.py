"""From a cell that runs in a real kernel to the prompt of the next suggestion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp

from ..browser import Browser
from ..conftest import RunningServer

PATH = "folder/live.ipynb"
CELLS = [protocol.Cell("c0", "code", "import pandas as pd"), protocol.Cell("c1", "code", "x = ")]


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], llama_server: RunningServer
) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"model": llama_server.url, "context_tokens": 400}}


class Notebook:
    """A page with a notebook, and its kernel."""

    def __init__(self, app: FastgenApp, browser: Browser, client: Any) -> None:
        self.app = app
        self.browser = browser
        self.client = client
        self.opened = 0

    async def run(self, code: str, name: str) -> None:
        """Run a cell that binds `name`, and wait until that is known."""
        await self.client.execute_interactive(code, timeout=30)
        while True:
            namespace = self.app.kernels.namespace(PATH)
            if namespace is not None and name in namespace.variables:
                return
            await asyncio.sleep(0.02)

    async def rest(self) -> None:
        """Wait until no job runs."""
        await asyncio.sleep(0.05)
        (session,) = self.app.sessions
        while session._completion_jobs._jobs:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def open(self, kernel: bool = True) -> None:
        self.browser.send(protocol.Open("d", CELLS, "python", PATH, 0, kernel))

    async def counts(self) -> protocol.Counts:
        """What a suggestion at the end of the last cell costs."""
        self.opened += 1
        self.browser.send(protocol.Complete(self.opened, "d", 0, "c1", 4))
        counts = (await self.browser.answer(self.opened)).done.counts
        assert counts is not None
        return counts


@pytest.fixture
def start(
    jp_serverapp: Any,
    jp_fetch: Callable[..., Awaitable[Any]],
    jp_ws_fetch: Callable[..., Awaitable[Any]],
) -> Callable[[], Awaitable[Notebook]]:
    async def start() -> Notebook:
        settings = jp_serverapp.web_app.settings
        body = {"path": PATH, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        id = json.loads(answer.body)["kernel"]["id"]
        client = settings["kernel_manager"].get_kernel(id).client()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        browser = Browser(await jp_ws_fetch("jupyter-fastgen", "ws"))
        await browser.ready()
        return Notebook(settings["jupyter_fastgen"], browser, client)

    return start


FRAME = "import pandas as pd; df = pd.DataFrame({'zanzibar': [1], 'krakatoa': [2], 'bali': [3]})"


async def test_columns_are_in_the_prompt_and_read_before_the_next_key(start: Any):
    notebook = await start()
    notebook.open()
    bare = await notebook.counts()
    await notebook.run(FRAME, "df")
    await notebook.rest()
    full = await notebook.counts()
    assert full.prompt_tokens >= bare.prompt_tokens + 15
    assert full.prompt_tokens - full.cached_tokens <= 2


async def test_a_notebook_that_says_no_is_left_alone(start: Any):
    notebook = await start()
    notebook.open(kernel=False)
    bare = await notebook.counts()
    await notebook.run(FRAME, "df")
    await notebook.rest()
    assert (await notebook.counts()).prompt_tokens == bare.prompt_tokens
    notebook.open()
    assert (await notebook.counts()).prompt_tokens > bare.prompt_tokens
