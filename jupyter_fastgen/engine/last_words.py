"""Why a native program ended itself, from what it printed last."""

from __future__ import annotations

import os
import re
from typing import IO

TAIL = 16_384
"""Bytes looked through: a failed assertion is followed by a trace of calls."""

LONGEST = 200

_FATAL = re.compile(
    r"GGML_(?:ASSERT|ABORT)\b.*|what\(\): .*|CUDA error.*|double free.*|free\(\): .*|malloc\(\): .*"
    r"|corrupted \S+.*|^(?:Import|ModuleNotFound|Memory|OS)Error: .*",
    re.MULTILINE,
)
"""What ggml, the C++ library, CUDA, glibc and Python say before they end the process. Nothing else
is repeated, for it might be text of the person's."""


def of(printed: IO[bytes]) -> str:
    """The last fatal message in the file, as "; message", or an empty text where there is none."""
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - TAIL))
    found = _FATAL.findall(printed.read().decode(errors="replace"))
    return f"; {found[-1].strip()[:LONGEST]}" if found else ""
