from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_fastgen.app import FastgenApp, environment

IMPORT = """
import json, sys, time
import jupyter_server.serverapp, jupyter_server.base.websocket  # what any server has loaded
before = time.perf_counter()
import jupyter_fastgen.app
took = time.perf_counter() - before
heavy = "torch numpy httpx huggingface_hub xllamacpp filelock typer rich tree_sitter".split()
print(json.dumps([took, [name for name in heavy if name in sys.modules]]))
"""


@pytest.mark.parametrize("gate", [True, False])
def test_an_administrator_decides_whether_suggestions_are_judged(gate: bool, tmp_path: Path):
    app = FastgenApp(gate=gate, models_dir=str(tmp_path))
    app.initialize_settings()
    assert app.host._options.gate is gate


def test_a_model_on_a_gpu_is_in_memory_once(tmp_path: Path):
    folder = tmp_path / "tiny-exl2"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "output.safetensors").write_text("weights")
    app = FastgenApp(model=str(folder), models_dir=str(tmp_path))
    app.initialize_settings()
    assert app.make_edit_host() is app.host


@pytest.mark.parametrize(
    ("ip", "base_url", "expected"),
    [
        ("localhost", "/", "http://127.0.0.1:8888/"),
        ("", "/", "http://127.0.0.1:8888/"),
        ("0.0.0.0", "/user/ann/", "http://127.0.0.1:8888/user/ann/"),
        ("::", "/", "http://[::1]:8888/"),
        ("10.0.0.5", "/", "http://10.0.0.5:8888/"),
    ],
)
def test_kernels_are_told_where_their_server_is(ip: str, base_url: str, expected: str):
    server = SimpleNamespace(sock="", ip=ip, port=8888, base_url=base_url, certfile="")
    assert environment(server, "s") == {"FASTGEN_URL": expected, "FASTGEN_SECRET": "s"}


def test_kernels_are_told_which_certificate_their_server_has(tmp_path: Path):
    certificate = str(tmp_path / "cert.pem")
    server = SimpleNamespace(sock="", ip="localhost", port=8888, base_url="/", certfile=certificate)
    told = environment(server, "s")
    assert told["FASTGEN_URL"] == "https://127.0.0.1:8888/"
    assert told["FASTGEN_CERTIFICATE"] == certificate


def test_kernels_are_told_of_no_server_at_a_unix_socket():
    assert environment(SimpleNamespace(sock="/run/jupyter.sock"), "s") == {}


def test_importing_the_extension_is_quick_and_loads_nothing_heavy():
    found = [
        json.loads(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True).stdout)
        for _ in range(4)
    ]
    assert min(took for took, _ in found) < 0.150
    assert found[0][1] == []


def test_importing_the_package_costs_nothing():
    script = "import sys; import jupyter_fastgen; print('jupyter_server' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.stdout.strip() == "False"
