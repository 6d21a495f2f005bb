"""A real Jupyter server in a process of its own, with nothing of the person's own settings."""

from __future__ import annotations

import contextlib
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
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...models.store import default_directory
from .browser import BenchError

START_S = 60.0
"""The longest wait for the server's first answer, and for its end."""


@dataclass(frozen=True)
class JupyterServer:
    """One that runs: its address ending in `/`, its token, its process and its notebooks."""

    url: str
    token: str
    pid: int
    root: Path


@contextmanager
def run_server(
    application: str = "server",
    options: Sequence[str] = (),
    notebooks: Sequence[Path] = (),
    extension: bool = True,
    disabled: Sequence[str] = (),
) -> Generator[JupyterServer]:
    """Run `jupyter APPLICATION` ("server" or "lab") on copies of `notebooks`.

    Without `extension` the server half is off. `disabled` are extensions of the front end that
    are. Raises `BenchError` if the server does not start.
    """
    scratch = Path(tempfile.mkdtemp(prefix="fastgen-bench-"))
    try:
        for name in ("root", "runtime", "config", "data"):
            (scratch / name).mkdir()
        for notebook in notebooks:
            shutil.copy(notebook, scratch / "root")
        _write_config(scratch / "config", extension, disabled)
        with _process(application, options, scratch) as (process, token):
            yield JupyterServer(_wait(process, scratch), token, process.pid, scratch / "root")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_config(config: Path, extension: bool, disabled: Sequence[str]) -> None:
    server = {"ServerApp": {"jpserver_extensions": {"jupyter_fastgen": extension}}}
    (config / "jupyter_server_config.json").write_text(json.dumps(server))
    (config / "labconfig").mkdir()
    page = {"disabledExtensions": dict.fromkeys(disabled, True)}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page))


@contextmanager
def _process(
    application: str, options: Sequence[str], scratch: Path
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    token = secrets.token_hex(16)
    arguments = [
        "--no-browser",
        "--ServerApp.port=0",
        f"--ServerApp.root_dir={scratch / 'root'}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.terminals_enabled=False",
        "--ServerApp.allow_root=True",
        # Nothing that calls out or covers the page.
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={scratch / 'settings'}",
        f"--LabApp.workspaces_dir={scratch / 'workspaces'}",
    ]
    environment = os.environ | {
        "FASTGEN_MODELS_DIR": str(default_directory()),
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_DATA_DIR": str(scratch / "data"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        # The person's directory goes before the environment's: here it is ours.
        "JUPYTER_PREFER_ENV_PATH": "0",
        "JUPYTER_TOKEN": token,
    }
    command = [sys.executable, "-m", "jupyter", application, *arguments, *options]
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process, token
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], scratch: Path) -> str:
    """The server's address, when it is open for requests.

    It writes the address into a file before it listens there.
    """
    path = scratch / "runtime" / f"jpserver-{process.pid}.json"
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text())
            socket.create_connection(("127.0.0.1", found["port"]), timeout=1).close()
            return found["url"]
        time.sleep(0.05)
    lines = (scratch / "log").read_text(errors="replace").strip().splitlines()
    raise BenchError(
        f"the Jupyter server did not start: {lines[-1] if lines else 'it said nothing'}"
    )
