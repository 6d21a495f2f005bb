"""What this machine has for models: GPUs, processors and memory."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import computer, gpu
from ..engine import machine
from ..engine.exllamav2.requirements import Fault
from .finding import Finding

if TYPE_CHECKING:
    from ..models.catalog import ModelEntry


def graphics(devices: list[gpu.Device], faults: list[Fault], better: ModelEntry | None) -> Finding:
    """GPUs; `better` is a model that would fit them and is not here."""
    from ..models.errors import human_size

    facts: dict[str, object] = {
        "devices": [asdict(device) for device in devices],
        "lacking": [fault.text for fault in faults],
    }
    if not devices:
        return Finding("gpu", "ok", "no NVIDIA GPU; models run on the processor", "", facts)
    text = ", ".join(
        f"{device.name} with {human_size(device.free)} of {human_size(device.total)} free"
        for device in devices
    )
    if faults:
        text += f"; ExLlamaV2 can't use it: {'; '.join(fault.text for fault in faults)}"
        return Finding("gpu", "warning", text, "; ".join(fault.mend for fault in faults), facts)
    if better is not None:
        text += f"; {better.name} fits, but is not here"
        return Finding("gpu", "warning", text, f"jupyter fastgen models pull {better.name}", facts)
    return Finding("gpu", "ok", text, "", facts)


def processors(configured: int) -> Finding:
    """How many threads compute; `configured` 0 is as many as fit."""
    cores = machine.physical_cores()
    quota = machine.cpu_quota()
    threads = configured or machine.fitting_threads()
    facts: dict[str, object] = {"cores": cores, "quota": quota, "threads": threads}
    limited = f", of which the container may use {quota:g}" if quota is not None else ""
    text = f"{threads} threads on {cores} cores{limited}"
    if threads == 1:
        text += ": one core is slow; a smaller model helps"
        mend = "set c.FastgenApp.model to 'smollm2-135m'"
        return Finding("processors", "warning", text, mend, facts)
    return Finding("processors", "ok", text, "", facts)


def memory(need: int) -> Finding:
    """Whether `need` bytes can be had."""
    from ..models.errors import human_size

    free = computer.available_memory()
    facts: dict[str, object] = {"available": free, "needed": need}
    if free is None:
        return Finding("memory", "ok", f"about {human_size(need)} are needed", "", facts)
    text = f"{human_size(free)} available, about {human_size(need)} needed"
    if free < need:
        mend = "free some, or set c.FastgenApp.model to a smaller model"
        return Finding("memory", "warning", text, mend, facts)
    return Finding("memory", "ok", text, "", facts)
