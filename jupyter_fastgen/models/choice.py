"""Which model runs where nobody named one: by what the machine has, and the catalog offers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .catalog import Catalog, ModelEntry
from .errors import human_size

RESERVE = 2 << 30
"""Bytes of GPU memory for CUDA itself, the activations of a prompt and what is unpacked at once."""


@dataclass(frozen=True)
class Machine:
    """What the choice depends on.

    `gpu` names the GPUs, empty where there is none; `free` are the bytes of their memory that
    nobody holds. `fault` says why ExLlamaV2 can't run here, empty where it can.
    """

    gpu: str = ""
    free: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Choice:
    """The model, why it is that one, and the larger one that would fit but isn't here."""

    entry: ModelEntry
    reason: str
    better: ModelEntry | None = None


def choose(
    catalog: Catalog, machine: Machine, tokens: int, is_here: Callable[[ModelEntry], bool]
) -> Choice:
    """Of the models for the GPU that fit, the largest that is here; else the catalog's default.

    Where neither is here, the largest that fits, to be pulled. A model fits when its weights,
    those by which it sees, the KV cache of `tokens` and a reserve are within the free memory.
    """
    default = catalog.default
    if machine.fault:
        return Choice(default, f"ExLlamaV2 can't run here: {machine.fault}")
    if not machine.gpu:
        return Choice(default, "no NVIDIA GPU was found")
    needs = {entry.name: need for entry in catalog if (need := gpu_memory(entry, tokens))}
    fitting = [entry for entry in catalog if needs.get(entry.name, math.inf) <= machine.free]
    fitting.sort(key=lambda entry: needs[entry.name])
    room = f"{machine.gpu} with {human_size(machine.free)} free"
    if not fitting:
        return Choice(default, f"no model of the catalog fits in {room}")
    largest = fitting[-1]
    here = [entry for entry in fitting if is_here(entry)]
    if here:
        better = largest if largest != here[-1] else None
        return Choice(here[-1], f"the largest here that fits in {room}", better)
    if is_here(default):
        return Choice(default, f"none of the models that fit in {room} is here", largest)
    return Choice(largest, f"the largest that fits in {room}")


def gpu_memory(entry: ModelEntry, tokens: int) -> int | None:
    """Bytes that a model takes on a GPU with a KV cache of `tokens`; None for one of the CPU.

    All parameters count at the quantization's bit rate and the cache in 16 bits, both a little
    more than it is: ExLlamaV2 keeps the embedding in main memory, and the cache may be quantized.
    """
    weights = weight_bytes(entry)
    if entry.engine != "exllamav2" or weights is None or entry.kv_bytes is None:
        return None
    return weights + (entry.tower_bytes or 0) + tokens * entry.kv_bytes + RESERVE


def weight_bytes(entry: ModelEntry) -> int | None:
    """Bytes of a model's weights: of its file, or about, of a folder."""
    if entry.size is not None or entry.parameters is None or entry.bits is None:
        return entry.size
    return int(entry.parameters * entry.bits / 8)
