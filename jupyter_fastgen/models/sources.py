"""What the three kinds of source have in common, and the one for files of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from .catalog import FileSource, ModelEntry
from .errors import SourceFailed
from .transfer import Tracker, link_or_copy

# Weights and what a tokenizer and a loader need beside them. Nothing that can hold code.
ACCEPTED = (".gguf", ".safetensors", ".json", ".txt")


class ModelFile(msgspec.Struct, frozen=True):
    """One file of a fetched model: its name in the folder, and its sha256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Fetched:
    """What a source delivered into the job's folder.

    `checked` tells whether each hash was compared with one that the source's publisher gives;
    `revision` is the exact version where the source has versions.
    """

    files: tuple[ModelFile, ...]
    checked: bool
    revision: str | None = None


@dataclass(frozen=True)
class Job:
    """One attempt: bring `entry` into `folder`, where an earlier attempt may have left a start.

    Finished files go to `folder / "files"`; anything else in `folder` is the source's own.
    """

    entry: ModelEntry
    folder: Path
    tracker: Tracker

    @property
    def files(self) -> Path:
        """Where finished (or growing) model files lie."""
        return self.folder / "files"


def fetch_file(source: FileSource, job: Job) -> Fetched:
    """Link or copy a local file, or the model files of a local folder."""
    path = Path(source.path).expanduser()
    wanted = _local_files(path, job.entry)
    job.tracker.total = sum(file.stat().st_size for file in wanted)
    job.tracker.say(f"reading {path}", done=0)
    files: list[ModelFile] = []
    for number, file in enumerate(wanted):
        name = file.name if job.entry.is_folder else job.entry.files[number]
        try:
            digest = link_or_copy(file, job.files / name, job.tracker)
        except PermissionError as error:
            raise SourceFailed(f"{file} cannot be read: {error.strerror}") from error
        files.append(ModelFile(name, digest))
    return Fetched(tuple(files), checked=False)


def _local_files(path: Path, entry: ModelEntry) -> list[Path]:
    if not path.exists():
        raise SourceFailed("there is no such file")
    if not entry.is_folder:
        if not path.is_file():
            raise SourceFailed("it is a folder; this model is one .gguf file")
        size = path.stat().st_size
        if entry.size is not None and size != entry.size:
            raise SourceFailed(f"it has {size:,} bytes, the model has {entry.size:,}")
        beside = [path.with_name(name) for name in entry.files[1:]]
        for file in beside:
            if not file.is_file():
                raise SourceFailed(f"there is no {file.name} beside it, by which the model sees")
        return [path, *beside]
    if not path.is_dir():
        raise SourceFailed("it is a file; this model is a folder of files")
    files = [p for p in sorted(path.iterdir()) if p.is_file() and accepts(p.name)]
    require_folder([p.name for p in files])
    return files


def accepts(name: str) -> bool:
    """Whether a file of that name belongs to a model folder."""
    return name.endswith(ACCEPTED) and "/" not in name and not name.startswith(".")


def require_folder(names: list[str]) -> None:
    """Raise `SourceFailed` unless the names make up a loadable model folder."""
    if "config.json" not in names or not any(n.endswith(".safetensors") for n in names):
        raise SourceFailed("it has no config.json with .safetensors files beside it")
