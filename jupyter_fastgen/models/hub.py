"""Models from a hub: `huggingface_hub` knows its doors, the transfer itself is ours.

The library settles where the hub is (HF_ENDPOINT), whether it may be asked (HF_HUB_OFFLINE), who
we are (HF_TOKEN, HF_HOME) and the way there (proxies, certificates). Its own downloader starts
from nothing after an interruption (since its version 2), so the bytes are read here, from where
the last attempt ended.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub as hub
import msgspec
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (
    build_hf_headers,  # pyright: ignore[reportUnknownVariableType]
    get_session,
    hf_raise_for_status,
)

from ..errors import UNREADABLE
from .catalog import HubSource
from .errors import ModelError, SourceFailed
from .sources import Fetched, Job, ModelFile, accepts, require_folder
from .transfer import GrowingFile, check_space, hash_file, link_or_copy

# Attempts in a row that bring not one byte before the source counts as failed.
_BARREN_TRIES = 4
_PAUSE_S = 0.5


@dataclass(frozen=True)
class _Remote:
    """One file on the hub.

    `sha256` is None for the small files that the hub keeps in git; those have `git_id`, git's own
    hash.
    """

    name: str
    size: int
    commit: str
    sha256: str | None
    git_id: str | None = None


class _Start(msgspec.Struct):
    """What a growing file is a start of; kept beside it."""

    identity: str


def fetch_hub(source: HubSource, job: Job) -> Fetched:
    """Bring one file, or all model files, of a hub repository into `job.files`."""
    try:
        if source.file is None:
            return _fetch_folder(source, job)
        if job.entry.projector is None:
            return _fetch_one(source, source.file, job)
        job.tracker.say(f"asking {_host()}")
        return _fetch_all(source, [_metadata(source, name) for name in job.entry.files], job)
    except (ModelError, KeyboardInterrupt):
        raise
    except Exception as error:
        # The library may raise its HTTP client's errors, and that client has changed twice.
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the local disk, not the hub
        raise SourceFailed(_reason(source, error)) from error


def _fetch_one(source: HubSource, file: str, job: Job) -> Fetched:
    entry = job.entry
    target = job.files / (entry.file or file)
    cached = hub.try_to_load_from_cache(source.repo, file, revision=source.revision)
    if isinstance(cached, str):
        job.tracker.say("reading the hub's cache on this machine", done=0)
        digest = link_or_copy(Path(cached), target, job.tracker)
        if entry.sha256 in (None, digest):
            return Fetched((ModelFile(target.name, digest),), False, source.revision)
        target.unlink()
    job.tracker.say(f"asking {_host()}")
    remote = _metadata(source, file)
    if entry.size is not None and remote.size != entry.size:
        raise SourceFailed(f"its file has {remote.size:,} bytes, the model has {entry.size:,}")
    job.tracker.total = remote.size
    digest = _download(source, remote, target, job, done_before=0)
    return Fetched((ModelFile(target.name, digest),), remote.sha256 == digest, remote.commit)


def _fetch_folder(source: HubSource, job: Job) -> Fetched:
    job.tracker.say(f"asking {_host()}")
    remotes = _list(source)
    require_folder([remote.name for remote in remotes])
    return _fetch_all(source, remotes, job)


def _fetch_all(source: HubSource, remotes: list[_Remote], job: Job) -> Fetched:
    job.tracker.total = sum(remote.size for remote in remotes)
    wanted = {remote.name for remote in remotes}
    for stale in job.files.iterdir():
        if stale.name.removesuffix(".part") not in wanted:
            stale.unlink()  # of a revision that the branch has left
    files: list[ModelFile] = []
    done = 0
    for remote in remotes:
        target = job.files / remote.name
        digest = _whole_already(target, remote)
        if digest is None:
            growing = target.with_name(target.name + ".part")
            digest = _download(source, remote, growing, job, done_before=done)
            os.replace(growing, target)
        files.append(ModelFile(remote.name, digest))
        done += remote.size
        job.tracker.say(job.tracker.note, done=done)
    checked = all(remote.sha256 or remote.git_id for remote in remotes)
    return Fetched(tuple(files), checked, remotes[0].commit)


def _whole_already(target: Path, remote: _Remote) -> str | None:
    if not target.is_file() or target.stat().st_size != remote.size:
        return None
    digest = hash_file(target)
    if (remote.sha256 or digest) == digest and _git_matches(target, remote):
        return digest
    target.unlink()
    return None


def _metadata(source: HubSource, file: str) -> _Remote:
    url = hub.hf_hub_url(source.repo, file, revision=source.revision, endpoint=_endpoint())
    meta = hub.get_hf_file_metadata(  # pyright: ignore[reportUnknownMemberType]
        url, endpoint=_endpoint()
    )
    if meta.size is None or meta.etag is None:
        raise SourceFailed(f"{_host()} gives neither size nor hash of {file}; is it a model hub?")
    sha256 = meta.etag if len(meta.etag) == 64 else None
    return _Remote(file, meta.size, meta.commit_hash or source.revision, sha256)


def _list(source: HubSource) -> list[_Remote]:
    info = hub.HfApi(endpoint=_endpoint()).model_info(
        source.repo, revision=source.revision, files_metadata=True
    )
    commit = info.sha or source.revision
    remotes: list[_Remote] = []
    for item in info.siblings or []:
        if not accepts(item.rfilename):
            continue
        if item.size is None or (item.lfs is None and item.blob_id is None):
            raise SourceFailed(f"{_host()} gives neither size nor hash of {item.rfilename}")
        sha256 = item.lfs.sha256 if item.lfs is not None else None
        git_id = item.blob_id if item.lfs is None else None
        remotes.append(_Remote(item.rfilename, item.size, commit, sha256, git_id))
    return remotes


def _download(
    source: HubSource, remote: _Remote, target: Path, job: Job, *, done_before: int
) -> str:
    """Bring one file to `target`, going on where an earlier attempt ended; give its sha256."""
    _drop_other_start(job, remote, target)
    url = hub.hf_hub_url(source.repo, remote.name, revision=remote.commit, endpoint=_endpoint())
    note = f"downloading {remote.name} from {_host()}"
    with GrowingFile(target) as out:
        if out.size > remote.size:
            out.clear()
        check_space(job.folder, job.tracker.total - done_before - out.size)
        job.tracker.say(note, done=done_before + out.size)
        barren = 0
        while out.size < remote.size:
            before = out.size
            try:
                _read_on(url, out, remote.size, job, done_before)
            except Exception as error:
                _give_up_or_wait(error, barren if out.size == before else 0, job)
            barren = barren + 1 if out.size == before else 0
            if barren >= _BARREN_TRIES:
                raise SourceFailed(f"{_host()} stopped sending after {out.size:,} bytes")
        job.tracker.say("checking", done=done_before + out.size)
        out.sync()
        digest = out.sha256()
    expected = remote.sha256
    if (expected is not None and digest != expected) or not _git_matches(target, remote):
        target.unlink()
        raise SourceFailed(
            f"the {remote.name} that came is not what {_host()} announced; it was deleted"
        )
    return digest


def _drop_other_start(job: Job, remote: _Remote, target: Path) -> None:
    """Delete a started file unless it is a start of exactly this one."""
    identity = remote.sha256 or remote.git_id or f"{remote.commit}/{remote.name}"
    state = job.folder / f"{target.name}.start.json"
    if target.exists():
        try:
            started = msgspec.json.decode(state.read_bytes(), type=_Start).identity
        except (OSError, *UNREADABLE):
            started = None
        if started != identity:
            target.unlink()
    state.write_bytes(msgspec.json.encode(_Start(identity)))


def _read_on(url: str, out: GrowingFile, size: int, job: Job, done_before: int) -> None:
    """One request for the rest of the file."""
    # Compressed replies have no ranges and no honest length.
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if out.size:
        headers["Range"] = f"bytes={out.size}-"
    with get_session().stream(
        "GET",
        url,
        headers=headers,
        timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        follow_redirects=True,
    ) as response:
        hf_raise_for_status(response)
        if out.size and response.status_code != 206:
            out.clear()  # the server cannot go on in the middle
            job.tracker.say(job.tracker.note, done=done_before)
        # As they come: gathering full chunks would lose the last bytes before a break.
        for chunk in response.iter_bytes():
            if out.size + len(chunk) > size:
                raise SourceFailed(f"{_host()} sends more bytes than it announced")
            out.append(chunk)
            job.tracker.advance(len(chunk))


def _give_up_or_wait(error: Exception, barren: int, job: Job) -> None:
    """Return after a pause if trying again may help, else raise `error`."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    lasting = status is not None and status < 500 and status not in (408, 429)
    ours = isinstance(error, (ModelError, OfflineModeIsEnabled)) or (
        isinstance(error, OSError) and error.errno is not None
    )
    if ours or lasting or barren + 1 >= _BARREN_TRIES:
        raise error
    note = job.tracker.note
    job.tracker.say("the connection broke, trying again")
    time.sleep(_PAUSE_S * (barren + 1))
    job.tracker.say(note)


def _git_matches(path: Path, remote: _Remote) -> bool:
    """Whether a small file has git's hash as announced; True where the hub gave a sha256."""
    if remote.git_id is None:
        return True
    data = path.read_bytes() if remote.size <= 64 << 20 else b""
    # git's object id, not a protection: these are configuration files, and sha1 is what there is
    head = f"blob {len(data)}\0".encode()
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest() == remote.git_id


def _endpoint() -> str:
    # Read each time: the library reads it once, when it is imported.
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def _host() -> str:
    return _endpoint().split("://", 1)[-1]


def _reason(source: HubSource, error: Exception) -> str:
    """In one line, why the hub did not deliver."""
    where = f"{source.repo} at {_host()}"
    match error:
        case OfflineModeIsEnabled():
            return "offline mode is on (HF_HUB_OFFLINE), and the hub's cache does not have it"
        case GatedRepoError():
            return f"{where} asks for its licence to be accepted there, then for HF_TOKEN"
        case RepositoryNotFoundError():
            return f"there is no repository {where}, or it is private and HF_TOKEN is not set"
        case RevisionNotFoundError():
            return f"{where} has no revision {source.revision}"
        case EntryNotFoundError():
            return f"{where} has no file {source.file}"
        case HfHubHTTPError() if error.response.status_code == 401:
            return f"{where} asks for a token (401); HF_TOKEN is not set, or not accepted"
        case HfHubHTTPError():
            return f"{_host()} answered {error.response.status_code} for {source.repo}"
        case _:
            first = (str(error).strip().splitlines() or [""])[0]
            return f"{_host()} cannot be reached ({first or type(error).__name__})"
