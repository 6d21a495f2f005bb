"""What to do with a doubtful edit: offer its other reading, have its block written anew. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .hunks import Forest, Hunk
from .merge import Merge
from .prompt import Task
from .safety import Flag

TAKING = frozenset({Flag.LOST, Flag.MANY, Flag.COMMENT, Flag.DEFINITION, Flag.DOUBT})
"""Flags of hunks that may take lines for want of a marker."""

MOST_LINES = 60
"""Of a block that is written anew: a small model copies so much without a slip."""


def keeping(hunk: Hunk, original: Sequence[str]) -> tuple[str, ...]:
    """The new lines of the other reading of a hunk: the model forgot a marker, and nothing goes.

    Empty where there is none: the hunk is not doubtful for what it takes, or brings nothing.
    """
    if not hunk.new or not hunk.flags & TAKING:
        return ()
    old = original[hunk.start : hunk.end]
    came = frozenset(line.strip() for line in hunk.new)
    kept = [line for line in old if line.strip() and line.strip() not in came]
    return (*hunk.new, *kept) if kept else ()


def rewritten(asked: Task, merge: Merge, parse: Callable[[str, str], Forest]) -> Task | None:
    """The task to write the block anew that all of a sparse edit's hunks are in.

    None if something of the edit is safe, or if there is no such block, or a long one. To copy is
    what small models do best, and with the block as its own draft it is quick.
    """
    if asked.whole or not merge.hunks or merge.safe:
        return None
    hunks = merge.hunks
    span = Hunk(hunks[0].start, hunks[-1].end, ())
    found = block_around(span, parse("\n".join(asked.lines), asked.language))
    if found is None:
        return None
    start, end = max(found[0], asked.start), min(found[1], asked.end)
    return replace(asked, start=start, end=end, whole=True) if end - start <= MOST_LINES else None


def block_around(hunk: Hunk, forest: Forest) -> tuple[int, int] | None:
    """The lines [start, end) of the innermost block with others inside that holds a hunk.

    Of a hunk in a statement that stands alone it is that; None if there is neither.
    """
    last = max(hunk.start, hunk.end - 1)
    blocks = [block for block in forest.enclosing(hunk.start) if last < block.end]
    found = [block for block in blocks if block.children] or blocks
    return (found[-1].start, found[-1].end) if found else None
