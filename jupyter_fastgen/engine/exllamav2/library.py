"""Bringing the `exllamav2` package into this process, which must be the engine's own.

Its import decides which attention there is, and compiles its C++ and CUDA sources where no built
extension is installed; both are made safe here.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import filelock

from ..base import EngineError
from .requirements import EXTENSION, SCRIPTS, import_faults

STALE = 600.0
"""Seconds without a new file after which a build was killed: its longest step takes under 200."""

LOOK = 1.0
"""Seconds between looks at a build that another process may be at."""

STANDIN = Path(__file__).with_name("standin")
STANDIN_NAME = "paged, torch"


def import_library() -> str:
    """Import the package; gives the attention it runs with. Raises `EngineError`."""
    if lacking := import_faults():
        raise EngineError(
            f"ExLlamaV2 can't run: {'; '.join(fault.text for fault in lacking)}",
            "; ".join(fault.mend for fault in lacking),
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
            f"ExLlamaV2 can't be imported: {_reason(error)}",
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
    """While the import may compile: one process at a time, with what a build must find."""
    if find_spec(EXTENSION) is not None:
        importlib.import_module(EXTENSION)  # where that fails, the library does not say why
        yield
        return
    # A server that is started by its path has not its own environment's programs on the path.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), str(SCRIPTS)])
    # The packages that torch needs have the headers that the toolkit may lack.
    headers = [str(folder) for folder in sorted(_packages().glob("nvidia/*/include"))]
    known = filter(None, [os.environ.get("CPLUS_INCLUDE_PATH")])
    os.environ["CPLUS_INCLUDE_PATH"] = os.pathsep.join([*known, *headers])
    builder: Any = importlib.import_module("torch.utils.cpp_extension")
    folder = Path(builder._get_build_directory(EXTENSION, False))
    with filelock.FileLock(folder.with_name(f"{folder.name}.fastgen.lock")):
        if hasattr(builder, "FileBaton"):
            await_build(folder)
        yield


def await_build(folder: Path) -> None:
    """Wait for a build in `folder` that was begun elsewhere, unless it was killed.

    Such a one leaves its file `lock`, for whose end torch 2.13 and older would wait for ever. From
    2.14 on that file is always there, and means nothing.
    """
    lock = folder / "lock"
    while lock.exists():
        with contextlib.suppress(FileNotFoundError):  # what is being built comes and goes
            newest = max(path.stat().st_mtime for path in folder.iterdir())
            if time.time() - newest >= STALE:
                lock.unlink()
                return
        time.sleep(LOOK)


def _packages() -> Path:
    """The folder of the packages that torch is among."""
    torch: Any = importlib.import_module("torch")
    return Path(torch.__file__).parents[1]


def _reason(error: Exception) -> str:
    """What went wrong, in a line: of a failed build, the first thing that its compiler said."""
    lines = str(error).splitlines()
    said = (line for line in lines if "error:" in line)
    return next(said, next(iter(lines), "")) or type(error).__name__
