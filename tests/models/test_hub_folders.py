"""Pulling a model that is a folder of files from a hub in miniature."""

from __future__ import annotations

import errno
import random

import pytest

from jupyter_fastgen.models.catalog import HubSource
from jupyter_fastgen.models.errors import NotEnoughSpace, PullCancelled, PullFailed
from jupyter_fastgen.models.store import STAMP, ModelStore
from jupyter_fastgen.models.transfer import GrowingFile

from .conftest import MIB, WEIGHTS, StopAt, make_folder
from .hub_server import REPO, REVISION, Hub

FOLDER = make_folder(HubSource(repo=REPO, revision=REVISION))


def exl2_files(hub: Hub) -> None:
    hub.files = {
        "config.json": b'{"max_position_embeddings": 512}',
        "tokenizer.json": b"{}" + b" " * 9000,
        "output.safetensors": WEIGHTS,
        "modeling.py": b"raise SystemExit",
        "README.md": b"read me",
        "extra/other.json": b"{}",
    }


def test_folder_brings_model_files_and_nothing_else(hub: Hub, store: ModelStore):
    exl2_files(hub)
    path = store.pull(FOLDER)
    names = {p.name for p in path.iterdir()} - {STAMP}
    assert names == {"config.json", "tokenizer.json", "output.safetensors"}
    assert (path / "output.safetensors").read_bytes() == WEIGHTS
    assert store.path(FOLDER) == path
    assert store.verify(FOLDER).detail == "3 files match what its source gave"


def test_interrupted_folder_keeps_its_finished_files(hub: Hub, store: ModelStore):
    exl2_files(hub)
    stop = StopAt(2 * MIB)
    with pytest.raises(PullCancelled):
        store.pull(FOLDER, stop, stop.cancel)
    before = len(hub.asked)
    assert store.pull(FOLDER) == store.directory / "folder"
    fetched = [line for line in hub.asked[before:] if "resolve" in line and "GET" in line]
    assert [line.rsplit("/", 1)[1] for line in fetched] == ["output.safetensors"]
    assert hub.starts[-1] >= 2 * MIB


SHARDS = {
    f"output-0000{n}-of-00003.safetensors": random.Random(n).randbytes(MIB + n) for n in (1, 2, 3)
}


def many_files(hub: Hub) -> None:
    exl2_files(hub)
    del hub.files["output.safetensors"]
    hub.files |= SHARDS


def test_a_folder_of_many_files_is_gone_on_with_at_the_byte(hub: Hub, store: ModelStore):
    many_files(hub)
    whole = sum(map(len, SHARDS.values()))
    hub.cut_after = MIB // 2
    stop = StopAt(whole // 2)
    with pytest.raises(PullCancelled):
        store.pull(FOLDER, stop, stop.cancel)
    assert store.status(FOLDER).state == "partial"
    hub.cut_after = None
    path = store.pull(FOLDER)
    assert {name: (path / name).read_bytes() for name in SHARDS} == SHARDS
    # A connection that is given up may have been sent a little more than was read of it.
    assert hub.sent - len(hub.files["tokenizer.json"]) <= whole + MIB


def test_a_wrong_file_of_a_folder_is_named_and_it_alone_is_fetched_again(
    hub: Hub, store: ModelStore
):
    many_files(hub)
    first, second, third = SHARDS
    stop = StopAt(len(SHARDS[first]) + len(SHARDS[second]))
    with pytest.raises(PullCancelled):
        store.pull(FOLDER, stop, stop.cancel)
    hub.corrupt = True
    with pytest.raises(PullFailed, match=f"the {third} that came is not what .* announced"):
        store.pull(FOLDER)
    hub.corrupt = False
    before = len(hub.asked)
    path = store.pull(FOLDER)
    assert (path / third).read_bytes() == SHARDS[third]
    fetched = [line for line in hub.asked[before:] if "GET /blobs" in line]
    assert fetched == [f"GET /blobs/{third}"]


def test_a_wrong_configuration_is_found_by_the_hash_of_git(hub: Hub, store: ModelStore):
    many_files(hub)
    hub.corrupt = True
    with pytest.raises(PullFailed, match=r"the config\.json that came is not what .* announced"):
        store.pull(FOLDER)


def test_a_branch_that_moved_on_leaves_nothing_of_before(hub: Hub, store: ModelStore):
    many_files(hub)
    stop = StopAt(2 * MIB + MIB // 2)
    with pytest.raises(PullCancelled):
        store.pull(FOLDER, stop, stop.cancel)
    first, second, third = SHARDS
    hub.files[first] = WEIGHTS
    hub.files[third] = WEIGHTS[::-1]
    del hub.files[second]
    path = store.pull(FOLDER)
    assert (path / first).read_bytes() == WEIGHTS
    assert (path / third).read_bytes() == WEIGHTS[::-1]
    assert not (path / second).exists()


def test_a_disk_that_fills_up_is_named_and_what_came_is_kept(
    hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    many_files(hub)
    append = GrowingFile.append

    def full(self: GrowingFile, chunk: bytes) -> None:
        if self.path.name.startswith("output-00002") and self.size > MIB // 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, chunk)

    monkeypatch.setattr(GrowingFile, "append", full)
    with pytest.raises(NotEnoughSpace, match="Not enough disk space"):
        store.pull(FOLDER)
    monkeypatch.setattr(GrowingFile, "append", append)
    path = store.pull(FOLDER)
    assert {name: (path / name).read_bytes() for name in SHARDS} == SHARDS
    assert hub.starts[-2] > MIB // 2
