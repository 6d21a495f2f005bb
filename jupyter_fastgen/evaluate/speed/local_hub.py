"""A real JupyterHub with its proxy on this machine, whose users may all use a gateway."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import httpx

from ...errors import FastgenError

START_S = 60.0

PREFIX = "/services/fastgen/"

SCOPE = "access:services!service=fastgen"

CONFIG = """
import json
import time
from jupyterhub.apihandlers.users import SelfAPIHandler
from tornado.httpserver import HTTPServer

told = json.loads({told!r})
c.JupyterHub.bind_url = f"http://127.0.0.1:{{told['proxy']}}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{{told['hub']}}"
c.ConfigurableHTTPProxy.command = [told["command"]]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{{told['api']}}"
c.ConfigurableHTTPProxy.pid_file = "proxy.pid"
c.JupyterHub.cookie_secret_file = "cookie"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", told["scope"]]}},
    {{"name": "maker", "services": ["maker"], "scopes": ["admin:users", "tokens"]}},
]
c.JupyterHub.services = [
    {{"name": "fastgen", "url": f"http://127.0.0.1:{{told['gateway']}}", "api_token": told["key"]}},
    {{"name": "maker", "api_token": told["key"] + "maker"}},
]

# A check lasts from its connection to just before its answer: who has that may ask the next.
began, log = {{}}, open("checks", "w", buffering=1)
start, finish = HTTPServer.start_request, SelfAPIHandler.finish

def started(self, server, connection):
    began[connection.stream] = time.monotonic()
    return start(self, server, connection)

def finished(self, *arguments):
    log.write(json.dumps([began[self.request.connection.stream], time.monotonic()]) + "\\n")
    return finish(self, *arguments)

HTTPServer.start_request, SelfAPIHandler.finish = started, finished
"""


@dataclass
class LocalHub:
    """One that is made: its gateway is started first, for the hub looks for it."""

    folder: Path
    ports: dict[str, int]
    key: str
    command: str

    @property
    def url(self) -> str:
        """The gateway, through the hub's proxy."""
        return f"http://127.0.0.1:{self.ports['proxy']}{PREFIX}"

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway is told."""
        return {
            "JUPYTERHUB_SERVICE_NAME": "fastgen",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.ports['gateway']}",
            "JUPYTERHUB_API_TOKEN": self.key,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.ports['hub']}/hub/api",
        }

    @property
    def checks(self) -> tuple[int, int]:
        """How often the hub was asked whose a token is; and how many at once at most."""
        lines = (self.folder / "checks").read_text().splitlines()
        times = [(float(began), float(ended)) for began, ended in map(json.loads, lines)]
        turns = sorted([(ended, -1) for _, ended in times] + [(began, 1) for began, _ in times])
        return len(times), max(accumulate(turn for _, turn in turns), default=0)

    @contextmanager
    def running(self) -> Generator[None]:
        """Start the hub and its proxy; raises `FastgenError` where that fails."""
        told = self.ports | {"key": self.key, "command": self.command, "scope": SCOPE}
        (self.folder / "config.py").write_text(CONFIG.format(told=json.dumps(told)))
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait(process)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_S)

    def tokens(self, count: int) -> list[str]:
        """One for each of so many new users."""
        names = [f"u{number}" for number in range(count)]
        api = f"http://127.0.0.1:{self.ports['hub']}/hub/api"
        headers = {"Authorization": f"token {self.key}maker"}
        with httpx.Client(headers=headers, trust_env=False, timeout=START_S) as client:
            client.post(f"{api}/users", json={"usernames": names}).raise_for_status()

            def make(name: str) -> str:
                told = client.post(f"{api}/users/{name}/tokens", json={"note": "bench"})
                return told.raise_for_status().json()["token"]

            with ThreadPoolExecutor(4) as pool:
                return list(pool.map(make, names))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end and process.poll() is None:
            try:
                # The way through the proxy is the last thing to open.
                if httpx.get(f"{self.url}health", trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        said = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        raise FastgenError(f"JupyterHub did not start: {said[-1] if said else 'it said nothing'}")


@contextmanager
def local_hub() -> Generator[LocalHub]:
    """What such a hub needs: a folder and free ports. Raises `FastgenError` without a proxy."""
    places = f"{os.environ.get('PATH', '')}{os.pathsep}{sys.prefix}/hub/node_modules/.bin"
    command = shutil.which("configurable-http-proxy", path=places)
    if command is None:
        raise FastgenError(
            "configurable-http-proxy is not installed: run `npm install -g configurable-http-proxy`"
        )
    with tempfile.TemporaryDirectory(prefix="fastgen-hub-") as folder:
        yield LocalHub(Path(folder), _free_ports(), secrets.token_hex(16), command)


def _free_ports() -> dict[str, int]:
    names = ("proxy", "hub", "api", "gateway")
    with ExitStack() as open_now:
        free = {name: open_now.enter_context(socket.socket()) for name in names}
        for one in free.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in free.items()}
