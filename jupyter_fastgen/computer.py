"""The computer this runs on, in words and numbers: for `doctor` and the benchmarks."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


def processor() -> str:
    """The processor's name, or its architecture where that is all there is to know."""
    with contextlib.suppress(OSError):
        text = (_PROC / "cpuinfo").read_text()
        if found := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
            return found.group(1).strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
    return platform.processor() or platform.machine()


def system() -> str:
    """The operating system and its release."""
    with contextlib.suppress(OSError, KeyError):
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.machine()}"
    return f"{platform.system()} {platform.release()}, {platform.machine()}"


def total_memory() -> int | None:
    """Bytes of memory, of the container where it has a limit; None where nobody says."""
    try:
        installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
    limit = _group_number("memory.max")
    return installed if limit is None else min(installed, limit)


def available_memory(proc: Path = _PROC, group: Path = _CGROUP) -> int | None:
    """Bytes that a new process can have without swapping; None where nobody says."""
    try:
        text = (proc / "meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        return None
    available = int(found.group(1)) * 1024
    limit, used = _group_number("memory.max", group), _group_number("memory.current", group)
    return available if limit is None or used is None else min(available, max(0, limit - used))


def resident_memory(pid: int) -> int | None:
    """Bytes of memory that a process holds; None where nobody says (not Linux) or it is gone."""
    return _status_number(pid, "VmRSS")


def _status_number(pid: int, key: str) -> int | None:
    with contextlib.suppress(OSError):
        text = (_PROC / str(pid) / "status").read_text()
        if found := re.search(rf"^{key}:\s*(\d+) kB$", text, re.MULTILINE):
            return int(found.group(1)) * 1024
    return None


def _group_number(name: str, group: Path = _CGROUP) -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        return int((group / name).read_text())
    return None
