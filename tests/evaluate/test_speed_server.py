"""The Jupyter servers that are measured."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_fastgen.evaluate.speed import server

SLOW_TO_LISTEN = """
import json, os, pathlib, socket, sys, time
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
port = listening.getsockname()[1]
told = {"port": port, "url": f"http://127.0.0.1:{port}/"}
path = pathlib.Path(sys.argv[1]) / "runtime" / f"jpserver-{os.getpid()}.json"
path.write_text(json.dumps(told))
time.sleep(0.5)
listening.listen()
sys.stdin.read()
"""
"""A server that tells its address before it listens there, as Jupyter's do."""


def test_an_address_is_given_when_somebody_listens_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class SlowToListen(subprocess.Popen[bytes]):
        def __init__(self, command: object, **options: object) -> None:
            super().__init__([sys.executable, "-c", SLOW_TO_LISTEN, scratch], stdin=subprocess.PIPE)

    scratch = str(tmp_path)
    monkeypatch.setattr(server.tempfile, "mkdtemp", lambda prefix: scratch)
    monkeypatch.setattr(server.subprocess, "Popen", SlowToListen)
    with server.run_server() as running:
        port = int(running.url.rsplit(":", 1)[1].strip("/"))
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
