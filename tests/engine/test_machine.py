from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.engine import machine


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        # Version 2: a container sees itself as the root.
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        # A unit of systemd, limited by itself or by what is above it.
        ("0::/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2.0),
        ("0::/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        # Version 1.
        ("2:cpu,cpuacct:/x", {"cpu/x/cpu.cfs_quota_us": "300000",
                              "cpu/x/cpu.cfs_period_us": "100000"}, 3.0),
        ("2:cpu,cpuacct:/unseen", {"cpu/cpu.cfs_quota_us": "100000",
                                   "cpu/cpu.cfs_period_us": "100000"}, 1.0),
        ("2:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        # Both, as on hosts between the versions.
        ("1:name=systemd:/\n2:cpu:/\n0::/", {"cpu/cpu.cfs_quota_us": "100000",
                                             "cpu/cpu.cfs_period_us": "50000"}, 2.0),
        # None, or nonsense.
        ("0::/", {}, None),
        ("0::/", {"cpu.max": "?"}, None),
        ("?", {"cpu.max": "100000 100000"}, None),
    ],
)  # fmt: skip
def test_the_quota_is_the_strictest_of_the_control_groups(tmp_path: Path, own, files, cores):
    (tmp_path / "own").write_text(own + "\n")
    assert machine.cpu_quota(tree(tmp_path / "fs", files), tmp_path / "own") == cores


def test_without_control_groups_there_is_no_quota(tmp_path: Path):
    assert machine.cpu_quota(tmp_path / "no", tmp_path / "nothing") is None


def test_hyperthreads_of_a_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    siblings = {f"cpu{n}/topology/thread_siblings_list": f"{n % 4},{n % 4 + 4}" for n in range(8)}
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.physical_cores(tree(tmp_path, siblings)) == 4
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {1, 5}, raising=False)
    assert machine.physical_cores(tmp_path) == 1
    assert machine.physical_cores(tmp_path / "unknown") == 2


@pytest.mark.parametrize(
    ("cores", "quota", "threads"),
    [(1, None, 1), (2, None, 2), (3, None, 3), (4, None, 3), (8, None, 7), (64, None, 8),
     (64, 2.0, 2), (64, 2.9, 2), (2, 0.5, 1), (2, 8.0, 2)],
)  # fmt: skip
def test_threads_fit_the_machine(monkeypatch: pytest.MonkeyPatch, cores, quota, threads):
    monkeypatch.setattr(machine, "physical_cores", lambda: cores)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert machine.fitting_threads() == threads
