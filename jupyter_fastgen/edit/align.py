"""Which original lines the markers of a sparse edit stand for: a wildcard alignment. Pure.

Rows are the items of the sparse edit, columns the places between original lines. A place is
reached after a kept line, a replaced one or a marker (layer K), or inside a gap after an inserted
line (layer G); deletions have affine costs, cheap in a gap and dear between two kept lines, as in
Gotoh's alignment (J. Mol. Biol. 162, 1982). Lines that are unique in the original are anchors, as
in Cohen's patience diff. What costs far more than the best is dropped, row by row: so a row depends
on nothing behind the next item, and what all that is left has in common is settled.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from .lines import indent
from .markers import Delete, Item, Keep, Line

BEAM = 100.0
"""Above the best of a row by this, a place is given up. More than a border that is not kept."""

SURE = 70.0
"""So much better than all others a place must be to go on from it alone, while lines are copies."""

BORDER = 60.0
"""A line beside a marker is a copy; if the original has it and it is not kept there, this."""

NEW_BORDER = 2.0
"""The same, where the original has no such line."""

UNIQUE = 2.5
"""A line that the original has once, and that is not kept."""

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

REPLACE, REPLACED, ALIKE = 1.6, 0.05, 0.55
"""A replaced line: by its dissimilarity, 0 to 1, and in any case; and how similar it must be."""

SPACES = 0.05
"""A line that is kept but for white space at its end."""

WALL = 1000.0
"""More than all the costs of an edit."""

INNER = np.iinfo(np.int32).max  # the indentation of a blank line: it leaves no block

Floats: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"
Ints: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int32]]"


class Kind(IntEnum):
    """What an item became."""

    KEPT = 0
    REPLACED = 1
    INSERTED = 2
    COVERED = 3
    ERASED = 4


class Placed(NamedTuple):
    """An item and the original lines [start, end) that it stands for: none for INSERTED.

    Original lines between an item's end and the next one's start are deleted.
    """

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True)
class Path:
    """What became of the items; original lines before `begin` and from `end` on just stay."""

    begin: int
    placed: list[Placed]
    end: int


@dataclass(frozen=True)
class _Row:
    """What an item costs at the places [low, low + len(kept)), and the way back from each.

    Of layer K, `kind` and `start` tell the item, `layer` and `place` where its start was reached
    from: the same place, or an earlier one with a deletion between. Of layer G, `gap_layer` tells
    the layer at the same place before.
    """

    low: int
    kept: Floats
    gap: Floats
    kind: Ints
    start: Ints
    layer: Ints
    place: Ints
    gap_layer: Ints

    @property
    def best(self) -> float:
        """The least cost."""
        return float(min(self.kept.min(), self.gap.min()))

    def anchored(self) -> _Row:
        """Of a first line: what is not kept begins where the text does."""
        kept = np.where((self.kind != Kind.KEPT) & (self.start > 0), np.inf, self.kept)
        gap = np.where(np.arange(self.low, self.low + len(self.gap)) > 0, np.inf, self.gap)
        return replace(self, kept=kept, gap=gap)

    def pruned(self) -> _Row:
        """Without the places that cost too much."""
        bound = self.best + BEAM
        alive = np.flatnonzero((self.kept <= bound) | (self.gap <= bound))
        first, last = int(alive[0]), int(alive[-1]) + 1
        window = slice(first, last)
        return _Row(
            self.low + first,
            np.where(self.kept <= bound, self.kept, np.inf)[window],
            np.where(self.gap <= bound, self.gap, np.inf)[window],
            self.kind[window],
            self.start[window],
            self.layer[window],
            self.place[window],
            self.gap_layer[window],
        )


@dataclass(frozen=True)
class _Reached:
    """The least cost of places [low, low + len(cost)), deletions included, and from where."""

    low: int
    cost: Floats
    layer: Ints
    place: Ints


class Alignment:
    """The alignment of items, pushed one by one, with the bodies of original lines."""

    def __init__(self, original: list[str], whole: bool = False) -> None:
        self._original = original
        self._stripped = [line.strip() for line in original]
        self._length = np.array([len(line) for line in self._stripped], dtype=np.int32)
        self._weight = np.array([_weight(line) for line in self._stripped], dtype=np.float64)
        self._weights = np.concatenate(([0.0], np.cumsum(self._weight)))
        self._losses, self._gaps = LOSS * self._weights, GAP * self._weights
        self._indent = np.array([indent(line) for line in original], dtype=np.int32)
        self._indent[self._length == 0] = INNER
        # Of the first line with text at or behind a place; less than any at the end.
        following = np.append(np.where(self._length == 0, INNER, self._indent), -1)
        texts = np.append(np.flatnonzero(self._length), len(original))
        self._next_indent = following[texts[np.searchsorted(texts, np.arange(len(original) + 1))]]
        self._places: dict[str, list[int]] = {}
        for index, line in enumerate(original):
            self._places.setdefault(line.rstrip(), []).append(index)
        self._items: list[Item] = []
        places = 1 if whole else len(original) + 1
        start = np.where(np.arange(places) > 0, IMPLIED, 0.0)
        nothing = np.zeros(places, dtype=np.int32)
        gap = np.full(places, np.inf)
        self._rows = [_Row(0, start, gap, nothing, nothing, nothing, nothing, nothing)]
        self._whole = whole

    def push(self, item: Item) -> None:
        """Add the next item; the row of the one before it is computed."""
        self._items.append(item)
        if len(self._items) > 1:
            self._advance(item)

    def finish(self) -> Path:
        """What became of each item, now that no more will come."""
        if self._items:
            self._advance(None)
        number, end = len(self._items), len(self._original)
        row = self._rows[-1]
        reached = self._reach(row, end + 1)
        # Behind the last item lines stay if that was kept.
        kept = np.where(row.kind == Kind.KEPT, row.kept, np.inf)
        last = int(np.argmin(kept))
        if not self._whole and kept[last] + IMPLIED < reached.cost[-1]:
            return self._trace(0, row.low + last, number, row.low + last)
        return self._trace(int(reached.layer[-1]), int(reached.place[-1]), number, end)

    def settled(self) -> Path:
        """What became of the first items, whatever else may come; `end` is where they end."""
        row = self._rows[-1]
        ends = {(0, row.low + int(n)) for n in np.flatnonzero(np.isfinite(row.kept))}
        ends |= {(1, row.low + int(n)) for n in np.flatnonzero(np.isfinite(row.gap))}
        number = len(self._rows) - 1
        while number and len(ends) > 1:
            ends = {self._back(number, *end)[1] for end in ends}
            number -= 1
        layer, place = ends.pop()
        return self._trace(layer, place, number, place)

    def _trace(self, layer: int, place: int, number: int, end: int) -> Path:
        """The items before row `number`, for which `place` was reached in `layer`."""
        found: list[Placed] = []
        while number:
            placed, (layer, place) = self._back(number, layer, place)
            found.append(placed)
            number -= 1
        return Path(place, found[::-1], end)

    def _back(self, number: int, layer: int, place: int) -> tuple[Placed, tuple[int, int]]:
        row = self._rows[number]
        at = place - row.low
        if layer:
            return Placed(Kind.INSERTED, place, place), (int(row.gap_layer[at]), place)
        placed = Placed(Kind(row.kind[at]), int(row.start[at]), place)
        return placed, (int(row.layer[at]), int(row.place[at]))

    def _advance(self, following: Item | None) -> None:
        """Compute the row of the item that is due; `following` comes behind it."""
        number = len(self._rows) - 1
        item = self._items[number]
        before = self._items[number - 1] if number else None
        row = self._rows[-1]
        if isinstance(following, Line) and (copied := self._copied(row, item)):
            self._rows.append(copied)
            return
        if isinstance(item, Line):
            borders = isinstance(before, Keep) + isinstance(following, Keep)
            new = self._line(row, item.text, borders, self._follows(before, item.text))
            if before is None:
                new = new.anchored()
        else:
            new = self._run(row, item)
        self._rows.append(new.pruned())

    def _reach(self, row: _Row, end: int | None = None) -> _Reached:
        """Places that can be reached from `row` by deleting lines, at least up to `end`."""
        low = row.low
        losses, gaps = self._losses, self._gaps
        if end is None:
            bound = row.best + BEAM
            farthest = max(
                _reached(row.kept, losses, low, bound - OPEN_LOSS),
                _reached(row.gap, gaps, low, bound - OPEN_GAP),
            )
            end = min(max(low + len(row.kept), farthest), len(self._original) + 1)
        window = slice(low, end)
        kept, kept_from = _close(row.kept, losses[window], OPEN_LOSS)
        gap, gap_from = _close(row.gap, gaps[window], OPEN_GAP)
        layer = (gap < kept).astype(np.int32)
        place = low + np.where(layer, gap_from, kept_from)
        return _Reached(low, np.minimum(kept, gap), layer, place.astype(np.int32))

    def _copied(self, row: _Row, item: Item) -> _Row | None:
        """The row of a line that just goes on where one place is far better than all others."""
        at = int(np.argmin(row.kept))
        place = row.low + at
        if not isinstance(item, Line) or self._original[place : place + 1] != [item.text]:
            return None
        if (
            np.count_nonzero(row.kept < row.kept[at] + SURE) > 1
            or row.gap.min() < row.kept[at] + SURE
        ):
            return None
        one = np.array([place], dtype=np.int32)
        none = np.zeros(1, dtype=np.int32)
        gap = np.full(1, np.inf)
        return _Row(place + 1, row.kept[at : at + 1], gap, none, one, none, one, none)

    def _line(self, row: _Row, text: str, borders: int, moved: bool) -> _Row:
        """The row of a line of text beside so many markers; `moved` with the line before it."""
        reached = self._reach(row)
        low, size = row.low, len(reached.cost) + 1
        stripped = text.strip()
        weight = _weight(stripped)
        places = self._places.get(text.rstrip(), [])
        border = borders * (BORDER if places else NEW_BORDER)
        unkept = (UNIQUE if len(places) == 1 else UNIQUE / 3 if len(places) == 2 else 0) * (
            weight == 1
        )

        kept = np.full(size, np.inf)
        kind = np.full(size, Kind.KEPT, dtype=np.int32)
        found = places[bisect_left(places, low) : bisect_left(places, low + size - 1)]
        same = np.array(found, dtype=np.int32) - low
        kept[same + 1] = reached.cost[same]
        if len(found) and not all(self._original[at] == text for at in found):
            differs = np.array([self._original[at] != text for at in found])
            kept[same[differs] + 1] += SPACES
            kind[same[differs] + 1] = Kind.REPLACED
        if not places and len(stripped) > 3:
            near, distance = self._similar(stripped, reached, weight + 2 * border + 3)
            cost = REPLACE * distance * np.maximum(weight, self._weight[low + near])
            cost += reached.cost[near] + REPLACED + border * weight * distance / 4
            kept[near + 1] = cost
            kind[near + 1] = Kind.REPLACED

        inserted = weight * (1 + border)
        gap = np.full(size, np.inf)
        width = len(row.kept)
        in_gap = row.gap + (MOVED + weight * border if moved else inserted + unkept)
        after_kept = row.kept + inserted + unkept
        gap[:width] = np.minimum(after_kept, in_gap)
        gap_layer = np.zeros(size, dtype=np.int32)
        gap_layer[:width] = in_gap < after_kept
        start = np.arange(low - 1, low + size - 1, dtype=np.int32)
        layer, place = np.append(0, reached.layer), np.append(0, reached.place)
        return _Row(low, kept, gap, kind, start, layer, place, gap_layer)

    def _similar(self, text: str, reached: _Reached, margin: float) -> tuple[Ints, Floats]:
        """Where a line much like `text` is reached at no more than `margin` above the best.

        Places as indices into `reached`, and the dissimilarity of each.
        """
        low, size = reached.low, min(len(reached.cost), len(self._original) - reached.low)
        length = self._length[low : low + size]
        near = np.flatnonzero(
            (reached.cost[:size] < reached.cost.min() + margin)
            & (length >= max(4, 0.4 * len(text)))
            & (length <= len(text) / 0.3)
        )
        if not len(near):
            return near.astype(np.int32), np.zeros(0)
        alike = cdist(
            [text],
            [self._stripped[low + int(at)] for at in near],
            scorer=Indel.normalized_similarity,
            score_cutoff=ALIKE,
            dtype=np.float64,
        )[0]
        passed = alike > 0
        return near[passed].astype(np.int32), 1 - alike[passed]

    def _run(self, row: _Row, item: Keep | Delete) -> _Row:
        """The row of a marker: lines from any place reached to any place behind it."""
        reached = self._reach(row)
        low, end = row.low, len(self._original) + 1
        cost = np.full(end - low, np.inf)
        cost[: len(reached.cost)] = reached.cost
        begin = np.array(cost)
        if isinstance(item, Delete):
            kind, idle, opened, each = Kind.ERASED, IDLE_DELETION, OPEN_DELETION, DELETION
            if item.target:
                named = [line.startswith(item.target) for line in self._stripped[low:]]
                begin[:-1] += np.where(named, 0, MISNAMED)
        else:
            kind, idle, opened, each = Kind.COVERED, IDLE_KEEP, 0, 0
        next_indent = self._next_indent[low:]
        begin += opened + STEP * (next_indent != item.indent)
        ending = STEP * (next_indent > item.indent)
        # So dear that no run passes a line that is less indented: it starts behind the last one.
        left = np.concatenate(([0.0], np.cumsum(self._indent[low:] < item.indent) * WALL))
        lines = each * self._weights[low:]
        within, within_from = _least_before(begin - left - lines)
        across, across_from = _least_before(begin - lines)
        within += left + lines + ending
        across += lines + ending + CROSS
        inside = within <= across
        run = np.where(inside, within, across)
        start = np.where(inside, within_from, across_from)
        nothing = cost + idle <= run
        kept = np.where(nothing, cost + idle, run)
        start = np.where(nothing, np.arange(end - low), start)
        source = np.minimum(start, len(reached.cost) - 1)
        return _Row(
            low,
            kept,
            np.full(end - low, np.inf),
            np.full(end - low, kind, dtype=np.int32),
            (low + start).astype(np.int32),
            reached.layer[source],
            reached.place[source],
            np.zeros(end - low, dtype=np.int32),
        )

    def _follows(self, before: Item | None, text: str) -> bool:
        """Whether `text` and the line before it are unique in the original and neighbours there."""
        if not isinstance(before, Line):
            return False
        first = self._places.get(before.text.rstrip(), [])
        return len(first) == 1 and self._places.get(text.rstrip()) == [first[0] + 1]


def _weight(stripped: str) -> float:
    """How much a line says."""
    if not stripped:
        return 0.15
    if not any(char.isalnum() or char == "_" for char in stripped):
        return 0.35
    return 0.6 if len(stripped) <= 5 else 1.0


def _close(layer: Floats, costs: Floats, opened: float) -> tuple[Floats, Ints]:
    """Let runs of deleted lines end at each place; the least costs, and where the runs begin."""
    whole = np.full(len(costs), np.inf)
    whole[: len(layer)] = layer
    least, begin = _least(whole - costs)
    deleted = least + opened + costs
    stays = whole <= deleted
    return np.where(stays, whole, deleted), np.where(stays, np.arange(len(costs)), begin)


def _reached(layer: Floats, costs: Floats, low: int, bound: float) -> int:
    """How many places can be reached from [low, low + len(layer)) for no more than `bound`."""
    least = float((layer - costs[low : low + len(layer)]).min())
    return int(np.searchsorted(costs, bound - least, "right"))


def _least(values: Floats) -> tuple[Floats, Ints]:
    """The least value up to each index, and the last index that has it."""
    least = np.minimum.accumulate(values)
    return least, np.maximum.accumulate(np.where(values == least, np.arange(len(values)), 0))


def _least_before(values: Floats) -> tuple[Floats, Ints]:
    """The least value before each index, and the last index that has it."""
    least, at = _least(values[:-1])
    return np.append(np.inf, least), np.append(0, at)
