"""What is seen of GPUs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_fastgen import gpu
from jupyter_fastgen.engine.exllamav2 import requirements
from jupyter_fastgen.engine.exllamav2.requirements import Fault
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


def test_a_model_may_be_spread_over_all_gpus(monkeypatch: pytest.MonkeyPatch):
    lacking: list[Fault] = []
    monkeypatch.setattr(requirements, "faults", lambda: lacking)
    monkeypatch.setattr(gpu, "devices", lambda: [H200, A6000])
    machine = gpu.machine()
    assert machine == Machine("NVIDIA H200 and NVIDIA RTX A6000", H200.free + A6000.free)
    monkeypatch.setattr(gpu, "devices", list)
    assert gpu.machine() == Machine()
    lacking.append(Fault("torch is not installed", "install it"))
    assert gpu.machine().fault == "torch is not installed"
