"""What a process has computed so far, counted from outside. Linux only, standard library only."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import time
from collections.abc import Callable
from typing import Literal

Measure = Literal["instructions", "seconds of CPU"]

HARDWARE_INSTRUCTIONS = (0, 1)
"""Type and number of an event, as `perf_event_open(2)` has them."""

_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


def counter(pid: int) -> tuple[Measure, Callable[[], float]]:
    """What the process `pid` is measured in, and the function that tells how much it has used.

    Instructions in user mode, as COFFE counts them, where kernel and processor count them for us;
    else CPU time.
    """
    read = perf_counter(pid, HARDWARE_INSTRUCTIONS)
    return ("instructions", read) if read else ("seconds of CPU", cpu_clock(pid))


def cpu_clock(pid: int) -> Callable[[], float]:
    """The seconds of CPU that the process `pid` has used.

    On other systems than Linux those of this process, which stand still while it waits for `pid`.
    """
    if sys.platform != "linux":
        return time.process_time
    # A process's own clock, by its number: include/linux/posix-timers_types.h, CPUCLOCK_SCHED.
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


def perf_counter(pid: int, event: tuple[int, int]) -> Callable[[], float] | None:
    """A counter of `event` in user mode; None where there is none."""
    call = _PERF_EVENT_OPEN.get(platform.machine())
    if call is None or sys.platform != "linux":
        return None
    kind, config = event
    size, without_kernel, without_hypervisor = 128, 1 << 5, 1 << 6
    attributes = bytearray(size)
    struct.pack_into("IIQ", attributes, 0, kind, size, config)
    struct.pack_into("Q", attributes, 40, without_kernel | without_hypervisor)
    libc = ctypes.CDLL(None, use_errno=True)
    counted = libc.syscall(call, bytes(attributes), pid, -1, -1, 0)
    if counted < 0:
        return None
    return lambda: float(struct.unpack("Q", os.read(counted, 8))[0])
