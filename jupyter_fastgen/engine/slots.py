"""Which document's prompt each slot of the KV cache holds, and whose. Pure.

What users left in the cache is not used for others; and nobody pushes out what another user has
there by asking for many documents: who has the most slots gives one up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False)
class Slot:
    """One slot: what it holds, for whom, and how many answers are written in it or wait for it."""

    number: int
    document: str | None = None
    salt: str = ""
    busy: int = 0


class Slots:
    """Lends slots to documents; the one unused for longest stands first."""

    def __init__(self, count: int) -> None:
        self._slots = [Slot(number) for number in range(count)]

    @contextmanager
    def lend(self, document: str, salt: str) -> Generator[tuple[int, bool]]:
        """The slot for a document; and whether what it holds may be used."""
        mine = (s for s in self._slots if (s.document, s.salt) == (document, salt))
        slot = next(mine, None) or self._given_up(salt)
        is_own = slot.salt == salt
        slot.document, slot.salt = document, salt
        self._slots.remove(slot)
        self._slots.append(slot)
        slot.busy += 1
        try:
            yield slot.number, is_own
        finally:
            slot.busy -= 1

    def _given_up(self, salt: str) -> Slot:
        """Of idle slots an empty one, else the oldest of whoever would have the most of all."""
        held = Counter(slot.salt for slot in self._slots if slot.document is not None)
        held[salt] += 1
        least = min(slot.busy for slot in self._slots)
        free = [slot for slot in self._slots if slot.busy == least]
        empty = (slot for slot in free if slot.document is None)
        return next(empty, None) or max(free, key=lambda slot: held[slot.salt])
