"""A real JupyterHub of each supported major version, its proxy, user servers, and a gateway."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_fastgen.engine import remote
from jupyter_fastgen.engine.base import EngineError, Text
from jupyter_fastgen.engine.remote import RemoteEngine

from ..browser import Browser
from ..engine.contract import COUNTING, answer, request

TOOLS = Path(sys.prefix) / "hub"
PROXY = TOOLS / "node_modules" / ".bin" / "configurable-http-proxy"

PYTHONS = {"5": TOOLS / "5" / "bin" / "python", "6": Path(sys.executable)}
"""By the hub's major version."""

SERVICE = "access:services!service=fastgen"

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.command = [{command!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.pid_file = {folder!r} + "/proxy.pid"
c.JupyterHub.cookie_secret_file = {folder!r} + "/cookie"
c.JupyterHub.db_url = "sqlite:///" + {folder!r} + "/hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/home/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--FastgenApp.model=fastgen+{service}"]
c.Spawner.environment = {{
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    "JUPYTER_CONFIG_PATH": {prefix!r} + "/etc/jupyter",
}}
c.Spawner.server_token_scopes = [
    "users:activity!user", "access:servers!server", "{scope}"
]
c.JupyterHub.load_groups = {{"ai-users": {{"users": ["alice"]}}}}
c.JupyterHub.load_roles = [
    {{"name": "ai-user", "groups": ["ai-users"], "scopes": ["{scope}"]}},
    {{
        "name": "tester",
        "services": ["tester"],
        "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "access:services"],
    }},
]
c.JupyterHub.services = [
    {{"name": "fastgen", "url": "http://127.0.0.1:{gateway}", {managed}}},
    {{"name": "tester", "api_token": {key!r} + "tester"}},
]
"""


def _ports(count: int) -> list[int]:
    with ExitStack() as open_now:
        free = [open_now.enter_context(socket.socket()) for _ in range(count)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in free]


@dataclass
class Hub:
    """Its processes, and what it is asked."""

    folder: Path
    python: Path
    model: Path
    ports: list[int] = field(default_factory=lambda: _ports(4))
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def service(self) -> str:
        return f"{self.url}/services/fastgen"

    @property
    def direct(self) -> str:
        """The gateway, past the proxy."""
        return f"http://127.0.0.1:{self.ports[3]}/services/fastgen"

    @property
    def gateway_options(self) -> list[str]:
        options = ["slots=2", "context=2048", "revoked_after=3", f"model={self.model}"]
        return ["gateway", *(f"--GatewayApp.{option}" for option in options)]

    def start(self, managed: bool = False) -> None:
        """With `managed`, it starts the gateway itself."""
        command = [str(self.python), "-m", "jupyter_fastgen.cli", *self.gateway_options]
        proxy, hub, api, gateway = self.ports
        config = self.folder / "jupyterhub_config.py"
        config.write_text(
            CONFIG.format(
                proxy=proxy,
                hub=hub,
                api=api,
                gateway=gateway,
                managed=f'"command": {command}' if managed else f'"api_token": {self.key!r}',
                command=str(PROXY),
                folder=str(self.folder),
                python=str(self.python),
                prefix=sys.prefix,
                service=self.service,
                scope=SERVICE,
                key=self.key,
            )
        )
        self._run("hub", "-m", "jupyterhub", "-f", str(config))
        self.wait(lambda: self.ask("GET", "/").is_success)

    def start_gateway(self) -> None:
        told = {
            "JUPYTERHUB_SERVICE_NAME": "fastgen",
            "JUPYTERHUB_SERVICE_PREFIX": "/services/fastgen/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.ports[3]}",
            "JUPYTERHUB_API_TOKEN": self.key,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.ports[1]}/hub/api",
        }
        self._run("gateway", "-m", "jupyter_fastgen.cli", *self.gateway_options, **told)
        self.wait(lambda: httpx.get(f"{self.direct}/health", trust_env=False).is_success)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGINT if name == "hub" else signal.SIGTERM)
        process.wait(30)
        left = self.folder / "proxy.pid"
        if name == "hub" and left.exists():  # it was stopped while it started
            with suppress(ProcessLookupError):
                os.kill(int(left.read_text()), signal.SIGTERM)

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.key}tester"}
        url = f"http://127.0.0.1:{self.ports[1]}/hub/api{path}"
        return httpx.request(
            method, url, headers=headers, json=body or None, trust_env=False, timeout=30
        )

    def token(self, user: str) -> tuple[str, str]:
        """A new one of a user, who may do with it what they may do; and its id."""
        told = self.ask("POST", f"/users/{user}/tokens", note="test").json()
        return told["token"], told["id"]

    def wait(self, condition: Any, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except httpx.HTTPError:
                pass
            for name, process in self.processes.items():
                assert process.poll() is None, (self.folder / f"{name}.log").read_text()
            time.sleep(0.1)
        raise AssertionError("it did not happen")

    def _run(self, name: str, *arguments: str, **told: str) -> None:
        own = {f"JUPYTER_{kind}_DIR": str(self.folder / kind) for kind in ("CONFIG", "DATA")}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [self.python, *arguments],
                cwd=self.folder,
                env=os.environ | own | told,
                stdout=log,
                stderr=log,
            )


@contextmanager
def _made(version: str, model: Path, folder: Path, managed: bool) -> Generator[Hub]:
    assert PROXY.exists(), "run scripts/hub_environments.sh .venv"
    hub = Hub(folder, PYTHONS[version], model)
    try:
        if not managed:
            # The hub opens the way to a service that is there.
            hub.start_gateway()
        hub.start(managed)
        for user in ("alice", "bob"):
            hub.ask("POST", f"/users/{user}")
        yield hub
    finally:
        for name in list(hub.processes):
            hub.stop(name)


@pytest.fixture(scope="module", params=list(PYTHONS))
def hub(
    request: pytest.FixtureRequest, small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with _made(request.param, small_model, folder, managed=False) as hub:
        yield hub


@pytest.mark.parametrize("version", PYTHONS)
def test_a_hub_starts_the_gateway_as_its_service(version: str, small_model: Path, tmp_path: Path):
    with _made(version, small_model, tmp_path, managed=True) as hub:
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
    browser.open("n", f"{canary} = 10\nfor number in range({canary}):\n    prin")
    suggestion = await browser.answer(browser.ask("n", "c0"))
    assert suggestion.done.counts is not None
    assert suggestion.done.counts.new_tokens > 0
    browser.connection.close()
    files = [path for path in hub.folder.rglob("*") if path.is_file()]
    assert {"hub.log", "gateway.log", "hub.sqlite"} <= {path.name for path in files}
    for path in files:
        assert canary.encode() not in path.read_bytes(), path


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
