"""The models on this machine: which are whole, and how the others get here.

Layout of the models directory, for a model NAME:

    NAME/                 the model's file (or files) and `.verified.json`, always whole:
                          it appears by one rename, after the hash was checked
    NAME.partial/         what an unfinished pull has so far, a folder for each source
    NAME.lock             held by the one process that pulls NAME
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import UNREADABLE
from .catalog import FileSource, ModelEntry, Source
from .errors import NotEnoughSpace, PullFailed, SourceFailed, StoreNotWritable
from .fetching import fetch
from .sources import Fetched, Job, ModelFile
from .transfer import Progress, Tracker, hash_file, is_disk_full, sync_directory, tree_size

STAMP = ".verified.json"

State = Literal["ready", "missing", "partial", "unverified", "damaged"]


@dataclass(frozen=True)
class ModelStatus:
    """What of a model is here, found without reading it.

    `state` is "ready" (whole: `path` is set), "missing", "partial" (an unfinished pull of
    `present` bytes), "unverified" (files of the right size that were never hashed, or touched
    since) or "damaged" (a file is gone or has the wrong size). `detail` says it in words.
    """

    name: str
    state: State
    path: Path | None
    present: int
    size: int | None
    detail: str


@dataclass(frozen=True)
class VerifyResult:
    """The outcome of hashing a model's files: `ok`, and in words what was found."""

    name: str
    ok: bool
    path: Path | None
    detail: str


class _StampedFile(msgspec.Struct, frozen=True):
    name: str
    size: int
    mtime_ns: int
    sha256: str


class _Stamp(msgspec.Struct, frozen=True):
    """What was verified, and how the files looked then: daily starts compare, and hash nothing."""

    files: tuple[_StampedFile, ...]
    source: str
    revision: str | None = None


def default_directory() -> Path:
    """FASTGEN_MODELS_DIR, or `fastgen/models` in Jupyter's data directory of this user."""
    chosen = os.environ.get("FASTGEN_MODELS_DIR")
    if chosen:
        return Path(chosen).expanduser()
    # Imported now: it is needed by no other part, and not with the variable set.
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "fastgen" / "models"


class ModelStore:
    """The models directory. Safe to use from several threads and processes.

    Parameters
    ----------
    directory
        Where the models lie; `default_directory()` when None. Made when something is pulled.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory if directory is not None else default_directory()

    def path(self, entry: ModelEntry) -> Path | None:
        """Give the model's file (its folder, for a model of many files) if it is whole.

        Cheap: sizes and times are compared with those of the last verification. None when the
        model is missing, damaged or was never verified; `pull` mends all three.
        """
        stamp = self._stamp(entry)
        if stamp is None or self._deviation(entry, stamp) is not None:
            return None
        return self._place(entry)

    def status(self, entry: ModelEntry) -> ModelStatus:
        """Say what of the model is here, as cheaply as `path` does."""
        stamp = self._stamp(entry)
        path = self._place(entry)
        if not path.exists():
            partial = self._kept(entry)
            state, detail = ("partial", "unfinished download") if partial else ("missing", "")
            return ModelStatus(entry.name, state, None, partial, entry.size, detail)
        present = tree_size(path) if entry.is_folder else self._size(entry)
        if stamp is not None:
            deviation = self._deviation(entry, stamp)
            if deviation is None:
                return ModelStatus(entry.name, "ready", path, present, present, "")
            damaged, detail = deviation
            state = "damaged" if damaged else "unverified"
            return ModelStatus(entry.name, state, None, present, entry.size, detail)
        if entry.size is not None and present != entry.size:
            detail = f"it has {present:,} bytes instead of {entry.size:,}"
            return ModelStatus(entry.name, "damaged", None, present, entry.size, detail)
        return ModelStatus(
            entry.name, "unverified", None, present, entry.size, "it was never hashed"
        )

    def pull(
        self,
        entry: ModelEntry,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
        *,
        source: Source | None = None,
        force: bool = False,
    ) -> Path:
        """Make the model whole and give its path; blocks, so call it in a thread.

        Parameters
        ----------
        entry
            What to pull.
        progress
            Called from this thread, about once per megabyte.
        cancel
            Set it from another thread to stop; what was fetched is kept.
        source
            Try this one alone instead of the entry's.
        force
            Fetch again even if the model is whole; it is replaced when the new one is verified.

        Raises
        ------
        PullFailed
            No source delivered; names each and why.
        NotEnoughSpace, StoreNotWritable
            The models directory cannot take the model.
        PullCancelled
            `cancel` was set.
        """
        if not force and (path := self.path(entry)) is not None:
            return path
        tracker = Tracker(entry.name, progress, cancel, entry.size or 0)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with self._locked(entry, tracker):
                # Perhaps the process that held the lock pulled this very model.
                if not force and (path := self.path(entry) or self._adopt(entry, tracker)):
                    return path
                return self._pull(entry, tracker, (source,) if source else entry.sources)
        except OSError as error:
            if is_disk_full(error):
                free = shutil.disk_usage(self.directory).free
                raise NotEnoughSpace(self.directory, None, free) from error
            raise StoreNotWritable(self.directory, error.strerror or str(error)) from error

    def verify(
        self,
        entry: ModelEntry,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> VerifyResult:
        """Hash every byte of the model that is here and compare.

        The files are left as they are, but a wrong hash ends their being taken for whole: `path`
        is None from then on, and the next `pull` fetches the model again. A file that was only
        touched is fit for `path` again.
        """
        path = self._place(entry)
        if not path.exists():
            return VerifyResult(entry.name, False, None, "it is not on this machine")
        tracker = Tracker(entry.name, progress, cancel, entry.size or tree_size(path))
        tracker.say("checking", done=0)
        stamp = self._stamp(entry)
        expected = self._expected(entry, stamp)
        if expected is None:
            return VerifyResult(entry.name, False, path, "there is no hash to compare it with")
        for file in expected:
            where = self.directory / entry.name / file.name
            if not where.is_file():
                return VerifyResult(entry.name, False, path, f"{file.name} is missing")
            if hash_file(where, tracker.advance) != file.sha256:
                self._unstamp(entry)
                return VerifyResult(entry.name, False, path, f"the hash of {file.name} is wrong")
        count = f"{len(expected)} files match" if len(expected) > 1 else "sha256 matches"
        origin = "the catalog" if entry.sha256 else "what its source gave"
        self._restamp(entry, expected, stamp)
        return VerifyResult(entry.name, True, path, f"{count} {origin}")

    # The steps of a pull; the lock is held.

    def _pull(self, entry: ModelEntry, tracker: Tracker, sources: tuple[Source, ...]) -> Path:
        failures: list[tuple[str, str]] = []
        for source in sources:
            job = Job(entry, self._partial(entry) / _key(source), tracker)
            try:
                fetched = fetch(source, job)
                self._check(job, fetched)
            except SourceFailed as error:
                failures.append((str(source), str(error)))
                continue
            return self._install(job, fetched, str(source))
        if not failures:
            failures.append(("catalog", "the entry has no sources"))
        raise PullFailed(entry.name, failures, self._kept(entry), _way_out(entry))

    def _check(self, job: Job, fetched: Fetched) -> None:
        """Compare what came with the catalog; a mismatch is dropped, so that it is never reused."""
        expected = job.entry.sha256
        for file in fetched.files:
            path = job.files / file.name
            problem = None
            if expected is not None and file.sha256 != expected:
                problem = f"its sha256 is {file.sha256}, the catalog has {expected}"
            elif file.name.endswith(".gguf") and not _is_gguf(path):
                problem = f"{file.name} is not a GGUF file"
            if problem:
                shutil.rmtree(job.folder, ignore_errors=True)
                raise SourceFailed(problem)

    def _install(self, job: Job, fetched: Fetched, source: str) -> Path:
        """Give the finished folder its name, in one step, and clear up."""
        entry = job.entry
        _write_stamp(job.files, fetched.files, source, fetched.revision)
        target = self.directory / entry.name
        old = self._partial(entry) / "old"
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        os.replace(job.files, target)
        sync_directory(self.directory)
        shutil.rmtree(self._partial(entry), ignore_errors=True)
        return self._place(entry)

    def _adopt(self, entry: ModelEntry, tracker: Tracker) -> Path | None:
        """Take files that are here without a valid stamp, if their hashes are right."""
        if self.status(entry).state != "unverified":
            return None
        tracker.say("checking the files that are here", done=0)
        stamp = self._stamp(entry)
        expected = self._expected(entry, stamp)
        folder = self.directory / entry.name
        for file in expected or ():
            if hash_file(folder / file.name, tracker.advance) != file.sha256:
                tracker.say("the file here has the wrong hash", done=0)
                return None
        if not expected:
            return None
        self._restamp(entry, expected, stamp)
        return self._place(entry)

    @contextmanager
    def _locked(self, entry: ModelEntry, tracker: Tracker) -> Generator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.directory / f"{entry.name}.lock")
        while True:
            try:
                lock.acquire(timeout=0.2)  # pyright: ignore[reportUnknownMemberType]
                break
            except Timeout:
                tracker.say("another process is pulling this model; waiting for it")
        try:
            yield
        finally:
            lock.release()

    # Where things are, and what the stamp says.

    def _place(self, entry: ModelEntry) -> Path:
        folder = self.directory / entry.name
        return folder if entry.file is None else folder / entry.file

    def _size(self, entry: ModelEntry) -> int:
        """Bytes of those files of the model that are here."""
        files = [self.directory / entry.name / name for name in entry.files]
        return sum(file.stat().st_size for file in files if file.exists())

    def _partial(self, entry: ModelEntry) -> Path:
        return self.directory / f"{entry.name}.partial"

    def _kept(self, entry: ModelEntry) -> int:
        """Count the bytes of unfinished pulls."""
        return sum(tree_size(files) for files in self._partial(entry).glob("*/files"))

    def _stamp(self, entry: ModelEntry) -> _Stamp | None:
        try:
            raw = (self.directory / entry.name / STAMP).read_bytes()
            return msgspec.json.decode(raw, type=_Stamp)
        except (OSError, *UNREADABLE):
            return None

    def _deviation(self, entry: ModelEntry, stamp: _Stamp) -> tuple[bool, str] | None:
        """How the files differ from the stamp: (is it damage, in words), or None."""
        if entry.file is not None:
            if [file.name for file in stamp.files] != list(entry.files):
                return False, "the catalog now names another file"
            if entry.sha256 is not None and stamp.files[0].sha256 != entry.sha256:
                return False, "the catalog now has another hash"
        for file in stamp.files:
            try:
                found = (self.directory / entry.name / file.name).stat()
            except OSError:
                return True, f"{file.name} is missing"
            if found.st_size != file.size:
                return True, f"{file.name} has {found.st_size:,} bytes instead of {file.size:,}"
            if found.st_mtime_ns != file.mtime_ns:
                return False, f"{file.name} was touched since it was verified"
        return None

    def _expected(self, entry: ModelEntry, stamp: _Stamp | None) -> tuple[ModelFile, ...] | None:
        """Give the hashes that the files here should have; None when nobody knows."""
        if entry.file is not None and entry.sha256 is not None:
            return (ModelFile(entry.file, entry.sha256),)
        if stamp is None:
            return None
        return tuple(ModelFile(file.name, file.sha256) for file in stamp.files)

    def _unstamp(self, entry: ModelEntry) -> None:
        try:
            (self.directory / entry.name / STAMP).unlink(missing_ok=True)
        except OSError:
            return  # a read-only store: its owner must mend it

    def _restamp(
        self, entry: ModelEntry, files: tuple[ModelFile, ...], stamp: _Stamp | None
    ) -> None:
        source = stamp.source if stamp else "found here"
        revision = stamp.revision if stamp else None
        try:
            _write_stamp(self.directory / entry.name, files, source, revision)
        except OSError:
            return  # a read-only store: it is hashed again next time


def _write_stamp(
    folder: Path, files: tuple[ModelFile, ...], source: str, revision: str | None
) -> None:
    stamped: list[_StampedFile] = []
    for file in files:
        found = (folder / file.name).stat()
        stamped.append(_StampedFile(file.name, found.st_size, found.st_mtime_ns, file.sha256))
    fresh = folder / f"{STAMP}.new"
    fresh.write_bytes(msgspec.json.encode(_Stamp(tuple(stamped), source, revision)))
    os.replace(fresh, folder / STAMP)


def _key(source: Source) -> str:
    """Make a folder name that is the same for the same source, and another for any other."""
    raw = msgspec.json.encode(source)
    return hashlib.sha256(raw).hexdigest()[:12]


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def _way_out(entry: ModelEntry) -> str:
    kinds = {type(source) for source in entry.sources}
    what = "FOLDER" if entry.is_folder else "FILE"
    own = f"jupyter fastgen models pull {entry.name} --from {what}"
    if kinds == {FileSource}:
        return f"Get it by other means, then run: {own}"
    return (
        "Check the network (HF_ENDPOINT and HTTPS_PROXY for a hub, pip's configuration for a "
        f"package index), or get it by other means and run: {own}"
    )
