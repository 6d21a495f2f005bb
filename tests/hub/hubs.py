"""A real JupyterHub in a folder: its proxy, user servers, and a gateway beside it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

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
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/home/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--debug", "--FastgenApp.model=fastgen+{service}", *{arguments}]
c.Spawner.environment = {{
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    "JUPYTER_CONFIG_PATH": {prefix!r} + "/etc/jupyter",
}}
c.Spawner.server_token_scopes = [
    "users:activity!user", "access:servers!server", "{scope}"
]
c.JupyterHub.load_groups = {{
    "ai-users": {{"users": ["alice", "carol"]}},
    "exam": {{"users": ["carol"]}},
}}
c.JupyterHub.load_roles = [
    {{"name": "ai-user", "groups": ["ai-users"], "scopes": ["{scope}"]}},
    {{
        "name": "tester",
        "services": ["tester"],
        "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "access:services"],
    }},
]
c.JupyterHub.services = [
    {{"name": "fastgen", "url": "http://127.0.0.1:{gateway}",
     "oauth_no_confirm": True, {managed}}},
    {{"name": "tester", "api_token": {key!r} + "tester"}},
]
"""


LIMITS = {
    "ai-users": {
        "tokens_per_day": 10_000_000,
        # An answer that outlasts whatever waits for it.
        "ghost": {"prompt_tokens": 4096, "new_tokens": 1024, "wait_s": 0.3, "run_s": 120.0},
    }
}

POLICY = """
[groups.exam]
preset = "exam"
"""
"""What the gateway holds its users to."""


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
    arguments: tuple[str, ...] = ()
    """Of the users' servers."""
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
        options.append(f"group_limits={LIMITS}")
        options.append(f"audit_file={self.folder}/audit.jsonl")
        options.append(f"policy_file={self.folder}/policy.toml")
        return ["gateway", "--log-level=DEBUG", *(f"--GatewayApp.{option}" for option in options)]

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
                arguments=self.arguments,
                scope=SERVICE,
                key=self.key,
            )
        )
        self._run("hub", "-m", "jupyterhub", "--debug", "-f", str(config))
        health = f"{self.url}/hub/health"
        self.wait(lambda: httpx.get(health, trust_env=False).is_success)

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
                stdin=subprocess.DEVNULL,  # Node would make a shared one non-blocking
                stdout=log,
                stderr=log,
            )


@contextmanager
def made(
    version: str, model: Path, folder: Path, managed: bool, arguments: tuple[str, ...] = ()
) -> Generator[Hub]:
    assert PROXY.exists(), "run scripts/hub_environments.sh .venv"
    (folder / "policy.toml").write_text(POLICY)
    hub = Hub(folder, PYTHONS[version], model, arguments)
    try:
        if not managed:
            hub.start_gateway()
        hub.start(managed)
        for user in ("alice", "bob", "carol"):
            hub.ask("POST", f"/users/{user}")
        yield hub
    finally:
        for name in list(hub.processes):
            hub.stop(name)
