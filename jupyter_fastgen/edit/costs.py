"""What an alignment charges for what it does with a line: the parameters of the merge. Pure."""

from __future__ import annotations

BEAM = 100.0
"""Above the best of a row by this, a place is given up. More than a border that is not kept."""

BORDER = 60.0
"""A line beside a marker is a copy; if the original has it and it is not kept there, this."""

NEW_BORDER = 2.0
"""The same, where the original has no such line."""

UNIQUE = 2.5
"""A line that the original has once, and that is not kept; a third of it if that has it twice."""

MOVED = 0.1
"""An inserted line that follows, in the original too, the inserted line before it: a moved run."""

OPEN_GAP, GAP = 0.3, 0.06
"""Deleted beside inserted lines: once, and for each line."""

OPEN_LOSS, LOSS = 1.5, 0.06
"""Deleted between two lines that are kept next to each other: nobody said so."""

OPEN_DELETION, DELETION, IDLE_DELETION = 0.05, 0.004, 1.0
"""Deleted by a marker; and a marker that deletes nothing."""

MISNAMED = 8.0
"""A named deletion marker that does not begin at its target."""

IMPLIED = 1.0
"""Lines before a first item that is kept, or behind a last one, that stay without a marker."""

STEP, CROSS, IDLE_KEEP = 0.2, 0.1, 0.02
"""A marker whose lines begin or end off its indentation, leave a block, or are none."""

LEAVE = 4.0
"""The same, where the copied line before opens a block that the marker and a new line behind it are
inside of: more than another place for that line can save."""

REPLACE, REPLACED, ALIKE = 1.6, 0.05, 0.55
"""A replaced line: by its dissimilarity, 0 to 1, and in any case; and how similar it must be."""

SPACES = 0.05
"""A line that is kept but for white space at its end."""


def weight_of(stripped: str) -> float:
    """How much a line says."""
    if not stripped:
        return 0.15
    if not any(char.isalnum() or char == "_" for char in stripped):
        return 0.35
    return 0.6 if len(stripped) <= 5 else 1.0
