"""What ghost text needs on this machine, looked at piece by piece, for `jupyter fastgen doctor`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from . import computer, gpu
from .engine import machine
from .engine.exllamav2 import requirements
from .engine.exllamav2.requirements import Fault
from .errors import FastgenError

if TYPE_CHECKING:
    from .app import FastgenApp
    from .engine.base import Abilities, ModelSpec, Stats
    from .models.catalog import Catalog, ModelEntry
    from .models.store import ModelStore

EXTENSION = "jupyter_fastgen"

KV_BYTES = 64 * 1024
"""Memory for one token of context, generously: the catalog's small models take 12 to 56 KiB."""

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` is the command or setting that puts it right.

    "failed" means that there is no ghost text until it is mended, "warning" that it is worse
    than it could be. `facts` are the same thing for programs.
    """

    name: str
    verdict: Verdict
    text: str
    mend: str
    facts: dict[str, object]


def examine() -> Iterator[Finding]:
    """Look at everything without starting the engine; cheap things first."""
    yield _versions()
    yield from _front_end()
    yield _server_half()
    yield _languages()
    try:
        from .configured import load_app

        app = load_app()
    except FastgenError as error:
        yield Finding("configuration", "failed", str(error), "correct the file named", {})
        return
    if app.policy_file:
        yield _policy(app)
    yield from _model_and_engine(app)


# --- the two halves of the extension ------------------------------------------


def _versions() -> Finding:
    packages = ("jupyter-fastgen", "jupyterlab", "notebook", "jupyter_server", "xllamacpp")
    found: dict[str, object] = {"python": ".".join(map(str, sys.version_info[:3]))}
    found |= {name: _version(name) for name in packages}
    text = ", ".join(f"{name} {number or 'absent'}" for name, number in found.items())
    if found["jupyterlab"] is None and found["notebook"] is None:
        text += "; JupyterLab must be installed where the server runs"
        return Finding("versions", "failed", text, "pip install 'jupyterlab>=4.6,<5'", found)
    return Finding("versions", "ok", text, "", found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _front_end() -> Iterator[Finding]:
    try:
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_federated_extensions, get_page_config
    except ImportError:
        return  # without JupyterLab; said above
    folders = jupyter_path("labextensions")
    extension = get_federated_extensions(folders).get(EXTENSION)
    if extension is None:
        where = os.pathsep.join(folders)
        yield Finding(
            "front end",
            "failed",
            f"no labextension {EXTENSION} in {where}",
            "pip install --force-reinstall --no-deps jupyter-fastgen",
            {"installed": False},
        )
        return
    page: dict[str, Any] = get_page_config(folders)
    disabled = [name for name in page.get("disabledExtensions", []) if _is_ours(name)]
    path = str(extension["ext_path"])
    facts: dict[str, object] = {"installed": True, "path": path, "disabled": disabled}
    if disabled:
        names = " ".join(disabled)
        yield Finding(
            "front end",
            "failed" if EXTENSION in disabled else "warning",
            f"disabled: {names}",
            f"jupyter labextension enable {names}",
            facts,
        )
    else:
        text = f"labextension {extension['version']} is enabled, in {path}"
        yield Finding("front end", "ok", text, "", facts)


def _is_ours(plugin: str) -> bool:
    return plugin.split(":", 1)[0] == EXTENSION


def _server_half() -> Finding:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager: Any = ExtensionConfigManager(read_config_path=jupyter_config_path())
    enabled = bool(manager.get_jpserver_extensions().get(EXTENSION, False))
    facts: dict[str, object] = {"enabled": enabled}
    if enabled:
        return Finding("server extension", "ok", "enabled", "", facts)
    mend = f"jupyter server extension enable {EXTENSION}"
    return Finding("server extension", "failed", "not enabled", mend, facts)


def _languages() -> Finding:
    from .edit.grammars import LANGUAGES, missing_grammars

    missing = missing_grammars()
    facts: dict[str, object] = {"languages": list(LANGUAGES), "missing": list(missing)}
    if not missing:
        return Finding("languages", "ok", f"grammars for all {len(LANGUAGES)}", "", facts)
    known = len(LANGUAGES) - len(missing)
    text = f"grammars for {known}; by indentation only: {', '.join(missing)}"
    mend = "pip install " + " ".join(f"'{package}'" for package in sorted(set(missing.values())))
    return Finding("languages", "warning", text, mend, facts)


# --- the model and its engine -------------------------------------------------


def _policy(app: FastgenApp) -> Finding:
    """What this server's own file turns off, and whether ghost text is left."""
    said = app.allowed.rules().features
    off: dict[str, object] = {name: told.why for name, told in said.items() if not told.on}
    reasons = [f"off: {', '.join(n for n in off if off[n] == why)}: {why}" for why in off.values()]
    text = "; ".join(dict.fromkeys(reasons)) or "nothing is off"
    told = app.host.allowed()
    if told.on and "suggestions" not in off:
        return Finding("policy", "ok", text, "", off)
    text = text if "suggestions" in off else told.why
    return Finding("policy", "failed", text, "correct it, or ask who wrote it", off)


def _model_and_engine(app: FastgenApp) -> Iterator[Finding]:
    from .engine.address import is_url

    if is_url(app.model):
        yield _server("engine", app.model, app.api_key)
    else:
        yield from _own_model(app)
    if app.remote:
        yield _server("remote", app.remote, app.remote_api_key)


def _own_model(app: FastgenApp) -> Iterator[Finding]:
    from .host import EDIT_TOKENS
    from .models.catalog import load_catalog
    from .models.resolve import best_for_edits, resolve
    from .models.store import ModelStore

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
    yield _gpu(devices, faults, choice.better if choice else None)
    if choice is None:
        reason = "as configured"
    else:
        reason = choice.reason if devices else "the default model, without an NVIDIA GPU"
    yield _gpu_engine(entry, reason, devices, faults) if on_gpu else _engine(entry, reason)
    yield _processors(app.threads)
    if not on_gpu:
        tokens = app.slots * (app.context_tokens + app.cell_tokens + app.suffix_tokens + 1024)
        tokens += EDIT_TOKENS
        yield _memory(sum(model.size or 0 for model in {entry, edits}) + tokens * KV_BYTES)


def _model(entry: ModelEntry, path: Path | None, store: ModelStore) -> Finding:
    from .models.choice import weight_bytes
    from .models.errors import human_size

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


def _gpu(devices: list[gpu.Device], faults: list[Fault], better: ModelEntry | None) -> Finding:
    from .models.errors import human_size

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


def _server(name: Literal["engine", "remote"], url: str, api_key: str) -> Finding:
    """What a server that others run says of itself, and what it was found to do."""
    import asyncio

    from .engine.address import place
    from .engine.base import EngineError, ModelSpec

    facts: dict[str, object] = {"name": "server"}
    try:
        facts["at"] = place(url)
        stats = asyncio.run(_asked(ModelSpec("", url, api_key=api_key)))
    except FastgenError as error:
        mend = f"correct c.FastgenApp.{'model' if name == 'engine' else 'remote'}"
        said = str(error)
        if isinstance(error, EngineError):
            said, mend = error.reason, error.remedy or mend
        # Without the remote one there is ghost text.
        return Finding(name, "failed" if name == "engine" else "warning", said, mend, facts)
    can = stats.abilities
    assert can is not None
    facts |= {"model": stats.model, "context": stats.context, "sees": stats.sees != ""}
    facts["abilities"] = msgspec.to_builtins(can)
    model = f"{stats.model} on " if stats.model else ""
    text = f"{model}{can.server} at {place(url)}, as configured; {in_words(can)}"
    text += ", sees pictures" if stats.sees else ""
    return Finding(name, "ok", text, "", facts)


async def _asked(spec: ModelSpec) -> Stats:
    from .engine.served import adapter

    engine = await adapter(spec)
    try:
        await engine.load(spec, lambda _: None)
        return await engine.stats()
    finally:
        await engine.close()


def in_words(can: Abilities) -> str:
    """What a server can do, and what it lacks."""
    stops = {
        True: "stops when nobody listens",
        False: "writes on when nobody listens",
        None: "not known whether it stops when nobody listens",
    }
    said = [
        "fill-in-the-middle" if can.fim != "prefix-only" else "no fill-in-the-middle",
        f"tells {can.choices} likeliest tokens" if can.choices else "tells no likely tokens",
        "counts cached tokens" if can.counts else "does not count cached tokens",
        "grammars" if can.grammar else "no grammars",
        stops[can.aborts],
    ]
    said += ["cache salt"] * can.salts + ["priorities"] * can.prioritizes
    return ", ".join(said)


# --- the machine --------------------------------------------------------------


def _processors(configured: int) -> Finding:
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


def _memory(need: int) -> Finding:
    from .models.errors import human_size

    free = computer.available_memory()
    facts: dict[str, object] = {"available": free, "needed": need}
    if free is None:
        return Finding("memory", "ok", f"about {human_size(need)} are needed", "", facts)
    text = f"{human_size(free)} available, about {human_size(need)} needed"
    if free < need:
        mend = "free some, or set c.FastgenApp.model to a smaller model"
        return Finding("memory", "warning", text, mend, facts)
    return Finding("memory", "ok", text, "", facts)
