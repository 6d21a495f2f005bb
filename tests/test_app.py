from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_fastgen.app import FastgenApp, environment
from jupyter_fastgen.engine import frames
from jupyter_fastgen.host.configuration import load_settings

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


def test_pages_are_told_of_the_tokens_that_edits_cost_but_not_of_their_queue(tmp_path: Path):
    gateway = "fastgen+http://127.0.0.1:9"
    app = FastgenApp(model=gateway, remote=gateway, models_dir=str(tmp_path))
    app.initialize_settings()
    remote = app.make_remote_host()
    assert remote is not None
    told: list[object] = []
    app.host.follow(told.append)
    for used, host in enumerate((app.make_edit_host(), remote)):
        assert host is not app.host
        host.tell(frames.Budget(used, 10, 60))
        host.tell(frames.Hint(350))
    assert told == [frames.Budget(0, 10, 60), frames.Budget(1, 10, 60)]
    assert app.host.debounce_ms == 0


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


def test_the_server_reads_the_file_that_the_command_line_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = f"c.FastgenApp.threads = 3\nc.FastgenApp.models_dir = {str(tmp_path)!r}"
    (tmp_path / "jupyter_fastgen_config.py").write_text(text)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    code = (
        "from jupyter_server.serverapp import ServerApp\n"
        "server = ServerApp()\n"
        "server.initialize(['--ServerApp.jpserver_extensions={\"jupyter_fastgen\": True}',"
        " '--allow-root', '--ServerApp.port=0', '--ServerApp.open_browser=False'])\n"
        "(app,) = server.extension_manager.extension_apps['jupyter_fastgen']\n"
        "print('threads', app.threads)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "threads 3" in run.stdout
    assert load_settings()[0].threads == 3
