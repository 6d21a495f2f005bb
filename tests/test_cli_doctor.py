from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import computer, gpu
from jupyter_fastgen.cli import main
from jupyter_fastgen.diagnosis import model
from jupyter_fastgen.engine.exllamav2 import requirements
from jupyter_fastgen.engine.exllamav2.requirements import Fault

from .engine.faulty import faulty


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's empty Jupyter configuration, which goes before that of the environment."""
    path = tmp_path / "config"
    path.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    return path


def ask_doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["works"] == (code == 0)
    return code, {finding["name"]: finding for finding in answer["findings"]}


def test_all_is_well(small_model: Path, config: Path, capsys: pytest.CaptureFixture[str]):
    (config / "jupyter_server_config.py").write_text(f"c.FastgenApp.model = {str(small_model)!r}")
    code, findings = ask_doctor(capsys)
    assert code == 0
    assert findings["model"]["facts"]["path"] == str(small_model.resolve())
    assert "as configured" in findings["engine"]["text"]
    assert findings["edits"]["verdict"] == "ok"
    assert findings["processors"]["facts"]["threads"] >= 1
    assert findings["server extension"]["verdict"] == "ok"
    assert findings["front end"]["verdict"] == "ok"


def test_missing_model_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "none" / "yet"))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FAILED   model: qwen2.5-coder-0.5b is missing" in out
    assert "mend it: jupyter fastgen models pull qwen2.5-coder-0.5b" in out
    assert out.endswith("until this is mended: model.\n")


def test_a_better_model_for_edits_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path))
    _, findings = ask_doctor(capsys)
    assert findings["edits"]["verdict"] == "warning"
    assert findings["edits"]["mend"] == "jupyter fastgen models pull qwen2.5-coder-1.5b"


def test_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(model, "_free_space", lambda directory: 1000)
    _, findings = ask_doctor(capsys)
    assert "491 MB are needed: make room" in findings["model"]["text"]


@pytest.mark.parametrize(
    ("fault", "mend"),
    [
        ("ImportError: libgomp.so.1: cannot open shared object file", "apt-get install libgomp1"),
        ("ModuleNotFoundError: No module named 'xllamacpp'", "pip install xllamacpp"),
        ("ImportError: undefined symbol", "pip install --force-reinstall xllamacpp"),
    ],
)
def test_engine_that_cannot_be_imported(
    fault: str, mend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(model, "import_fault", lambda module: fault)
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert fault in findings["engine"]["text"]
    assert mend in findings["engine"]["mend"]


GPU = gpu.Device("NVIDIA L4", 24 << 30, 22 << 30)


@pytest.fixture
def on_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Fault]:
    """A machine with a GPU, no model, and an engine that lacks what the list is given."""
    faults: list[Fault] = []
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(gpu, "devices", lambda: [GPU])
    monkeypatch.setattr(requirements, "faults", lambda: faults)
    return faults


def test_a_gpu_gets_the_largest_model_that_fits(on_gpu, capsys: pytest.CaptureFixture[str]):
    _, findings = ask_doctor(capsys)
    assert findings["model"]["mend"] == "jupyter fastgen models pull qwen2.5-coder-7b-exl2-6.5bpw"
    assert findings["gpu"]["text"] == "NVIDIA L4 with 24 GB of 26 GB free"
    assert findings["engine"]["verdict"] == "ok"
    assert "the largest that fits in NVIDIA L4" in findings["engine"]["text"]


def test_a_folder_that_does_not_fit_on_the_disk_is_named(
    on_gpu, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(model, "_free_space", lambda directory: 1000)
    _, findings = ask_doctor(capsys)
    assert "6.19 GB are needed: make room" in findings["model"]["text"]


def test_a_gpu_without_its_engine_is_named_with_what_mends_it(
    on_gpu: list[Fault], capsys: pytest.CaptureFixture[str]
):
    on_gpu += [Fault("there is no nvcc", "install it"), Fault("no ninja", "get ninja")]
    _, findings = ask_doctor(capsys)
    assert findings["gpu"]["verdict"] == "warning"
    assert "there is no nvcc; no ninja" in findings["gpu"]["text"]
    assert findings["gpu"]["mend"] == "install it; get ninja"
    assert findings["model"]["facts"]["name"] == "qwen2.5-coder-0.5b"
    assert "can't run here: there is no nvcc" in findings["engine"]["text"]


def test_a_larger_model_that_fits_is_named(
    on_gpu, small_model: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    mine = tmp_path / "mine.toml"
    mine.write_text(
        f"""
default = "mine"
[models.mine]
title = "Mine"
engine = "llamacpp"
fim = "prefix-only"
licence = "MIT"
file = "mine.gguf"
context = 512
roles = ["completion", "edit"]
[[models.mine.sources]]
kind = "file"
path = "{small_model}"
"""
    )
    (config / "jupyter_fastgen_config.py").write_text(f"c.FastgenApp.catalog = {str(mine)!r}")
    assert main(["models", "pull", "mine", "--catalog", str(mine)]) == 0
    capsys.readouterr()
    code, findings = ask_doctor(capsys)
    assert code == 0
    assert findings["gpu"]["mend"] == "jupyter fastgen models pull qwen2.5-coder-7b-exl2-6.5bpw"
    assert "none of the models that fit" in findings["engine"]["text"]


def test_a_model_for_gpus_without_one_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(gpu, "devices", lambda: [])
    text = "c.FastgenApp.model = 'qwen2.5-coder-7b-exl2-5.0bpw'"
    (config / "jupyter_fastgen_config.py").write_text(text)
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert "nvidia-smi shows none" in findings["engine"]["text"]
    assert findings["engine"]["mend"] == "set c.FastgenApp.model to a GGUF model"


def test_import_fault():
    assert model.import_fault("json") is None
    assert model.import_fault("no_such_module") == (
        "ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_disabled_halves(config: Path, capsys: pytest.CaptureFixture[str]):
    (config / "labconfig").mkdir()
    (config / "labconfig" / "page_config.json").write_text(
        '{"disabledExtensions": {"jupyter_fastgen": true}}'
    )
    (config / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"jupyter_fastgen": false}}}'
    )
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert findings["front end"]["mend"] == "jupyter labextension enable jupyter_fastgen"
    mend = "jupyter server extension enable jupyter_fastgen"
    assert findings["server extension"]["mend"] == mend


def test_llama_server_that_does_not_answer(config: Path, capsys: pytest.CaptureFixture[str]):
    (config / "jupyter_fastgen_config.py").write_text('c.FastgenApp.model = "http://127.0.0.1:9"')
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert "no server answers at http://127.0.0.1:9" in findings["engine"]["text"]


def test_broken_configuration(config: Path, capsys: pytest.CaptureFixture[str]):
    (config / "jupyter_fastgen_config.py").write_text("c.FastgenApp.threads = 'many'")
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert "threads" in findings["configuration"]["text"]


def test_unknown_model(config: Path, capsys: pytest.CaptureFixture[str]):
    (config / "jupyter_fastgen_config.py").write_text("c.FastgenApp.model = 'nonsense'")
    code, findings = ask_doctor(capsys)
    assert code == 1
    assert "There is no model named 'nonsense'" in findings["model"]["text"]


def test_memory_of_a_container(tmp_path: Path):
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert computer.available_memory(tmp_path, tmp_path) == 8000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert computer.available_memory(tmp_path, tmp_path) == 8000 * 1024
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert computer.available_memory(tmp_path, tmp_path) == 4000000
    assert computer.available_memory(tmp_path / "none") is None


async def test_servers_of_others_are_asked_what_they_are_and_can(
    config: Path, capsys: pytest.CaptureFixture[str]
):
    async with faulty() as server:
        settings = f'c.FastgenApp.model = "{server.url}/v1"\n'
        settings += f'c.FastgenApp.remote = "{server.url}/v1#third"\n'
        (config / "jupyter_fastgen_config.py").write_text(settings)
        _, findings = await asyncio.to_thread(ask_doctor, capsys)
    engine, remote = findings["engine"], findings["remote"]
    assert engine["verdict"] == "ok"
    assert f"big on vllm at {server.url[7:]}" in engine["text"]
    assert "no fill-in-the-middle" in engine["text"]
    assert engine["facts"]["abilities"]["grammar"] == ""
    assert engine["facts"]["context"] == 4096
    # Ghost text works without it.
    assert remote["verdict"] == "warning"
    assert "no model 'third'" in remote["text"]


@pytest.mark.parametrize(
    ("policy", "verdict", "said"),
    [
        ("", "ok", "nothing is off"),
        ('everyone.features = { edits = "force-off" }', "ok", "off: edits: the administrator"),
        ('everyone.preset = "exam"', "failed", "off: suggestions, automatic, next_cell, edits"),
        ('everyone.models = ["other"]', "failed", "not among those that are allowed: other"),
        ("everyone.preset =", "failed", "nothing is allowed until it is corrected"),
    ],
)
def test_what_the_policy_turns_off_is_told(
    policy: str, verdict: str, said: str, config: Path, capsys: pytest.CaptureFixture[str]
):
    file = config / "policy.toml"
    file.write_text(policy)
    (config / "jupyter_fastgen_config.py").write_text(f"c.FastgenApp.policy_file = {str(file)!r}")
    code, findings = ask_doctor(capsys)
    assert findings["policy"]["verdict"] == verdict
    assert said in findings["policy"]["text"]
    assert code == (verdict == "failed")
