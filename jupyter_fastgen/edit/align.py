"""Which original lines the markers of a sparse edit stand for: a wildcard alignment. Pure.

Rows are the items of the sparse edit, columns the places between original lines. A place is
reached after a kept line, a replaced one or a marker (layer K), or inside a gap after an inserted
line (layer G); deletions have affine costs, cheap in a gap and dear between two kept lines, as in
Gotoh's alignment (J. Mol. Biol. 162, 1982). Lines that are unique in the original are anchors, as
in Cohen's patience diff. What costs far more than the best is dropped, row by row: so a row depends
on nothing behind the next item, and what all that is left has in common is settled. While lines are
copies, places ahead are left out that cost no less than to delete the lines up to them: exact, and
most rows of a definition are such.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from .costs import (
    ALIKE,
    BEAM,
    BORDER,
    CROSS,
    DELETION,
    GAP,
    IDLE_DELETION,
    IDLE_KEEP,
    IMPLIED,
    LOSS,
    MISNAMED,
    MOVED,
    NEW_BORDER,
    OPEN_DELETION,
    OPEN_GAP,
    OPEN_LOSS,
    REPLACE,
    REPLACED,
    SPACES,
    STEP,
    UNIQUE,
    weight_of,
)
from .lines import indent
from .markers import Delete, Item, Keep, Line
from .rows import Floats, Ints, Kind, Row, close, least_before, reached_to

AHEAD = UNIQUE + 1
"""A gap that is ahead saves no more than to insert a line and be in a gap too."""

ROUNDING = 1e-9

WALL = 1000.0
"""More than all the costs of an edit."""

INNER = np.iinfo(np.int32).max  # the indentation of a blank line: it leaves no block


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
class _Reached:
    """The least cost of places [low, low + len(cost)), deletions included, and from where."""

    low: int
    cost: Floats
    layer: Ints
    place: Ints


def _stayed(low: int, kept: Floats) -> _Reached:
    """The places [low, low + len(kept)) of layer K, with no line deleted."""
    places = np.arange(low, low + len(kept), dtype=np.int32)
    return _Reached(low, kept, np.zeros(len(kept), dtype=np.int32), places)


class Alignment:
    """The alignment of items, pushed one by one, with the bodies of original lines."""

    def __init__(self, original: list[str], whole: bool = False) -> None:
        self._original = original
        self._stripped = [line.strip() for line in original]
        self._length = np.array([len(line) for line in self._stripped], dtype=np.int32)
        self._weight = np.array([weight_of(line) for line in self._stripped], dtype=np.float64)
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
        # What the original has with several ends of white space.
        self._mixed = {
            text
            for text, places in self._places.items()
            if any(original[at] != original[places[0]] for at in places[1:])
        }
        self._items: list[Item] = []
        places = 1 if whole else len(original) + 1
        start = np.where(np.arange(places) > 0, IMPLIED, 0.0)
        nothing = np.zeros(places, dtype=np.int32)
        gap = np.full(places, np.inf)
        self._rows = [Row(0, start, gap, nothing, nothing, nothing, nothing, nothing)]
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
        reached = self._reach(row.low, row.kept, row.gap, end + 1)
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

    def likely(self) -> Path:
        """What became of the first items, if what costs least so far goes on; `end` as above."""
        row = self._rows[-1]
        layer = int(np.min(row.gap) < np.min(row.kept))
        place = row.low + int(np.argmin(row.gap if layer else row.kept))
        return self._trace(layer, place, len(self._rows) - 1, place)

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
        if isinstance(item, Line):
            borders = isinstance(before, Keep) + isinstance(following, Keep)
            new = self._line(row, item.text, borders, self._follows(before, item.text))
            if before is None:
                new = new.anchored()
        else:
            new = self._run(row, item)
        self._rows.append(new)

    def _reach(self, low: int, kept: Floats, gap: Floats, end: int) -> _Reached:
        """What is reached in [low, end) from a row by deleting lines."""
        kept, kept_from = close(kept, self._losses[low:end], OPEN_LOSS)
        gap, gap_from = close(gap, self._gaps[low:end], OPEN_GAP)
        layer = (gap < kept).astype(np.int32)
        place = low + np.where(layer, gap_from, kept_from)
        return _Reached(low, np.minimum(kept, gap), layer, place.astype(np.int32))

    def _farthest(self, row: Row) -> int:
        """The end of the places that can be reached from a row by deleting lines."""
        bound = row.best + BEAM
        end = max(
            row.low + len(row.kept),
            reached_to(row.kept, self._losses, row.low, bound - OPEN_LOSS),
            reached_to(row.gap, self._gaps, row.low, bound - OPEN_GAP),
        )
        return min(end, len(self._original) + 1)

    def _goes_on(self, row: Row, text: str) -> int:
        """The best place, if `text` is a copy of what comes there; else -1.

        No place behind it may cost less than to come there from it by deleting lines.
        """
        at = int(row.kept.argmin())
        cost, place = row.kept[at], row.low + at
        if self._original[place : place + 1] != [text] or cost > row.gap.min():
            return -1
        losses = self._losses[place + 1 : row.low + len(row.kept)]
        bound = losses + (cost + OPEN_LOSS - self._losses[place] - ROUNDING)
        if (row.kept[at + 1 :] < bound).any() or (row.gap[at + 1 :] < bound + AHEAD).any():
            return -1
        return place

    def _line(self, row: Row, text: str, borders: int, moved: bool) -> Row:
        """The row of a line of text beside so many markers; `moved` with the line before it."""
        stripped = text.strip()
        weight = weight_of(stripped)
        known = text.rstrip()
        places = self._places.get(known, [])
        low, before, before_gap = row.low, row.kept, row.gap
        last = self._goes_on(row, text)
        if last < 0:
            reached = self._reach(low, before, before_gap, self._farthest(row))
        else:
            before, before_gap = before[: last + 1 - low], before_gap[: last + 1 - low]
            if places[bisect_left(places, low)] == last:
                reached = _stayed(low, before)
            else:
                reached = self._reach(low, before, before_gap, last + 1)
        size, width = len(reached.cost) + 1, len(before)
        border = borders * (BORDER if places else NEW_BORDER)
        unkept = {1: UNIQUE, 2: UNIQUE / 3}.get(len(places), 0.0) if weight == 1 else 0.0

        kept = np.full(size, np.inf)
        kind = np.zeros(size, dtype=np.int32)
        found = places[bisect_left(places, low) : bisect_left(places, low + size - 1)]
        same = np.array(found, dtype=np.int32) - low
        kept[same + 1] = reached.cost[same]
        if known in self._mixed or (places and self._original[places[0]] != text):
            differs = [at + 1 - low for at in found if self._original[at] != text]
            kept[differs] += SPACES
            kind[differs] = Kind.REPLACED
        if not places and len(stripped) > 3:
            near, distance = self._similar(stripped, reached, weight + 2 * border + 3)
            cost = REPLACE * distance * np.maximum(weight, self._weight[low + near])
            cost += reached.cost[near] + REPLACED + border * weight * distance / 4
            kept[near + 1] = cost
            kind[near + 1] = Kind.REPLACED

        inserted = weight * (1 + border) + unkept
        after_kept = before + inserted
        in_gap = before_gap + (MOVED + weight * border if moved else inserted)
        gap = np.full(size, np.inf)
        gap[:width] = np.minimum(after_kept, in_gap)
        gap_layer = np.zeros(size, dtype=np.int32)
        gap_layer[:width] = in_gap < after_kept
        start = np.arange(low - 1, low + size - 1, dtype=np.int32)
        layer, place = np.zeros(size, dtype=np.int32), np.array(start)
        layer[1:], place[1:] = reached.layer, reached.place
        new = Row(low, kept, gap, kind, start, layer, place, gap_layer)
        # A copy adds one place: to prune after each is not worth the time.
        return new.pruned() if last < 0 or size % 32 == 0 else new

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

    def _run(self, row: Row, item: Keep | Delete) -> Row:
        """The row of a marker: lines from any place reached to any place behind it."""
        reached = self._reach(row.low, row.kept, row.gap, self._farthest(row))
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
        within, within_from = least_before(begin - left - lines)
        across, across_from = least_before(begin - lines)
        within += left + lines + ending
        across += lines + ending + CROSS
        inside = within <= across
        run = np.where(inside, within, across)
        start = np.where(inside, within_from, across_from)
        nothing = cost + idle <= run
        kept = np.where(nothing, cost + idle, run)
        start = np.where(nothing, np.arange(end - low), start)
        source = np.minimum(start, len(reached.cost) - 1)
        return Row(
            low,
            kept,
            np.full(end - low, np.inf),
            np.full(end - low, kind, dtype=np.int32),
            (low + start).astype(np.int32),
            reached.layer[source],
            reached.place[source],
            np.zeros(end - low, dtype=np.int32),
        ).pruned()

    def _follows(self, before: Item | None, text: str) -> bool:
        """Whether `text` and the line before it are unique in the original and neighbours there."""
        if not isinstance(before, Line):
            return False
        first = self._places.get(before.text.rstrip(), [])
        return len(first) == 1 and self._places.get(text.rstrip()) == [first[0] + 1]
