"""How much of this machine the engine may take, and how to take it politely."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NICE = 14
"""Added niceness of the engine. With Linux' weights (1024 at 0, 45 at 14) a computing
kernel that shares a core with the engine keeps 96 % of it."""

MOST_THREADS = 8
"""Decoding is bound by memory bandwidth; more threads than this wait for it."""


def cpu_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores the control group grants (cgroup v2, then v1), None where unlimited or unknown."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text())
        return None if quota_us < 0 else quota_us / period_us
    return None


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
