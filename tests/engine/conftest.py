from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from jupyter_core.utils import ensure_event_loop


@pytest.fixture(scope="module", autouse=True)
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for a module, so that its tests share an engine; else each test has its own."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No Jupyter server runs here."""
