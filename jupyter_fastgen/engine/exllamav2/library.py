"""Bringing the `exllamav2` package into this process, which must be the engine's own.

Its import decides which attention there is, and compiles its C++ and CUDA sources where no built
extension is installed; both are made safe here.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import filelock

from ..base import EngineError

NEEDED = ("torch", "exllamav2", "tokenizers", "safetensors", "PIL", "rich", "numpy")
"""What ExLlamaV2 0.3.2 imports to run a model; its own metadata lack `tokenizers`."""

TO_BUILD = ("ninja",)
"""And what it needs where it has no built extension, beside a CUDA compiler."""

EXTENSION = "exllamav2_ext"

STALE = 600.0
"""Seconds without a new file after which a build was killed: its longest step takes under 200."""

STANDIN = Path(__file__).with_name("standin")
STANDIN_NAME = "paged, torch"

INSTALL = "pip install jupyter-fastgen[exllamav2]"


def missing() -> list[str]:
    """What must be installed before a model can run, as names of packages and programs."""
    wanted = {"PIL": "pillow"}
    absent = [wanted.get(name, name) for name in NEEDED if not _is_there(name)]
    if not _is_there(EXTENSION) and not _is_built():
        absent += [name for name in TO_BUILD if not _is_there(name)]
        absent += [] if _has_compiler() else ["nvcc (the CUDA toolkit)"]
    return absent


def import_library() -> str:
    """Import the package; gives the attention it runs with. Raises `EngineError`."""
    absent = missing()
    if absent:
        raise EngineError(
            f"ExLlamaV2 can't run: {', '.join(absent)} missing",
            f"run `{INSTALL}`; where it is compiled, the CUDA toolkit is needed, too",
        )
    # Its path through torch's scaled dot product attention drops the causal mask of every call
    # over more than one token (`attn.py`, `_attn_torch`): prompts and drafts would be computed
    # wrongly. With this, and `no_sdpa` in each configuration, it never takes it.
    os.environ["EXLLAMA_NO_SDPA"] = "1"
    attention = _provide_attention()
    try:
        with _building():
            importlib.import_module("exllamav2.generator.dynamic")
    except Exception as error:  # a failed build raises what its tools raise
        raise EngineError(
            f"ExLlamaV2 can't be imported: {_first_line(error)}",
            "install a built extension that fits your torch and CUDA, or what it needs to be"
            " compiled: nvcc, a C++ compiler and ninja",
        ) from error
    return attention


def _provide_attention() -> str:
    """Make `flash_attn` importable: the real one, else our own."""
    if str(STANDIN) in sys.path:
        return STANDIN_NAME
    torch: Any = importlib.import_module("torch")
    try:
        real: Any = importlib.import_module("flash_attn")
        importlib.import_module("flash_attn_2_cuda")
    except ImportError:  # absent, or built for another torch
        pass
    else:
        if torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8:
            return f"paged, flash-attn {real.__version__}"
    for name in [name for name in sys.modules if name.partition(".")[0] == "flash_attn"]:
        del sys.modules[name]
    sys.modules.pop("flash_attn_2_cuda", None)
    sys.path.insert(0, str(STANDIN))
    importlib.invalidate_caches()
    return STANDIN_NAME


@contextlib.contextmanager
def _building() -> Generator[None]:
    """While the import may compile: one process at a time, and no lock of a killed one."""
    if _is_there(EXTENSION):
        yield
        return
    folder = build_folder()
    with filelock.FileLock(folder.with_name(f"{folder.name}.fastgen.lock")):
        remove_stale_lock(folder)
        yield


def build_folder() -> Path:
    """Where torch builds the extension."""
    builder: Any = importlib.import_module("torch.utils.cpp_extension")
    return Path(builder._get_build_directory(EXTENSION, False))


def remove_stale_lock(folder: Path) -> bool:
    """Remove the `lock` file that a killed build left in `folder`, if one did.

    torch waits for such a file to go, for ever.
    """
    lock = folder / "lock"
    if not lock.exists():
        return False
    newest = max(path.stat().st_mtime for path in folder.iterdir())
    if time.time() - newest < STALE:
        return False
    lock.unlink()
    return True


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _is_built() -> bool:
    if not _is_there("torch"):
        return False
    with contextlib.suppress(ImportError, OSError):
        return (build_folder() / f"{EXTENSION}.so").is_file()
    return False


def _has_compiler() -> bool:
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    folders = [f"{home}/bin", *os.environ.get("PATH", "").split(os.pathsep)]
    return any(Path(folder, name).is_file() for folder in folders for name in ("nvcc", "nvcc.exe"))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
