"""Files of JSON lines that are measured on, and which of their rows."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import random
from pathlib import Path
from typing import TypeVar

import msgspec

from ..errors import FastgenError

RowT = TypeVar("RowT", bound=msgspec.Struct)


def read_rows(path: Path, kind: type[RowT]) -> tuple[list[RowT], str]:
    """Read a file of JSON lines, plain, .gz or .xz: its rows and its digest.

    Raises `FastgenError` for a file that can't be read, or holds other rows.
    """
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    try:
        raw = path.read_bytes()
        lines = unpack(raw).splitlines()
        rows = [msgspec.json.decode(line, type=kind) for line in lines if line.strip()]
    except (OSError, EOFError, lzma.LZMAError, msgspec.MsgspecError) as error:
        names = ", ".join(field.name for field in msgspec.structs.fields(kind) if field.required)
        raise FastgenError(f"{path} can't be read as rows of {names}: {error}") from error
    return rows, hashlib.sha256(raw).hexdigest()


def sample(count: int, limit: int, seed: int) -> list[int]:
    """Which of `count` rows are taken, in order; all of them where `limit` is 0 or too much."""
    if not 0 < limit < count:
        return list(range(count))
    return sorted(random.Random(seed).sample(range(count), limit))
