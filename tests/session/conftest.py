from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jupyter_fastgen import protocol

from ..browser import Browser
from ..conftest import RunningServer

Connect = Callable[[], Awaitable[Browser]]

COUNTING = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"


@pytest.fixture
def ghost_text(llama_server: RunningServer) -> dict[str, Any]:
    """The options of a server whose ghost text a running llama-server writes."""
    # Small budgets: nothing there needs the time that a long prompt takes.
    budgets = {"context_tokens": 200, "cell_tokens": 200}
    # The small model is never sure: it is asked how sure it is, and nothing is held back.
    return {"model": llama_server.url, "confidence": 1e-9, **budgets}


@pytest.fixture
def connect(jp_ws_fetch: Callable[..., Awaitable[Any]]) -> Connect:
    async def connect() -> Browser:
        browser = Browser(await jp_ws_fetch("jupyter-fastgen", "ws"))
        await browser.ready()
        return browser

    return connect


async def first_chunk(browser: Browser, id: int) -> protocol.Chunk:
    return await browser.until(protocol.Chunk, lambda chunk: chunk.id == id)
