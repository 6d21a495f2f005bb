"""Moving bytes: progress, cancelling, hashing on the way, room on the disk.

Everything here streams; no more than one chunk is in memory.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from .errors import NotEnoughSpace, PullCancelled, SourceFailed

CHUNK = 1 << 20
# Left free beside the model itself: a disk filled to the last byte breaks other programs.
RESERVE = 64 << 20


class Progress(Protocol):
    """Called from the pulling thread, about once per megabyte.

    `total` is 0 while it is not known; `note` says in a few words what is being done.
    """

    def __call__(self, done: int, total: int, note: str, /) -> None:
        """Take note of how far the pull is."""


class Tracker:
    """Counts one pull's bytes for the caller, and notices that the caller wants to stop."""

    def __init__(
        self, name: str, progress: Progress | None, cancel: threading.Event | None, total: int
    ) -> None:
        self._name = name
        self._progress = progress
        self._cancel = cancel
        self._reported = (-1, "")
        self.done = 0
        self.total = total
        self.note = ""

    def say(self, note: str, done: int | None = None) -> None:
        """Report `note`, and `done` bytes where given; raises `PullCancelled` if asked to stop."""
        self.note = note
        if done is not None:
            self.done = done
        self.advance(0)

    def advance(self, count: int) -> None:
        """Count `count` more bytes; raises `PullCancelled` if asked to stop."""
        if self._cancel is not None and self._cancel.is_set():
            raise PullCancelled(self._name)
        self.done += count
        done, note = self._reported
        moved = abs(self.done - done) >= CHUNK or (self.done == self.total and self.done != done)
        if self._progress is not None and (moved or note != self.note):
            self._reported = (self.done, self.note)
            self._progress(self.done, self.total, self.note)


def hash_file(path: Path, advance: Callable[[int], None] | None = None) -> str:
    """Compute a file's sha256, in hexadecimal; `advance` hears of each chunk's length."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            if advance is not None:
                advance(len(chunk))
    return digest.hexdigest()


class GrowingFile:
    """A file that grows at its end and knows the sha256 of all it holds.

    What an earlier run left is taken over up to `keep` bytes (all of it by default) and hashed
    again, so that a damaged piece is found at the end however often the pull was interrupted.
    """

    def __init__(self, path: Path, keep: int | None = None) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self._stream = path.open("a+b")
        try:
            size = self._stream.seek(0, os.SEEK_END)
            self.size = size if keep is None else min(size, keep)
            self._stream.truncate(self.size)
            self._stream.seek(0)
            left = self.size
            while left > 0 and (chunk := self._stream.read(min(CHUNK, left))):
                self._digest.update(chunk)
                left -= len(chunk)
            self._stream.seek(0, os.SEEK_END)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> GrowingFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stream.close()

    def append(self, chunk: bytes) -> None:
        """Write `chunk` behind what is there."""
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def append_stream(self, stream: IO[bytes], limit: int, advance: Callable[[int], None]) -> None:
        """Write all of `stream`, which must not be longer than `limit` bytes."""
        start = self.size
        while chunk := stream.read(CHUNK):
            if self.size - start + len(chunk) > limit:
                raise SourceFailed("it holds more bytes than the catalog gives this model")
            self.append(chunk)
            advance(len(chunk))

    def clear(self) -> None:
        """Start again from nothing."""
        self._stream.truncate(0)
        self._digest = hashlib.sha256()
        self.size = 0

    def sync(self) -> None:
        """Return when what was written is on the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def sha256(self) -> str:
        """Give the hash of all the file holds, in hexadecimal."""
        return self._digest.hexdigest()


def check_space(directory: Path, need: int) -> None:
    """Raise `NotEnoughSpace` unless `need` bytes and a reserve fit on the disk of `directory`."""
    free = shutil.disk_usage(directory).free
    if free < need + RESERVE:
        raise NotEnoughSpace(directory, need + RESERVE, free)


def is_disk_full(error: OSError) -> bool:
    """Whether a write failed for want of room, quotas included."""
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def link_or_copy(source: Path, target: Path, tracker: Tracker) -> str:
    """Put `source` at `target` without a second copy where the disk allows; give its sha256."""
    source = source.resolve()
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        check_space(target.parent, source.stat().st_size)
        with source.open("rb") as stream, GrowingFile(target) as out:
            out.append_stream(stream, source.stat().st_size, tracker.advance)
            out.sync()
            return out.sha256()
    return hash_file(target, tracker.advance)


def sync_directory(directory: Path) -> None:
    """Make a rename inside `directory` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tree_size(directory: Path) -> int:
    """Bytes in all files below `directory`; 0 if it is not there."""
    total = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue  # moved away by the program that is writing there
    return total
