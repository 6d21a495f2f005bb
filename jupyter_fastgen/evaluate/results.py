"""A file of results that grows as they come, so that a run which was stopped goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ..errors import FastgenError

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)
RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class BadResultsError(FastgenError):
    """A file that can't be gone on with, or not be compared."""


@dataclass(frozen=True)
class Results(Generic[SettingsT, RecordT]):
    """What a file holds, and the way to add to it.

    Its first line is what makes two runs the same, the others are what was found.
    """

    path: Path
    settings: SettingsT
    records: list[RecordT]

    def add(self, record: RecordT) -> None:
        """Keep `record`, in the file too."""
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")
        self.records.append(record)


def read_results(
    path: Path, settings: type[SettingsT], record: type[RecordT]
) -> Results[SettingsT, RecordT]:
    """Read a file; a last line without its end, where a run was killed, is left out.

    Raises `BadResultsError`.
    """
    try:
        whole = path.read_bytes().split(b"\n")[:-1]
        told = msgspec.json.decode(whole[0] if whole else b"", type=settings)
        records = [msgspec.json.decode(line, type=record) for line in whole[1:]]
    except OSError as error:
        raise BadResultsError(f"{path} can't be read: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise BadResultsError(
            f"{path} holds no results of `jupyter fastgen eval`: {error}; choose another file"
        ) from error
    return Results(path, told, records)


def open_results(
    path: Path, settings: SettingsT, record: type[RecordT]
) -> Results[SettingsT, RecordT]:
    """Begin a file, or go on with the one that is there; raises `BadResultsError`."""
    if not path.exists() or path.stat().st_size == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(settings) + b"\n")
        return Results(path, settings, [])
    found = read_results(path, type(settings), record)
    for name in settings.__struct_fields__:
        theirs, ours = getattr(found.settings, name), getattr(settings, name)
        if theirs != ours:
            raise BadResultsError(
                f"{path} was made with {name} = {theirs!r}, not {ours!r}:"
                " choose another file with --out, or the same settings"
            )
    _cut_torn_line(path)
    return found


def _cut_torn_line(path: Path) -> None:
    whole = path.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        with path.open("r+b") as file:
            file.truncate(end)
