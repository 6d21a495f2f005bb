"""What to do where nothing of an answer is safe: have the model write its block anew. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .hunks import Forest, Hunk
from .merge import Merge
from .prompt import Task

MOST_LINES = 60
"""Of a block that is written anew: a small model copies so much without a slip."""


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
