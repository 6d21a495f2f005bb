"""A server that listens, whose engine is a scripted one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.host.host import ModelHost
from jupyter_fastgen.link import URL

from ..engine.scripted import ScriptedHost

Fetch = Callable[..., Awaitable[Any]]

ANSWER = "def count():\n    return [1, 2, 3]\n```"
LONG = "x = 1\n" * 100_000


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"models_dir": str(tmp_path / "no models")}}


@pytest.fixture
def jp_base_url() -> str:
    return "/user/ann/"


@pytest.fixture
def app(
    jp_serverapp: Any, http_server: Any, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> FastgenApp:
    """The extension in a server that listens, and finds itself in its environment."""
    (found,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    while URL not in os.environ:
        # The server tells when it listens.
        jp_asyncio_loop.run_until_complete(asyncio.sleep(0))
    writes(found, ANSWER)
    return found


def writes(app: FastgenApp, answer: str, fault: str = "") -> ScriptedHost:
    """Let the model for edits answer so."""
    host: Any = ScriptedHost(answer, fault=fault)

    def make(model: str) -> ModelHost:
        return app.make_edit_host(model) if model else host

    app.edits = type(app.edits)(make, app.edits.actions)
    app.answers = type(app.answers)(app.edits, app.answers._rest)
    return host


@pytest.fixture
def post(app: FastgenApp, jp_fetch: Fetch) -> Fetch:
    """Post as a kernel does."""

    async def post(door: str, asked: Any, **options: Any) -> Any:
        headers = {"Authorization": f"fastgen {app.secret}"}
        body = asked if isinstance(asked, str) else json.dumps(asked)
        options = {"headers": headers, "raise_error": False, "request_timeout": 120.0, **options}
        return await jp_fetch("jupyter-fastgen", door, method="POST", body=body, **options)

    return post


def frames(response: Any) -> list[protocol.FromServer]:
    assert response.code == 200, response.body
    lines = response.body.splitlines()
    return [protocol.decode_server(line) for line in lines if line]


def answered(response: Any) -> protocol.Done:
    *before, done = frames(response)
    assert not any(isinstance(frame, protocol.Done) for frame in before)
    assert isinstance(done, protocol.Done)
    return done


def text(response: Any) -> str:
    return "".join(f.text for f in frames(response) if isinstance(f, protocol.Chunk))


async def at_rest(app: FastgenApp) -> None:
    """Wait until nothing is written any more."""

    async def wait() -> None:
        while app.edits.is_running:  # noqa: ASYNC110  it is looked at, not told
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), 5)
