"""A model on this machine: whether it is here, and whether its engine can run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import gpu
from ..engine.exllamav2 import requirements
from ..engine.exllamav2.requirements import Fault
from ..errors import FastgenError
from .finding import Finding
from .machine import graphics, memory, processors

if TYPE_CHECKING:
    from ..app import FastgenApp
    from ..models.catalog import Catalog, ModelEntry
    from ..models.store import ModelStore

KV_BYTES = 64 * 1024
"""Memory for one token of context, generously: the catalog's small models take 12 to 56 KiB."""


def own_model(app: FastgenApp) -> Iterator[Finding]:
    """The model, the engine that runs it, and what this machine has for them."""
    from ..host.settings import EDIT_TOKENS
    from ..models.catalog import load_catalog
    from ..models.resolve import best_for_edits, resolve
    from ..models.store import ModelStore

    store = ModelStore(Path(app.models_dir) if app.models_dir else None)
    try:
        catalog = load_catalog(Path(app.catalog) if app.catalog else None)
        choice = None if app.model else app.host.choose(catalog)
        found = resolve(choice.entry.name if choice else app.model, catalog, store)
    except FastgenError as error:
        yield Finding("model", "failed", str(error), "correct c.FastgenApp.model", {})
        return
    entry = found.entry
    yield _model(entry, found.path, store)
    on_gpu = entry.engine == "exllamav2"
    edits = entry if app.model or on_gpu else best_for_edits(catalog, store)
    yield _edits(edits, catalog)
    devices, faults = gpu.devices(), requirements.faults()
    yield graphics(devices, faults, choice.better if choice else None)
    if choice is None:
        reason = "as configured"
    else:
        reason = choice.reason if devices else "the default model, without an NVIDIA GPU"
    yield _gpu_engine(entry, reason, devices, faults) if on_gpu else _engine(entry, reason)
    yield processors(app.threads)
    if not on_gpu:
        tokens = app.slots * (app.context_tokens + app.cell_tokens + app.suffix_tokens + 1024)
        tokens += EDIT_TOKENS
        yield memory(sum(model.size or 0 for model in {entry, edits}) + tokens * KV_BYTES)


def _model(entry: ModelEntry, path: Path | None, store: ModelStore) -> Finding:
    from ..models.choice import weight_bytes
    from ..models.errors import human_size

    status = store.status(entry)
    state = "ready" if path is not None else status.state
    free = _free_space(store.directory)
    facts: dict[str, object] = {
        "name": entry.name,
        "state": state,
        "path": str(path) if path else None,
        "sha256": entry.sha256,
        "size": entry.size,
        "directory": str(store.directory),
        "free": free,
    }
    if path is not None:
        hashed = "its hash was checked" if status.state == "ready" else "a file of your own"
        return Finding("model", "ok", f"{entry.name}: {hashed}, in {path}", "", facts)
    why = f" ({status.detail})" if status.detail else ""
    text = f"{entry.name} is {state}{why}; {store.directory} has {human_size(free)} free"
    need = (weight_bytes(entry) or 0) - status.present
    if need > free:
        text += f", {human_size(need)} are needed: make room, or set FASTGEN_MODELS_DIR"
    return Finding("model", "failed", text, f"jupyter fastgen models pull {entry.name}", facts)


def _edits(entry: ModelEntry, catalog: Catalog) -> Finding:
    facts: dict[str, object] = {"name": entry.name}
    fit = [e for e in catalog if "edit" in e.roles and e.engine == "llamacpp"]
    if "edit" in entry.roles or not fit:
        return Finding("edits", "ok", f"{entry.name} writes them", "", facts)
    text = f"{entry.name} writes them, which is small for that"
    least = min(fit, key=lambda e: e.size or 0)
    return Finding("edits", "warning", text, f"jupyter fastgen models pull {least.name}", facts)


def _free_space(directory: Path) -> int:
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return shutil.disk_usage(directory).free


def _gpu_engine(
    entry: ModelEntry, reason: str, devices: list[gpu.Device], faults: list[Fault]
) -> Finding:
    facts: dict[str, object] = {"name": entry.engine, "model": entry.name}
    if not devices:
        text = f"{entry.name} needs an NVIDIA GPU, and nvidia-smi shows none"
        return Finding("engine", "failed", text, "set c.FastgenApp.model to a GGUF model", facts)
    if faults:
        text = f"{entry.name} needs ExLlamaV2: {'; '.join(fault.text for fault in faults)}"
        return Finding("engine", "failed", text, "; ".join(fault.mend for fault in faults), facts)
    text = f"ExLlamaV2 in a process of its own runs {entry.name}: {reason}"
    return Finding("engine", "ok", text, "", facts)


def _engine(entry: ModelEntry, reason: str) -> Finding:
    facts: dict[str, object] = {"name": entry.engine, "model": entry.name}
    fault = import_fault("xllamacpp")
    if fault is None:
        text = f"llama.cpp in a process of its own runs {entry.name}: {reason}"
        return Finding("engine", "ok", text, "", facts)
    text = f"llama.cpp can't be used: {fault}"
    if "libgomp" in fault:
        mend = "apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora)"
    elif "No module named 'xllamacpp'" in fault:
        mend = "pip install xllamacpp; where it has no wheel, set c.FastgenApp.model to the URL"
        mend += " of a server"
    else:
        mend = "pip install --force-reinstall xllamacpp"
    return Finding("engine", "failed", text, mend, facts)


def import_fault(module: str) -> str | None:
    """Import a module in a fresh process: None if that works, or the last line of what it said."""
    command = [sys.executable, "-c", f"import {module}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "its import does not end"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"its import ends the process with status {done.returncode}"
