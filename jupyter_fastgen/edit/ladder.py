"""What to do with a hunk that may be wrong: keep the code, or ask the model again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .hunks import Forest, Hunk

AROUND = 8
"""Lines before and behind a hunk that a repair is shown."""


def keeping(hunk: Hunk, original: Sequence[str]) -> Hunk:
    """The other reading of a hunk that takes lines away: what is new comes, and nothing goes.

    It is for an answer that may have forgotten a marker behind its new lines.
    """
    kept = [line for line in original[hunk.start : hunk.end] if line not in hunk.new]
    return replace(hunk, new=(*hunk.new, *kept))


def numbered(hunk: Hunk, original: Sequence[str]) -> str:
    """The original around a hunk, its lines numbered from 1, for a repair by the model."""
    first, last = max(0, hunk.start - AROUND), min(len(original), hunk.end + AROUND)
    width = len(str(last))
    return "\n".join(f"{n + 1:>{width}}|{original[n]}" for n in range(first, last))


def block_around(hunk: Hunk, forest: Forest) -> tuple[int, int] | None:
    """The innermost block that holds all lines of a hunk, to be rewritten whole; None if none."""
    last = max(hunk.start, hunk.end - 1)
    blocks = [block for block in forest.enclosing(hunk.start) if last < block.end]
    return (blocks[-1].start, blocks[-1].end) if blocks else None
