"""Hunks: what changes, as pieces that a person accepts or rejects one by one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .align import Path
from .lines import replaced
from .markers import Delete, Item, Keep, Line
from .rows import Kind
from .safety import SUSPECT, Change, Flag, change_flags, chunk_flags, chunks

MOVED = 2
"""So many lines that go and come are one that moves."""

NEAR = 2
"""Between changes of one block so few lines stay that they are one hunk."""


class Block(Protocol):
    """A block of the original, as far as a hunk needs it."""

    @property
    def label(self) -> str:
        """What a person calls it: `def fit`."""
        ...

    @property
    def children(self) -> Sequence[object]:
        """The blocks inside it."""
        ...

    @property
    def start(self) -> int:
        """Its first line."""
        ...

    @property
    def end(self) -> int:
        """The line behind its last."""
        ...


class Forest(Protocol):
    """The blocks of the original."""

    def enclosing(self, line: int) -> Sequence[Block]:
        """The blocks around a line, outermost first."""
        ...


@dataclass(frozen=True)
class Hunk:
    """Original lines [start, end) that become `new`, lines without ends.

    `label` names the block that holds them, "" if none does. With `flags` it is shown, but
    accepted only by the person. `moved_to` is the `start` of the hunk where its lines come again,
    `undefined` are the names that nothing defines once it is accepted.
    """

    start: int
    end: int
    new: tuple[str, ...]
    label: str = ""
    flags: frozenset[Flag] = frozenset()
    moved_to: int | None = None
    undefined: tuple[str, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """Why it must be looked at, in words."""
        said = {flag.value for flag in self.flags - {Flag.UNDEFINED}}
        if Flag.UNDEFINED in self.flags:
            names = ", ".join(f"`{name}`" for name in self.undefined)
            said.add(f"it uses {names}, which nothing defines")
        return sorted(said)

    @property
    def safe(self) -> bool:
        """Whether it may be accepted before a person looked at it."""
        return not self.flags


def build(
    original: Sequence[str],
    items: Sequence[Item],
    path: Path,
    forest: Forest | None = None,
    whole: bool = False,
) -> list[Hunk]:
    """The hunks of an alignment, in order; between any two a line stays, or stood a marker.

    `original` holds bodies: lines without their ends. What a `whole` text leaves out is meant to.
    """
    changed = [trimmed for c in _changes(items, path) if (trimmed := _trim(c, original))]
    arrived = Counter(text.strip() for change in changed for text in change.new)
    parts = chunks(items, path, original)
    doubts = {n: chunk_flags(parts[n], items, path, original) for n in {c.chunk for c in changed}}
    found: list[Hunk] = []
    chunk = 0
    for change in changed:
        flags = doubts[change.chunk]
        if not whole:
            flags |= change_flags(change, original, arrived)
        label = _label(forest, change)
        hunk = Hunk(change.start, change.end, change.new, label, flags)
        if found and change.chunk == chunk and _belong(found[-1], hunk):
            before = found.pop()
            new = (*before.new, *original[before.end : hunk.start], *hunk.new)
            label = before.label or hunk.label
            hunk = Hunk(before.start, hunk.end, new, label, before.flags | hunk.flags)
        found.append(hunk)
        chunk = change.chunk
    flagged = [hunk for hunk in found if hunk.flags]
    return [
        replace(
            hunk,
            flags=hunk.flags | {Flag.DOUBT}
            if _is_doubtful(hunk, flagged, original)
            else hunk.flags,
            moved_to=_moved_to(hunk, found, original),
        )
        for hunk in found
    ]


def _changes(items: Sequence[Item], path: Path) -> list[Change]:
    """What is not kept, in order; a deletion marker's lines are a change of their own."""
    found: list[Change] = []
    new: list[str] = []
    chunk, start, at = 0, path.begin, path.begin

    def end_change(marker: Delete | None = None) -> None:
        nonlocal start
        if new or at > start:
            found.append(Change(start, at, tuple(new), chunk, marker))
            new.clear()
        start = at

    for item, placed in zip(items, path.placed, strict=True):
        at = placed.start
        if not isinstance(item, Line):
            end_change()
            at = placed.end
            if isinstance(item, Keep):
                start, chunk = at, chunk + 1
            else:
                end_change(item)
        elif placed.kind == Kind.KEPT:
            end_change()
            start = at = placed.end
        else:
            new.append(item.text)
            at = placed.end
    at = path.end
    end_change()
    return found


def _trim(change: Change, original: Sequence[str]) -> Change | None:
    """`change` without the lines at its ends that stay the same; None if all do."""
    old, new = original[change.start : change.end], change.new
    least = min(len(old), len(new))
    first = next((n for n in range(least) if old[n] != new[n]), least)
    last = next((n for n in range(least - first) if old[-1 - n] != new[-1 - n]), least - first)
    if first + last == len(old) == len(new):
        return None
    start, end = change.start + first, change.end - last
    return replace(change, start=start, end=end, new=new[first : len(new) - last])


def _label(forest: Forest | None, change: Change) -> str:
    """What the innermost block is called that holds all of a change and other blocks."""
    if forest is None:
        return ""
    last = max(change.end - 1, change.start)
    blocks = [block for block in forest.enclosing(change.start) if last < block.end]
    named = (block.label for block in reversed(blocks) if block.children)
    return next((label for label in named if label), "")


def _belong(before: Hunk, hunk: Hunk) -> bool:
    """Whether two changes are one hunk: they touch, or stand close in a block with a name.

    What only goes stays apart, so that it can be rejected alone.
    """
    if hunk.start == before.end:
        return True
    near = hunk.start - before.end <= NEAR and bool(before.new and hunk.new)
    return near and before.label == hunk.label != ""


def _is_doubtful(hunk: Hunk, flagged: Sequence[Hunk], original: Sequence[str]) -> bool:
    """Whether lines go while the answer is suspect, or come again in a hunk with flags."""
    gone = {line.strip() for line in original[hunk.start : hunk.end]} - {""}
    return bool(gone) and any(
        other.flags & SUSPECT or not gone.isdisjoint(map(str.strip, other.new))
        for other in flagged
        if other is not hunk
    )


def _moved_to(hunk: Hunk, hunks: Sequence[Hunk], original: Sequence[str]) -> int | None:
    """Where the lines of a deletion come again, all of them and in order."""
    gone = [line.strip() for line in original[hunk.start : hunk.end] if line.strip()]
    if hunk.new or len(gone) < MOVED:
        return None
    for other in hunks:
        came = [line.strip() for line in other.new if line.strip()]
        if any(came[n : n + len(gone)] == gone for n in range(len(came) - len(gone) + 1)):
            return other.start
    return None


def apply(base: str, hunks: Sequence[Hunk], accepted: Collection[int]) -> str:
    """`base` with the hunks of these numbers: with none `base` itself, with all the merge.

    Lines end as their neighbours in `base` do, and the last one as it does there.
    """
    chosen = (hunk for number, hunk in enumerate(hunks) if number in accepted)
    return replaced(base, ((hunk.start, hunk.end, hunk.new) for hunk in chosen))
