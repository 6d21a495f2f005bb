"""A real JupyterHub of each supported major version, its proxy, user servers, and a gateway."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_fastgen import protocol
from jupyter_fastgen.engine import remote
from jupyter_fastgen.engine.base import EngineError, RefusedError, Text
from jupyter_fastgen.engine.remote import RemoteEngine

from ..browser import Browser
from ..engine.contract import COUNTING, answer, request
from .hubs import PYTHONS, Hub, made


@pytest.fixture(scope="module", params=list(PYTHONS))
def hub(
    request: pytest.FixtureRequest, small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with made(request.param, small_model, folder, managed=False) as hub:
        yield hub


@pytest.mark.parametrize("version", PYTHONS)
def test_a_hub_starts_the_gateway_as_its_service(version: str, small_model: Path, tmp_path: Path):
    with made(version, small_model, tmp_path, managed=True) as hub:
        headers = {"Authorization": f"Bearer {hub.token('alice')[0]}"}
        hub.wait(lambda: httpx.get(f"{hub.service}/health", trust_env=False).is_success)
        told = httpx.get(f"{hub.service}/v1/models", headers=headers, trust_env=False)
        assert told.json()["data"]


async def test_the_hub_is_of_the_version_it_should_be(hub: Hub):
    version = hub.ask("GET", "/").json()["version"]
    assert PYTHONS[version.split(".")[0]] == hub.python


async def test_the_group_decides_over_http(hub: Hub):
    for user, status in (("alice", 200), ("bob", 403)):
        headers = {"Authorization": f"Bearer {hub.token(user)[0]}"}
        body = {"prompt": COUNTING, "max_tokens": 6}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
            told = await client.post(f"{hub.service}/v1/completions", json=body)
        assert told.status_code == status
        if user == "alice":
            assert told.json()["choices"][0]["text"].strip().startswith("16,")


def field(page: httpx.Response, name: str) -> str:
    """The value of a field of the form."""
    found = re.search(f'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def test_administrators_of_the_hub_see_the_page_and_others_do_not(hub: Hub):
    async def log_in(browser: httpx.AsyncClient, user: str) -> httpx.Response:
        asked = await browser.get(f"{hub.service}/admin")
        assert asked.url.path == "/hub/login"
        form = {"_xsrf": field(asked, "_xsrf"), "username": user, "password": "any"}
        return await browser.post(asked.url, data=form)

    options: dict[str, Any] = {"follow_redirects": True, "trust_env": False, "timeout": 30}
    for user in ("alice", "bob"):
        async with httpx.AsyncClient(**options) as browser:
            assert (await log_in(browser, user)).status_code == 403
            assert (await browser.get(f"{hub.service}/admin")).status_code == 403
    alice = RemoteEngine(hub.service, hub.token("alice")[0])
    await alice.ready()
    async with httpx.AsyncClient(**options) as browser:
        page = await log_in(browser, "root")
        assert page.status_code == 200, page.text
        assert page.url == f"{hub.service}/admin"
        assert '<th scope="row">alice</th>' in page.text
        foreign = await browser.post(page.url, data={"pause": "1", "_xsrf": "x"})
        assert foreign.status_code == 403
        form = {"_xsrf": field(page, "_xsrf"), "pause": field(page, "pause")}
        paused = await browser.post(page.url, data=form)
        assert "All suggestions are paused" in paused.text
        with pytest.raises(RefusedError, match="paused"):
            await answer(alice, request(max_tokens=2))
        form = {"_xsrf": field(paused, "_xsrf"), "pause": field(paused, "pause")}
        assert "All suggestions are paused" not in (await browser.post(page.url, data=form)).text
    assert (await answer(alice, request(max_tokens=2))).done.new_tokens == 2
    await alice.retire()


async def test_the_group_decides_over_the_websocket_and_cancelling_works_through_the_proxy(
    hub: Hub,
):
    bob = RemoteEngine(hub.service, hub.token("bob")[0])
    with pytest.raises(EngineError, match="does not let this user in"):
        await bob.ready()
    alice = RemoteEngine(hub.service, hub.token("alice")[0])
    await alice.ready()
    asked = request(max_tokens=100)
    pieces: list[str] = []
    async for event in alice.stream(asked):
        if isinstance(event, Text):
            pieces.append(event.text)
            alice.cancel(asked.id)
        else:
            assert event.reason == "cancelled"
    assert len(pieces) < 20
    await alice.retire()


async def test_a_user_gets_ghost_text_with_the_token_that_their_server_has(hub: Hub):
    assert hub.ask("POST", "/users/alice/server").is_success
    hub.wait(lambda: hub.ask("GET", "/users/alice").json()["servers"][""]["ready"])
    token, _ = hub.token("alice")
    url = f"ws://127.0.0.1:{hub.ports[0]}/user/alice/jupyter-fastgen/ws"
    headers = {"Authorization": f"token {token}"}
    browser = Browser(await websocket_connect(HTTPRequest(url, headers=headers)))
    await browser.ready()
    canary = "zanzibar_confidential"
    code = f"password = '{canary}_7'\n{canary} = 10\nfor number in range({canary}):\n    prin"
    browser.open(canary, code)
    suggestion = await browser.answer(browser.ask(canary, "c0"))
    assert suggestion.done.counts is not None
    assert suggestion.done.counts.new_tokens > 0
    browser.edit(canary, "c0", instruction=f"Rename {canary}.")
    browser.send_raw(f'{{"type": "{canary}"')
    await browser.until(protocol.Fault)
    browser.connection.close()
    alice = RemoteEngine(hub.service, token)
    await alice.ready()
    with pytest.raises(EngineError):  # which llama.cpp refuses, and says why
        await answer(alice, request(f"# {canary}", grammar=f"{canary} ::= (", max_tokens=2))
    await alice.retire()
    # All processes log at debug level.
    files = [path for path in hub.folder.rglob("*") if path.is_file()]
    assert {"hub.log", "gateway.log", "hub.sqlite", "audit.jsonl"} <= {path.name for path in files}
    assert (hub.folder / "hub.log").read_text().count("[D ") > 20
    for path in files:
        assert canary not in str(path)
        assert canary.encode() not in path.read_bytes(), path
    for metrics in (f"{hub.service}/metrics", f"{hub.url}/user/alice/metrics"):
        told = await AsyncHTTPClient().fetch(metrics, headers=headers)
        assert canary.encode() not in told.body


async def test_a_revoked_token_is_out_in_time(hub: Hub):
    token, id = hub.token("alice")
    alice = RemoteEngine(hub.service, token)
    await alice.ready()
    assert hub.ask("DELETE", f"/users/alice/tokens/{id}").status_code == 204
    began = time.monotonic()
    while alice.state.state != "error":
        assert time.monotonic() < began + 10
        await asyncio.sleep(0.1)
    assert "does not let this user in" in alice.state.detail
    await alice.retire()


async def test_an_engine_that_is_killed_heals(hub: Hub):
    alice = RemoteEngine(hub.service, hub.token("alice")[0])
    await alice.ready()
    (engine,) = psutil.Process(hub.processes["gateway"].pid).children()
    stream = alice.stream(request(max_tokens=100))
    assert isinstance(await anext(stream), Text)
    engine.kill()
    with pytest.raises(EngineError, match="died"):
        async for _ in stream:
            pass
    assert await _served(alice)
    await alice.retire()


async def test_a_gateway_that_restarts_is_found_again(hub: Hub):
    alice = RemoteEngine(hub.service, hub.token("alice")[0])
    await alice.ready()
    hub.stop("gateway")
    with pytest.raises(EngineError):
        await answer(alice, request(max_tokens=2))
    await asyncio.to_thread(hub.start_gateway)
    assert await _served(alice)
    await alice.retire()


async def test_who_is_connected_is_served_while_the_hub_restarts(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    token, _ = hub.token("alice")
    # Past the proxy, which goes with the hub.
    alice = RemoteEngine(hub.direct, token)
    await alice.ready()
    await asyncio.to_thread(hub.stop, "hub")
    await asyncio.sleep(5)  # past the time for which an answer of the hub is fresh
    assert (await answer(alice, request(max_tokens=2))).done.new_tokens == 2
    stranger = RemoteEngine(hub.direct, "unknown")
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 1.0)
    with pytest.raises(EngineError, match="503"):
        await stranger.ready()
    await stranger.retire()
    monkeypatch.undo()
    await asyncio.to_thread(hub.start)
    late = RemoteEngine(hub.service, token)
    await late.ready()
    assert await _served(late)
    for engine in (alice, late):
        await engine.retire()


async def _served(engine: RemoteEngine) -> bool:
    """Whether there is an answer within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            return (await answer(engine, request(max_tokens=2))).done.new_tokens == 2
        except EngineError:
            await asyncio.sleep(0.2)
    return False
