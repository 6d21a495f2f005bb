"""How much of this machine the engine may take, and how to take it politely."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NICE = 15
"""Added niceness of the engine. With Linux' weights (1024 at 0, 36 at 15) a computing
kernel that shares a core with the engine keeps 96.6 % of it."""

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")

MOST_THREADS = 8
"""Decoding is bound by memory bandwidth; more threads than this wait for it."""


def cpu_quota(root: Path = CGROUPS, own: Path = OWN_CGROUP) -> float | None:
    """Cores the control groups grant (v2 and v1), None where unlimited or unknown.

    Every group from this process' own up to the root may limit it; the strictest holds.
    """
    quotas: list[float] = []
    with contextlib.suppress(OSError, ValueError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                quotas += _quotas(root, path)
            elif "cpu" in controllers.split(","):
                quotas += _quotas(root / "cpu", path)
    return min(quotas, default=None)


def _quotas(root: Path, path: str) -> list[float]:
    """The limits of `path` and of all above it. In a container, only the root's may be seen."""
    group = root / path.lstrip("/")
    found: list[float] = []
    for folder in (group, *group.parents):
        with contextlib.suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            if quota != "max":
                found.append(int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):
            quota_us = int((folder / "cpu.cfs_quota_us").read_text())
            period_us = int((folder / "cpu.cfs_period_us").read_text())
            if quota_us > 0:
                found.append(quota_us / period_us)
        if folder == root:
            break
    return found


def physical_cores(topology: Path = Path("/sys/devices/system/cpu")) -> int:
    """Cores this process may run on; hyperthreads of one core count once."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
    siblings: set[str] = set()
    for cpu in allowed:
        try:
            siblings.add((topology / f"cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            siblings.add(str(cpu))
    return max(1, len(siblings))


def fitting_threads() -> int:
    """Threads for the engine: the cores there are, one left free from four on."""
    cores = physical_cores()
    quota = cpu_quota()
    if quota is not None:
        cores = min(cores, max(1, int(quota)))
    return max(1, min(MOST_THREADS, cores if cores < 4 else cores - 1))


def be_polite() -> None:
    """Lower this process' priority below that of kernels and the server.

    Linux with autogrouping weighs whole sessions first and niceness only inside
    one; the engine's session then needs its own weight.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))
