"""The NVIDIA GPUs here, and what of the engine for them is installed. Nothing of it is imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from .models.choice import Machine

EXTENSION = "exllamav2_ext"
"""The compiled half of ExLlamaV2: installed beforehand, or built when it is first imported."""

CUDA = Path("/usr/local/cuda")
"""Where the toolkit is, unless a variable says otherwise."""

_QUERY = "index,uuid,name,memory.total,memory.free"
_MIB = 1 << 20


@dataclass(frozen=True)
class Device:
    """One GPU: `total` and `free` are bytes of its memory."""

    name: str
    total: int
    free: int


@dataclass(frozen=True)
class Fault:
    """What keeps the engine from running, and the command that mends it."""

    text: str
    mend: str


def machine() -> Machine:
    """What the choice of a model depends on: all GPUs, over which the engine spreads a model.

    Only where the engine is installed are GPUs looked for, which may take a second.
    """
    if lacking := faults():
        return Machine(fault=lacking[0].text)
    found = devices()
    return Machine(" and ".join(gpu.name for gpu in found), sum(gpu.free for gpu in found))


def devices(environment: Mapping[str, str] = os.environ) -> list[Device]:
    """The GPUs that CUDA would show to a process of this one, in its order.

    Asks `nvidia-smi`, for up to ten seconds; none where there is no answer.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse(done.stdout, environment.get("CUDA_VISIBLE_DEVICES"))


def parse(table: str, visible: str | None) -> list[Device]:
    """Read `nvidia-smi`'s rows; `visible` is CUDA_VISIBLE_DEVICES.

    Like CUDA, it takes indices and starts of identifiers, and ends at the first that is neither.
    """
    found: dict[tuple[str, str], Device] = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        try:
            index, uuid, name, total, free = cells
            found[index, uuid] = Device(name, int(total) * _MIB, int(free) * _MIB)
        except ValueError:
            continue  # an error message, or a device that keeps its memory to itself (MIG)
    if visible is None:
        return list(found.values())
    shown: list[Device] = []
    for wanted in visible.split(","):
        key = wanted.strip()
        named = [
            device
            for (index, uuid), device in found.items()
            if key and (key == index or (not key.isdigit() and uuid.startswith(key)))
        ]
        if len(named) != 1:
            break
        shown += named
    return shown


def faults(environment: Mapping[str, str] = os.environ) -> list[Fault]:
    """What ExLlamaV2 lacks in this environment; empty where it can be imported, as far as seen."""
    lacking = [name for name in ("exllamav2", "torch", "tokenizers") if find_spec(name) is None]
    if lacking:
        text = f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed"
        return [Fault(text, "pip install 'jupyter-fastgen[exllamav2]'")]
    if _version("torch").endswith("+cpu"):
        text = f"torch {_version('torch')} is built without CUDA"
        return [Fault(text, "pip uninstall torch, then pip install torch from the package index")]
    if find_spec(EXTENSION) is not None:
        return []
    if any(list(folder.glob(f"{EXTENSION}.*")) for folder in build_folders(environment)):
        return []
    return _build_faults(environment)


def build_folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Where torch keeps the extension that it built: one folder for each Python and CUDA."""
    if chosen := environment.get("TORCH_EXTENSIONS_DIR"):
        return [Path(chosen) / EXTENSION]
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    python = f"py{sys.version_info.major}{sys.version_info.minor}_*"
    return sorted(Path(cache, "torch_extensions").glob(f"{python}/{EXTENSION}"))


def _build_faults(environment: Mapping[str, str]) -> list[Fault]:
    """What a build of the extension would lack."""
    path = environment.get("PATH")
    home = environment.get("CUDA_HOME") or environment.get("CUDA_PATH") or CUDA
    lacking: list[Fault] = []
    prebuilt = "or install a prebuilt extension, see docs/gpu.md"
    if shutil.which("nvcc", path=path) is None and not Path(home, "bin/nvcc").exists():
        text = "its extension is not built, and there is no nvcc to build it"
        lacking.append(Fault(text, f"install the CUDA toolkit and set CUDA_HOME, {prebuilt}"))
    if shutil.which("ninja", path=path) is None:
        text = "its extension is not built, and there is no ninja to build it"
        lacking.append(Fault(text, f"pip install ninja, {prebuilt}"))
    return lacking


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
