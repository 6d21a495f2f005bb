"""What is seen of GPUs and of the engine for them, in environments made up for it."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_fastgen import gpu
from jupyter_fastgen.gpu import Device
from jupyter_fastgen.models.choice import Machine

TABLE = """\
0, GPU-aaaa1111-0000, NVIDIA H200, 143771, 143000
1, GPU-bbbb2222-0000, NVIDIA RTX A6000, 49140, 100
2, GPU-cccc3333-0000, NVIDIA A100, [N/A], [N/A]
"""

H200 = Device("NVIDIA H200", 143771 << 20, 143000 << 20)
A6000 = Device("NVIDIA RTX A6000", 49140 << 20, 100 << 20)


@pytest.mark.parametrize(
    ("visible", "shown"),
    [
        (None, [H200, A6000]),  # the third keeps its memory to itself
        ("1,0", [A6000, H200]),
        ("GPU-bbbb", [A6000]),
        ("0,7,1", [H200]),
        ("", []),
        ("-1", []),
        ("GPU-", []),
    ],
)
def test_devices_are_those_that_cuda_shows(visible: str | None, shown: list[Device]):
    assert gpu.parse(TABLE, visible) == shown


def test_a_word_of_failure_is_no_device():
    said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"
    assert gpu.parse(said, None) == []


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `nvidia-smi` on the path, with the body given."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(body: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    return write


def test_devices_come_from_nvidia_smi(smi: Callable[[str], None]):
    smi(f"cat <<'END'\n{TABLE}END")
    assert gpu.devices({}) == [H200, A6000]
    assert gpu.devices({"CUDA_VISIBLE_DEVICES": "1"}) == [A6000]


def test_a_driver_that_fails_shows_none(smi: Callable[[str], None]):
    smi("echo 'NVIDIA-SMI has failed'; exit 9")
    assert gpu.devices({}) == []


def test_without_a_driver_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.devices({}) == []


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes exactly these modules importable, as far as a look at them goes."""

    def found(*names: str) -> None:
        specs = {name: importlib.machinery.ModuleSpec(name, None) for name in names}
        monkeypatch.setattr(gpu, "find_spec", specs.get)
        monkeypatch.setattr(gpu, "version", lambda name: "2.9.0")

    return found


ENGINE = ("exllamav2", "torch", "tokenizers")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with what a build needs, and an empty cache."""
    monkeypatch.setattr(gpu, "CUDA", tmp_path / "no-toolkit")
    for name in ("nvcc", "ninja"):
        (tmp_path / "bin" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text("")
        (tmp_path / "bin" / name).chmod(0o755)
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def texts(environment: dict[str, str]) -> list[str]:
    return [f"{fault.text}: {fault.mend}" for fault in gpu.faults(environment)]


def test_what_is_not_installed_is_named(install, tools: dict[str, str]):
    install("torch")
    extra = "pip install 'jupyter-fastgen[exllamav2]'"
    assert texts(tools) == [f"exllamav2, tokenizers are not installed: {extra}"]
    # exllamav2's own metadata leaves it out.
    install("torch", "exllamav2")
    assert texts(tools) == [f"tokenizers is not installed: {extra}"]


def test_with_all_that_a_build_needs_nothing_is_lacking(install, tools: dict[str, str]):
    install(*ENGINE)
    assert texts(tools) == []


def test_torch_without_cuda_is_named(
    install, tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    install(*ENGINE, gpu.EXTENSION)
    monkeypatch.setattr(gpu, "version", lambda name: "2.9.0+cpu")
    [fault] = texts(tools)
    assert "torch 2.9.0+cpu is built without CUDA" in fault


def test_a_build_needs_a_compiler_and_ninja(install, tools: dict[str, str], tmp_path: Path):
    install(*ENGINE)
    (tmp_path / "bin" / "ninja").unlink()
    [fault] = texts(tools)
    assert "no ninja" in fault
    assert "pip install ninja" in fault
    (tmp_path / "bin" / "nvcc").unlink()
    assert "CUDA_HOME" in texts(tools)[0]
    (tmp_path / "cuda" / "bin").mkdir(parents=True)
    (tmp_path / "cuda" / "bin" / "nvcc").write_text("")
    assert len(texts({**tools, "CUDA_HOME": str(tmp_path / "cuda")})) == 1


@pytest.mark.parametrize("chosen", [False, True])
def test_an_extension_that_was_built_needs_no_tools(
    install, tools: dict[str, str], tmp_path: Path, chosen: bool
):
    install(*ENGINE)
    nothing = {**tools, "PATH": ""}
    assert len(texts(nothing)) == 2
    if chosen:
        nothing["TORCH_EXTENSIONS_DIR"] = str(tmp_path / "mine")
        folder = tmp_path / "mine" / gpu.EXTENSION
    else:
        version = f"py{sys.version_info.major}{sys.version_info.minor}_cu130"
        folder = tmp_path / "cache" / "torch_extensions" / version / gpu.EXTENSION
    folder.mkdir(parents=True)
    (folder / f"{gpu.EXTENSION}.so").write_text("")
    assert texts(nothing) == []


def test_a_prebuilt_extension_needs_no_tools(install, tools: dict[str, str]):
    install(*ENGINE, gpu.EXTENSION)
    assert texts({**tools, "PATH": ""}) == []


def test_a_model_may_be_spread_over_all_gpus(install, monkeypatch: pytest.MonkeyPatch):
    install(*ENGINE, gpu.EXTENSION)
    monkeypatch.setattr(gpu, "devices", lambda: [H200, A6000])
    machine = gpu.machine()
    assert machine == Machine("NVIDIA H200 and NVIDIA RTX A6000", H200.free + A6000.free)
    monkeypatch.setattr(gpu, "devices", list)
    assert gpu.machine() == Machine()
    install()
    assert "not installed" in gpu.machine().fault


def test_looking_imports_neither_torch_nor_the_library():
    before = set(sys.modules)
    gpu.faults({})
    assert not {"torch", "exllamav2"} & (set(sys.modules) - before)
