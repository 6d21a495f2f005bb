"""The NVIDIA GPUs here, as its driver's own program tells of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from .engine.exllamav2 import requirements
from .models.choice import Machine

_QUERY = "index,uuid,name,memory.total,memory.free"
_MIB = 1 << 20


@dataclass(frozen=True)
class Device:
    """One GPU: `total` and `free` are bytes of its memory."""

    name: str
    total: int
    free: int


def machine() -> Machine:
    """What the choice of a model depends on: all GPUs, over which the engine spreads a model.

    Only where the engine is installed are GPUs looked for, which may take a second.
    """
    if lacking := requirements.faults():
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
