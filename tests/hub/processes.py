"""`jupyter fastgen gateway` in a process of its own, and its users' tokens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

COMMAND = [sys.executable, "-m", "jupyter_fastgen.cli"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def add_users(file: Path, names: Iterable[str]) -> dict[str, str]:
    """Their tokens."""
    given: dict[str, str] = {}
    for name in names:
        command = [*COMMAND, "gateway-user", name, "--file", str(file)]
        told = subprocess.run(command, check=True, capture_output=True)
        given[name] = told.stdout.decode().strip()
    return given


@contextmanager
def gateway(
    folder: Path, port: int, name: str = "gateway", seconds: float = 100.0, **settings: Any
) -> Generator[psutil.Popen]:
    """One that serves, with these settings; its log is `name`.log in `folder`."""
    config, log = folder / f"{name}.py", folder / f"{name}.log"
    lines = [f"c.GatewayApp.{key} = {value!r}\n" for key, value in settings.items()]
    config.write_text("".join([*lines, f"c.GatewayApp.port = {port}\n"]))
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with log.open("wb") as written:
        process = psutil.Popen(
            [*COMMAND, "gateway", f"--config={config}"],
            env=os.environ | own,
            stdout=written,
            stderr=written,
        )
    try:
        end = time.monotonic() + seconds
        while not _is_healthy(port):
            assert process.is_running(), log.read_text()
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False
