"""Pulling from a hub: the real huggingface_hub against a hub in miniature."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_fastgen.models.catalog import FileSource, ModelEntry
from jupyter_fastgen.models.errors import NotEnoughSpace, PullCancelled, PullFailed
from jupyter_fastgen.models.store import STAMP, ModelStore

from .conftest import HUB, MIB, WEIGHTS, StopAt, Usage, make_entry
from .hub_server import REPO, REVISION, Hub


def test_pull_brings_the_file_once(hub: Hub, store: ModelStore):
    entry = make_entry(HUB)
    assert store.pull(entry).read_bytes() == WEIGHTS
    assert hub.sent == len(WEIGHTS)
    assert store.status(entry).state == "ready"
    assert not (store.directory / "tiny.partial").exists()
    asked = len(hub.asked)
    store.pull(entry)
    assert len(hub.asked) == asked


def test_unpinned_model_takes_the_hubs_hash_and_keeps_it(hub: Hub, store: ModelStore):
    entry = make_entry(HUB, pinned=False)
    path = store.pull(entry)
    assert REVISION in (path.parent / STAMP).read_text()
    assert store.verify(entry).ok
    path.write_bytes(WEIGHTS[:-1] + b"\0")
    assert not store.verify(entry).ok


def test_token_is_shown_to_the_hub_alone(
    hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    store.pull(make_entry(HUB))
    assert hub.tokens == {"maker": "Bearer hf_secret", "blobs": None}


def test_broken_connections_are_gone_on_from(hub: Hub, store: ModelStore):
    hub.cut_after = MIB
    assert store.pull(make_entry(HUB)).read_bytes() == WEIGHTS
    assert hub.sent == len(WEIGHTS), "no byte is sent twice"
    assert hub.starts == sorted(set(hub.starts))
    assert len(hub.starts) == 4


def test_interrupted_pull_goes_on_where_it_ended(hub: Hub, store: ModelStore):
    entry = make_entry(HUB)
    stop = StopAt(2 * MIB)
    with pytest.raises(PullCancelled):
        store.pull(entry, stop, stop.cancel)
    assert store.path(entry) is None
    status = store.status(entry)
    assert status.state == "partial"
    assert status.present >= 2 * MIB
    assert store.pull(entry).read_bytes() == WEIGHTS
    assert len(hub.starts) == 2
    assert hub.starts[1] >= 2 * MIB


def test_damaged_start_is_found_and_fetched_anew(hub: Hub, store: ModelStore):
    entry = make_entry(HUB)
    stop = StopAt(2 * MIB)
    with pytest.raises(PullCancelled):
        store.pull(entry, stop, stop.cancel)
    [start] = (store.directory / "tiny.partial").glob("*/files/tiny.gguf")
    start.write_bytes(b"X" + start.read_bytes()[1:])
    with pytest.raises(PullFailed, match="deleted"):
        store.pull(entry)
    assert store.pull(entry).read_bytes() == WEIGHTS
    assert hub.starts[-1] == 0


def test_server_without_ranges_is_read_from_the_beginning(hub: Hub, store: ModelStore):
    entry = make_entry(HUB)
    stop = StopAt(MIB)
    with pytest.raises(PullCancelled):
        store.pull(entry, stop, stop.cancel)
    hub.ranges = False
    assert store.pull(entry).read_bytes() == WEIGHTS


def test_hub_that_stops_sending_is_given_up_and_what_came_is_kept(hub: Hub, store: ModelStore):
    entry = make_entry(HUB)
    stop = StopAt(MIB)
    with pytest.raises(PullCancelled):
        store.pull(entry, stop, stop.cancel)
    hub.cut_after = 0
    with pytest.raises(PullFailed, match="that did arrive are kept"):
        store.pull(entry)
    hub.cut_after = None
    assert store.pull(entry).read_bytes() == WEIGHTS


def test_wrong_bytes_are_deleted_and_named(hub: Hub, store: ModelStore):
    hub.corrupt = True
    entry = make_entry(HUB)
    with pytest.raises(PullFailed, match=r"not what .* announced; it was deleted"):
        store.pull(entry)
    assert store.status(entry).state == "missing"
    assert not list(store.directory.rglob("*.gguf"))


def test_hub_with_another_file_of_that_name_is_refused(hub: Hub, store: ModelStore):
    hub.files["tiny.gguf"] = WEIGHTS[:-1] + b"\0"
    with pytest.raises(PullFailed, match=r"sha256 is .* the catalog has"):
        store.pull(make_entry(HUB))
    assert not list(store.directory.rglob("*.gguf"))
    hub.files["tiny.gguf"] = WEIGHTS + b"\0"
    with pytest.raises(PullFailed, match="the model has"):
        store.pull(make_entry(HUB))


def test_next_source_is_tried_and_the_reasons_are_told(
    hub: Hub, store: ModelStore, weights_file: Path
):
    hub.files.clear()
    entry = make_entry(HUB, FileSource(path=str(weights_file)))
    assert store.pull(entry).read_bytes() == WEIGHTS
    with pytest.raises(PullFailed) as caught:
        store.pull(make_entry(HUB, FileSource(path="/nowhere")), force=True)
    text = str(caught.value)
    assert f"{REPO} at {hub.url.removeprefix('http://')} has no file tiny.gguf" in text
    assert "file /nowhere: there is no such file" in text


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "HF_TOKEN"), (403, "403"), (500, "500"), (503, "503")]
)
def test_refusing_hub_is_told_by_its_reason(hub: Hub, store: ModelStore, status: int, reason: str):
    hub.status = status
    with pytest.raises(PullFailed, match=reason):
        store.pull(make_entry(HUB))


def test_unreachable_hub_is_named(hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PullFailed, match=r"127\.0\.0\.1:9 cannot be reached"):
        store.pull(make_entry(HUB))


def test_full_disk_is_refused_before_the_download(
    hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, MIB))
    with pytest.raises(NotEnoughSpace, match="1 MB is free"):
        store.pull(make_entry(HUB))
    assert hub.sent == 0


def test_two_pulls_at_once_download_once(hub: Hub, store: ModelStore):
    hub.cut_after = MIB // 2  # slow enough that they meet
    entry = make_entry(HUB)
    notes: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.pull, entry, lambda _d, _t, note: notes.append(note))
        second = pool.submit(
            ModelStore(store.directory).pull, entry, lambda _d, _t, note: notes.append(note)
        )
        assert first.result().read_bytes() == second.result().read_bytes() == WEIGHTS
    assert hub.sent == len(WEIGHTS)


def run_cli(store: ModelStore, catalog: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jupyter_fastgen.cli", "models", "pull", "tiny"]
    command += ["--dir", str(store.directory), "--catalog", str(catalog)]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)


def write_catalog(path: Path) -> Path:
    entry = make_entry(HUB)
    path.write_text(
        f"""
[models.tiny]
title = "Tiny"
engine = "llamacpp"
fim = "qwen"
licence = "MIT"
file = "tiny.gguf"
size = {entry.size}
sha256 = "{entry.sha256}"
context = 512
roles = ["completion"]
[[models.tiny.sources]]
kind = "hub"
repo = "{REPO}"
revision = "{REVISION}"
file = "tiny.gguf"
"""
    )
    return path


def test_offline_hub_is_not_asked(hub: Hub, store: ModelStore, tmp_path: Path):
    catalog = write_catalog(tmp_path / "catalog.toml")
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    done = run_cli(store, catalog, **home)
    assert done.returncode == 1
    assert "offline mode is on (HF_HUB_OFFLINE)" in done.stderr
    assert "Traceback" not in done.stderr
    assert hub.asked == []


def test_offline_hub_gives_what_its_cache_has(hub: Hub, store: ModelStore, tmp_path: Path):
    catalog = write_catalog(tmp_path / "catalog.toml")
    repo = tmp_path / "hf" / "hub" / f"models--{REPO.replace('/', '--')}"
    snapshot = repo / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "blobs" / "abc").write_bytes(WEIGHTS)
    (snapshot / "tiny.gguf").symlink_to(repo / "blobs" / "abc")
    done = run_cli(store, catalog, HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.read_bytes() == WEIGHTS
    assert not path.is_symlink()
    assert hub.asked == []


# --- a model that sees: two files ------------------------------------------------

SEEING = ModelEntry(
    name="seeing",
    title="Seeing",
    engine="llamacpp",
    fim="prefix-only",
    licence="MIT",
    context=1,
    roles=("image",),
    file="tiny.gguf",
    projector="mmproj-tiny.gguf",
    sources=(HUB,),
)
PROJECTOR = WEIGHTS[: MIB + 17]


def test_a_model_that_sees_is_whole_with_both_files(hub: Hub, store: ModelStore):
    hub.files["mmproj-tiny.gguf"] = PROJECTOR
    path = store.pull(SEEING)
    assert path.name == "tiny.gguf"
    assert path.read_bytes() == WEIGHTS
    projector = path.with_name("mmproj-tiny.gguf")
    assert projector.read_bytes() == PROJECTOR
    assert store.status(SEEING).present == len(WEIGHTS) + len(PROJECTOR)
    assert store.verify(SEEING).ok
    projector.write_bytes(WEIGHTS[: len(PROJECTOR) - 1] + b"x")
    assert store.path(SEEING) is None
    found = store.verify(SEEING)
    assert not found.ok
    assert "mmproj-tiny.gguf" in found.detail
    assert store.pull(SEEING) == path
    assert projector.read_bytes() == PROJECTOR


def test_an_interrupted_pull_of_both_goes_on_where_it_ended(hub: Hub, store: ModelStore):
    hub.files["mmproj-tiny.gguf"] = PROJECTOR
    stop = StopAt(len(WEIGHTS) + 1)
    with pytest.raises(PullCancelled):
        store.pull(SEEING, stop, stop.cancel)
    assert store.status(SEEING).state == "partial"
    sent = hub.sent
    store.pull(SEEING)
    assert hub.sent - sent < len(PROJECTOR) + MIB


def test_a_hub_without_the_projector_is_named(hub: Hub, store: ModelStore):
    with pytest.raises(PullFailed, match=r"mmproj-tiny\.gguf|404|not"):
        store.pull(SEEING)
    assert store.path(SEEING) is None


def test_files_of_ones_own_are_both_taken(store: ModelStore, weights_file: Path):
    source = FileSource(path=str(weights_file))
    with pytest.raises(PullFailed, match=r"no mmproj-tiny\.gguf beside it"):
        store.pull(SEEING, source=source)
    weights_file.with_name("mmproj-tiny.gguf").write_bytes(PROJECTOR)
    path = store.pull(SEEING, source=source)
    assert path.read_bytes() == WEIGHTS
    assert path.with_name("mmproj-tiny.gguf").read_bytes() == PROJECTOR
