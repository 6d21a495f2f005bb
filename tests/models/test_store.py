"""The store itself: what counts as whole, and how files from this machine get in."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.models import transfer
from jupyter_fastgen.models.catalog import FileSource, ModelEntry
from jupyter_fastgen.models.errors import (
    NotEnoughSpace,
    PullCancelled,
    PullFailed,
    StoreNotWritable,
)
from jupyter_fastgen.models.store import ModelStore, default_directory

from .conftest import WEIGHTS, Usage, make_entry, make_folder


@dataclass
class Recorder:
    calls: list[tuple[int, int, str]] = field(default_factory=list)

    def __call__(self, done: int, total: int, note: str, /) -> None:
        self.calls.append((done, total, note))


def pulled(store: ModelStore, weights_file: Path) -> tuple[ModelEntry, Path]:
    entry = make_entry(FileSource(path=str(weights_file)))
    return entry, store.pull(entry)


def test_pull_from_a_file_makes_the_model_whole(store: ModelStore, weights_file: Path):
    entry = make_entry(FileSource(path=str(weights_file)))
    assert store.path(entry) is None
    assert store.status(entry).state == "missing"
    progress = Recorder()
    path = store.pull(entry, progress)
    assert path == store.directory / "tiny" / "tiny.gguf"
    assert path.read_bytes() == WEIGHTS
    assert store.path(entry) == path
    assert store.status(entry).state == "ready"
    assert store.verify(entry).ok
    assert progress.calls[-1][:2] == (len(WEIGHTS), len(WEIGHTS))
    assert weights_file.exists()
    assert [p.name for p in store.directory.iterdir() if p.is_dir()] == ["tiny"]


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_links")
def test_file_is_copied_where_it_cannot_be_linked(store: ModelStore, weights_file: Path):
    _, path = pulled(store, weights_file)
    assert path.read_bytes() == WEIGHTS
    assert path.stat().st_nlink == 1


def test_second_pull_reads_nothing(
    store: ModelStore, weights_file: Path, monkeypatch: pytest.MonkeyPatch
):
    entry, path = pulled(store, weights_file)
    monkeypatch.setattr("jupyter_fastgen.models.store.hash_file", None)
    monkeypatch.setattr("jupyter_fastgen.models.store.fetch", None)
    assert store.pull(entry) == path


def test_truncated_file_is_noticed_and_pulled_again(store: ModelStore, weights_file: Path):
    entry = make_entry(FileSource(path=str(weights_file)))
    path = store.pull(entry)
    path.unlink()
    path.write_bytes(WEIGHTS[:-1])
    assert store.path(entry) is None
    status = store.status(entry)
    assert status.state == "damaged"
    assert "instead of" in status.detail
    assert store.pull(entry).read_bytes() == WEIGHTS
    assert store.path(entry) == path


def test_missing_file_in_a_stamped_folder_is_pulled_again(store: ModelStore, weights_file: Path):
    entry, path = pulled(store, weights_file)
    path.unlink()
    assert store.path(entry) is None
    assert store.status(entry).state == "missing"
    assert store.pull(entry).read_bytes() == WEIGHTS


def test_touched_but_whole_file_is_hashed_not_fetched(
    store: ModelStore, weights_file: Path, monkeypatch: pytest.MonkeyPatch
):
    entry, path = pulled(store, weights_file)
    os.utime(path, ns=(1, 1))
    assert store.path(entry) is None
    assert store.status(entry).state == "unverified"
    monkeypatch.setattr("jupyter_fastgen.models.store.fetch", None)
    assert store.pull(entry) == path
    assert store.path(entry) == path


def test_file_put_there_by_hand_is_adopted(store: ModelStore):
    entry = make_entry()
    folder = store.directory / "tiny"
    folder.mkdir(parents=True)
    (folder / "tiny.gguf").write_bytes(WEIGHTS)
    assert store.status(entry).state == "unverified"
    assert store.pull(entry) == folder / "tiny.gguf"


def test_changed_byte_is_found_by_verify_and_then_pulled_again(
    store: ModelStore, weights_file: Path
):
    entry, path = pulled(store, weights_file)
    before = path.stat()
    path.unlink()  # not through the link: the source must stay as it is
    path.write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.path(entry) == path, "the cheap check cannot see this"
    result = store.verify(entry)
    assert not result.ok
    assert "tiny.gguf" in result.detail
    assert store.path(entry) is None
    assert store.pull(entry).read_bytes() == WEIGHTS


def test_new_hash_in_the_catalog_makes_the_old_file_stale(store: ModelStore, weights_file: Path):
    entry, _ = pulled(store, weights_file)
    newer = msgspec.structs.replace(entry, sha256="0" * 64)
    assert store.path(entry) is not None
    assert store.path(newer) is None
    with pytest.raises(PullFailed):
        store.pull(newer)
    assert store.path(entry) is not None, "a failed pull leaves what is here"


def test_wrong_file_is_refused_and_left_alone(store: ModelStore, tmp_path: Path):
    other = tmp_path / "other.gguf"
    data = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    other.write_bytes(data)
    entry = make_entry(FileSource(path=str(other)))
    with pytest.raises(PullFailed, match="sha256") as caught:
        store.pull(entry)
    assert str(other) in str(caught.value)
    assert other.read_bytes() == data
    assert store.status(entry).state == "missing"


def test_file_of_another_size_is_refused_before_reading(store: ModelStore, tmp_path: Path):
    short = tmp_path / "short.gguf"
    short.write_bytes(WEIGHTS[:100])
    with pytest.raises(PullFailed, match=r"100 bytes"):
        store.pull(make_entry(FileSource(path=str(short))))


def test_unpinned_file_must_at_least_be_gguf(store: ModelStore, tmp_path: Path):
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(PullFailed, match="not a GGUF"):
        store.pull(make_entry(FileSource(path=str(page)), pinned=False))


def test_failure_names_every_source_and_the_way_out(store: ModelStore, tmp_path: Path):
    entry = make_entry(FileSource(path="/nowhere/a.gguf"), FileSource(path=str(tmp_path)))
    with pytest.raises(PullFailed) as caught:
        store.pull(entry)
    text = str(caught.value)
    assert "2 sources were tried" in text
    assert "/nowhere/a.gguf: there is no such file" in text
    assert f"{tmp_path}: it is a folder" in text
    assert "models pull tiny --from FILE" in text
    assert [source for source, _ in caught.value.failures] == [str(s) for s in entry.sources]


def test_entry_without_sources_says_so(store: ModelStore):
    with pytest.raises(PullFailed, match="no sources"):
        store.pull(make_entry())


@pytest.mark.usefixtures("no_links")
def test_full_disk_is_refused_before_writing(
    store: ModelStore, weights_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, 1_500_000))
    with pytest.raises(NotEnoughSpace) as caught:
        pulled(store, weights_file)
    text = str(caught.value)
    assert "1 MB is free" in text or "2 MB is free" in text
    assert str(store.directory) in text
    assert "FASTGEN_MODELS_DIR" in text
    assert caught.value.need == len(WEIGHTS) + transfer.RESERVE


@pytest.mark.usefixtures("no_links")
def test_disk_that_fills_up_meanwhile_is_told_the_same_way(
    store: ModelStore, weights_file: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer.GrowingFile, "append", full)
    with pytest.raises(NotEnoughSpace, match="needs more"):
        pulled(store, weights_file)


def test_directory_that_cannot_be_made_is_named(tmp_path: Path, weights_file: Path):
    (tmp_path / "file").write_text("")
    store = ModelStore(tmp_path / "file" / "models")
    with pytest.raises(StoreNotWritable, match="FASTGEN_MODELS_DIR"):
        pulled(store, weights_file)


def test_cancel_stops_a_pull(store: ModelStore, weights_file: Path):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(PullCancelled):
        store.pull(make_entry(FileSource(path=str(weights_file))), cancel=cancel)


def test_model_folder_from_a_folder(store: ModelStore, tmp_path: Path):
    given = tmp_path / "exl2"
    given.mkdir()
    for name in ("config.json", "tokenizer.json", "output.safetensors", "README.md", "run.py"):
        (given / name).write_text(name)
    entry = make_folder()
    path = store.pull(entry, source=FileSource(path=str(given)))
    assert path == store.directory / "folder" == store.path(entry)
    names = {p.name for p in path.iterdir() if not p.name.startswith(".")}
    assert names == {"config.json", "tokenizer.json", "output.safetensors"}
    assert store.verify(entry).ok
    (path / "output.safetensors").unlink()
    assert store.status(entry).state == "damaged"


def test_folder_without_weights_is_refused(store: ModelStore, tmp_path: Path):
    entry = make_folder(FileSource(path=str(tmp_path)))
    with pytest.raises(PullFailed, match=r"no config\.json"):
        store.pull(entry)


def test_directory_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path))
    assert default_directory() == tmp_path
    monkeypatch.delenv("FASTGEN_MODELS_DIR")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    assert default_directory() == tmp_path / "data" / "fastgen" / "models"
