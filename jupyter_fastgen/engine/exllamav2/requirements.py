"""What ExLlamaV2 lacks in this environment, found without importing any of it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

EXTENSION = "exllamav2_ext"
"""The compiled half of the library: installed beforehand, or built when it is first imported."""

NEEDED = {
    "exllamav2": "exllamav2",
    "torch": "torch",
    "tokenizers": "tokenizers",
    "safetensors": "safetensors",
    "PIL": "pillow",
    "rich": "rich",
}
"""What ExLlamaV2 0.3.2 imports to run a model, and the packages that have it; its own metadata
lack `tokenizers`."""

CUDA = Path("/usr/local/cuda")
"""Where the toolkit is, unless a variable says otherwise."""

SCRIPTS = Path(sysconfig.get_path("scripts"))
"""Where the programs of this environment are, which need not be on the path."""

HEADER = Path(sysconfig.get_path("include"), "Python.h")
"""What every extension is compiled with."""


@dataclass(frozen=True)
class Fault:
    """What keeps the engine from running, and the command that mends it."""

    text: str
    mend: str


def faults(environment: Mapping[str, str] = os.environ) -> list[Fault]:
    """What keeps a model from running here; empty where it can, as far as seen."""
    if absent := _absent():
        return absent
    if _version("torch").endswith("+cpu"):
        text = f"torch {_version('torch')} is built without CUDA"
        return [Fault(text, "pip uninstall torch, then pip install torch from the package index")]
    return _unbuilt(environment)


def import_faults(environment: Mapping[str, str] = os.environ) -> list[Fault]:
    """What keeps the library from being imported, be there a GPU or not."""
    return _absent() or _unbuilt(environment)


def build_folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Where torch keeps the extension that it built: one folder for each Python and CUDA."""
    if chosen := environment.get("TORCH_EXTENSIONS_DIR"):
        return [Path(chosen) / EXTENSION]
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    python = f"py{sys.version_info.major}{sys.version_info.minor}_*"
    return sorted(Path(cache, "torch_extensions").glob(f"{python}/{EXTENSION}"))


def _absent() -> list[Fault]:
    packages = [package for name, package in NEEDED.items() if find_spec(name) is None]
    if not packages:
        return []
    text = f"{', '.join(packages)} {'is' if len(packages) == 1 else 'are'} not installed"
    return [Fault(text, "pip install 'jupyter-fastgen[exllamav2]'")]


def _unbuilt(environment: Mapping[str, str]) -> list[Fault]:
    """What a build of the extension would lack, where there is none yet."""
    if find_spec(EXTENSION) is not None:
        return []
    if any(list(folder.glob(f"{EXTENSION}.*")) for folder in build_folders(environment)):
        return []
    path = environment.get("PATH")
    home = environment.get("CUDA_HOME") or environment.get("CUDA_PATH") or CUDA
    lacking: list[tuple[str, str]] = []
    if shutil.which("nvcc", path=path) is None and not Path(home, "bin/nvcc").exists():
        lacking.append(("nvcc", "install the CUDA toolkit and set CUDA_HOME"))
    if shutil.which("ninja", path=path) is None and not (SCRIPTS / "ninja").exists():
        lacking.append(("ninja", "pip install ninja"))
    if shutil.which(environment.get("CXX") or "c++", path=path) is None:
        lacking.append(("C++ compiler", "apt-get install g++ (Debian, Ubuntu)"))
    if not HEADER.exists():
        lacking.append(("Python.h", "apt-get install python3-dev (Debian, Ubuntu)"))
    return [
        Fault(
            f"its extension is not built, and there is no {what} to build it",
            f"{mend}, or install a prebuilt extension, see docs/gpu.md",
        )
        for what, mend in lacking
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
