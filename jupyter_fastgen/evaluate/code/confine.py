"""Takes from this process what generated code must not have. Standard library only.

Linux filters its system calls with seccomp (kernel documentation, "Seccomp BPF"), whoever runs it:
what computing and importing need comes through, and nothing else: no socket, process, thread or
signal, and no file opened for writing. Elsewhere an audit hook (PEP 578) refuses these where Python
would begin them, which code that knows of it can evade.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from contextlib import suppress
from typing import Literal

Isolation = Literal["seccomp", "audit hook"]
"""What keeps code from network, processes and files."""

MEMORY = 2 << 30
"""Bytes that a program may use."""

CPU_SECONDS = 90
"""Of one process; calls have limits of their own, which end sooner."""

FILES = 64

_CALLS = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, close 3 57, fstat 5 80,
newfstatat 262 79, statx 332 291, lseek 8 62, getdents64 217 61, readlinkat 267 78,
faccessat 269 48, faccessat2 439 439, getcwd 79 17, mmap 9 222, mprotect 10 226, munmap 11 215,
mremap 25 216, madvise 28 233, brk 12 214, futex 202 98, rt_sigaction 13 134,
rt_sigprocmask 14 135, rt_sigreturn 15 139, sigaltstack 131 132, getrandom 318 278,
clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115, nanosleep 35 101,
gettimeofday 96 169, getrusage 98 165, times 100 153, getpid 39 172, getppid 110 173,
gettid 186 178, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, uname 63 160,
sysinfo 99 179, sched_yield 24 124, sched_getaffinity 204 123, ppoll 271 73, pselect6 270 72,
restart_syscall 219 128, rseq 334 293, set_robust_list 273 99, exit 60 93, exit_group 231 94,
poll 7 -, select 23 -, stat 4 -, lstat 6 -, access 21 -, readlink 89 -, time 201 -
"""
"""What is let through, with its number on x86_64 and on aarch64."""

_MACHINES = {"x86_64": (0, 0xC000003E, 257), "aarch64": (1, 0xC00000B7, 56)}
"""The column above, what the kernel calls the architecture, and the number of openat."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_REFUSED = (
    *("socket.", "subprocess.", "ctypes.", "shutil.", "pty."),
    *(f"os.{name}" for name in ("exec", "fork", "kill", "posix_spawn", "spawn", "system")),
    *(f"os.{name}" for name in ("chmod", "chown", "link", "mkdir", "putenv", "remove", "rename")),
    *(f"os.{name}" for name in ("rmdir", "setxattr", "symlink", "truncate", "utime")),
)
"""Audit events, or how their names begin."""


def confine() -> Isolation:
    """Do so, for good."""
    _limit()
    if sys.platform == "linux" and _filter():
        return "seccomp"
    sys.addaudithook(_refuse)
    return "audit hook"


def _limit() -> None:
    import resource

    limits = {
        "RLIMIT_AS": MEMORY,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": CPU_SECONDS,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": FILES,
        "RLIMIT_NPROC": 0,
    }
    for name, most in limits.items():
        # Not every system knows, or lets go down, every one.
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(f"generated code may not use {event}")
    if event == "open" and len(arguments) == 3:
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError("generated code may not write files")


def _filter() -> bool:
    """Install the filter; False where the kernel or the processor has none that is known."""
    known = _MACHINES.get(platform.machine())
    if known is None:
        return False
    code = _program(*known)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, and where they are.
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    die_with_parent, no_new_privileges, set_seccomp, by_filter = 1, 38, 22, 2
    libc.prctl(die_with_parent, signal.SIGKILL, 0, 0, 0)
    return (
        libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
        and libc.prctl(set_seccomp, by_filter, program, 0, 0) == 0
    )


def _program(column: int, machine: int, openat: int) -> bytes:
    """The filter as instructions of classic BPF on a `struct seccomp_data`."""
    load, equal, any_bit, end = 0x20, 0x15, 0x45, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1: EPERM
    number_at, machine_at, flags_at = 0, 4, 16 + 2 * 8
    rows = (row.split()[1:] for row in _CALLS.split(","))
    numbers = [int(row[column]) for row in rows if row[column] != "-"]
    steps = [
        (load, 0, 0, machine_at),
        (equal, 1, 0, machine),
        (end, 0, 0, kill),
        (load, 0, 0, number_at),
        (equal, 0, 3, openat),
        (load, 0, 0, flags_at),
        # A jump counts the steps that it leaves out: here all comparisons, to the refusal.
        (any_bit, len(numbers) + 1, 0, _WRITING),
        (end, 0, 0, allow),
        *((equal, len(numbers) - n, 0, number) for n, number in enumerate(numbers)),
        (end, 0, 0, refuse),
        (end, 0, 0, allow),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
