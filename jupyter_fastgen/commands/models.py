"""`jupyter fastgen models`: list, pull, verify, find and convert models."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ..models.catalog import Catalog, ModelEntry
    from ..models.store import ModelStatus, ModelStore
    from ..models.transfer import Progress

app = typer.Typer(help="The models: list, pull, verify, path, convert.", no_args_is_help=True)

Name = Annotated[
    str | None, typer.Argument(help="A name of the catalog; the default model when left out.")
]
Directory = Annotated[
    Path | None,
    typer.Option("--dir", envvar="FASTGEN_MODELS_DIR", help="Where the models lie."),
]
Extra = Annotated[
    Path | None,
    typer.Option("--catalog", envvar="FASTGEN_CATALOG", help="A further catalog file (TOML)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(directory: Directory = None, catalog: Extra = None, json: AsJson = False) -> None:
    """Show the models of the catalog and which of them are here."""
    models, store = _open(catalog, directory)
    found = [(entry, store.status(entry)) for entry in models]
    if json:
        default = models.default.name
        _print_json([_describe(entry, status, default) for entry, status in found])
    else:
        _print_table(found, models.default.name, store.directory)


@app.command()
def pull(
    name: Name = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch it again even if it is here and whole.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Take the model from this file (or folder) instead."),
    ] = None,
    directory: Directory = None,
    catalog: Extra = None,
) -> None:
    """Bring a model to this machine; goes on where an interrupted pull ended."""
    from ..models.catalog import FileSource

    models, store = _open(catalog, directory)
    entry = _entry(models, name)
    origin = FileSource(path=str(source.absolute())) if source is not None else None
    with _progress(entry.name) as progress:
        path = store.pull(entry, progress, source=origin, force=force)
    typer.echo(str(path))


@app.command()
def verify(
    name: Name = None, directory: Directory = None, catalog: Extra = None, json: AsJson = False
) -> None:
    """Hash every byte of a model and compare with what it should be."""
    models, store = _open(catalog, directory)
    entry = _entry(models, name)
    with _progress(entry.name) as progress:
        result = store.verify(entry, progress)
    if json:
        path = str(result.path) if result.path else None
        _print_json({"name": entry.name, "ok": result.ok, "path": path, "detail": result.detail})
    elif result.ok:
        typer.echo(f"{entry.name}: {result.detail}")
    if not result.ok:
        if not json:
            mend = f"Run: jupyter fastgen models pull {entry.name}"
            typer.echo(f"error: {entry.name}: {result.detail}. {mend}", err=True)
        raise typer.Exit(1)


@app.command("path")
def print_path(name: Name = None, directory: Directory = None, catalog: Extra = None) -> None:
    """Print where a model lies; fails if it is not here and whole."""
    models, store = _open(catalog, directory)
    entry = _entry(models, name)
    path = store.path(entry)
    if path is None:
        status = store.status(entry)
        why = f"{status.state}: {status.detail}" if status.detail else status.state
        mend = f"Run: jupyter fastgen models pull {entry.name}"
        typer.echo(f"error: {entry.name} is not ready ({why}). {mend}", err=True)
        raise typer.Exit(1)
    typer.echo(str(path))


@app.command()
def convert(
    source: Annotated[
        str,
        typer.Argument(help="A folder of safetensors, a .gguf file, or a name of the catalog."),
    ],
    to: Annotated[Literal["exl2"], typer.Option("--to", help="The format to write.")] = "exl2",
    bpw: Annotated[
        float, typer.Option("--bpw", min=2.0, max=8.0, help="Bits per weight, on average.")
    ] = 4.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The new folder; by default converted/NAME beside the models."),
    ] = None,
    directory: Directory = None,
    catalog: Extra = None,
) -> None:
    """Quantize a model for ExLlamaV2, on an NVIDIA GPU; goes on where it was interrupted."""
    from .. import gpu
    from ..engine.exllamav2 import requirements
    from ..models import exl2
    from ..models.errors import ConversionFailed, ModelNotHere
    from ..models.resolve import resolve

    models, store = _open(catalog, directory)
    found = resolve(source, models, store)
    if found.path is None:
        raise ModelNotHere(found.entry.name)
    target = out or store.directory / "converted" / f"{found.entry.name}-{to}-{bpw}bpw"
    for fault in requirements.faults():
        raise ConversionFailed(target, fault.text, fault.mend)
    if not gpu.devices():
        raise ConversionFailed(
            target, "no NVIDIA GPU is here", "run it on a machine that has one, and copy the folder"
        )
    with _progress(found.entry.name, in_bytes=False) as progress:
        exl2.convert(
            found.path,
            target.absolute(),
            bpw,
            lambda done, what: progress(round(1000 * done), 1000, what),
        )
    typer.echo(str(target))


def _open(extra: Path | None, directory: Path | None) -> tuple[Catalog, ModelStore]:
    from ..models.catalog import load_catalog
    from ..models.store import ModelStore

    return load_catalog(extra), ModelStore(directory.expanduser() if directory else None)


def _entry(models: Catalog, name: str | None) -> ModelEntry:
    return models.get(name) if name is not None else models.default


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, indent=2))


def _hash_origin(entry: ModelEntry) -> str:
    return "pinned" if entry.sha256 else "from the hub"


def _describe(entry: ModelEntry, status: ModelStatus, default: str) -> dict[str, object]:
    return {
        "name": entry.name,
        "default": entry.name == default,
        "title": entry.title,
        "engine": entry.engine,
        "fim": entry.fim,
        "licence": entry.licence,
        "context": entry.context,
        "roles": list(entry.roles),
        "projector": entry.projector,
        "size": entry.size,
        "sha256": entry.sha256,
        "hash": _hash_origin(entry),
        "sources": [str(source) for source in entry.sources],
        "state": status.state,
        "detail": status.detail,
        "present": status.present,
        "path": str(status.path) if status.path else None,
    }


def _print_table(
    found: list[tuple[ModelEntry, ModelStatus]], default: str, directory: Path
) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..models.errors import human_size

    table = Table(box=None, pad_edge=False)
    for column in ("name", "state", "size", "sha256", "engine", "licence"):
        # A name is there to be copied; the rest may wrap.
        table.add_column(column, no_wrap=column == "name")
    for entry, status in found:
        size = entry.size or (status.present if status.state == "ready" else None)
        table.add_row(
            f"{entry.name} *" if entry.name == default else entry.name,
            status.state,
            human_size(size) if size else "?",
            _hash_origin(entry),
            entry.engine,
            entry.licence,
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"* the default. They lie in {directory}", soft_wrap=True)


@contextmanager
def _progress(name: str, *, in_bytes: bool = True) -> Generator[Progress]:
    """Show how far it is on standard error: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _LinePrinter(name)
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(bar_width=16),
        rich.DownloadColumn() if in_bytes else rich.TaskProgressColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(done: int, total: int, note: str) -> None:
            bar.update(task, completed=done, total=total or None, description=note)

        yield show


class _LinePrinter:
    """Progress for a log: a line when something else is being done, or a tenth more is."""

    PAUSE_S = 2.0

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ("", -1)
        self._when = 0.0

    def __call__(self, done: int, total: int, note: str, /) -> None:
        tenth = 10 * done // total if total else 0
        now = time.monotonic()
        same = note == self._last[0]
        if same and (tenth == self._last[1] or now - self._when < self.PAUSE_S):
            return
        self._last, self._when = (note, tenth), now
        percent = f" ({100 * done // total} %)" if total else ""
        print(f"{self._name}: {note}{percent}", file=sys.stderr, flush=True)
