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
from dataclasses import dataclass, replace
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
    LEAVE,
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
from .rows import Flags, Floats, Ints, Kind, Row, least_before, least_so_far

AHEAD = np.array([[0.0], [UNIQUE + 1]])
"""A gap that is ahead saves no more than to insert a line and be in a gap too."""

OPENED = np.array([[OPEN_LOSS], [OPEN_GAP]])

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


class Alignment:
    """The alignment of items, pushed one by one, with the bodies of original lines."""

    def __init__(self, original: list[str], whole: bool = False) -> None:
        self._original = original
        self._stripped = [line.strip() for line in original]
        self._length = np.array([len(line) for line in self._stripped], dtype=np.int32)
        self._weight = np.array([weight_of(line) for line in self._stripped], dtype=np.float64)
        self._weights = np.concatenate(([0.0], np.cumsum(self._weight)))
        self._costs = np.array([LOSS, GAP])[:, None] * self._weights
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
        start = np.full((2, 1 if whole else len(original) + 1), np.inf)
        start[0] = IMPLIED
        start[0, 0] = 0
        self._rows = [Row(0, start)]
        self._whole = whole
        self._sure = Path(0, [], 0)

    def push(self, item: Item) -> None:
        """Add the next item; the row of the one before it is computed."""
        self._items.append(item)
        if len(self._items) > 1:
            self._advance(item)

    def finish(self) -> Path:
        """What became of each item, now that no more will come."""
        last = self._items[-1] if self._items else None
        if last is not None:
            self._advance(None)
        number, end = len(self._items), len(self._original)
        row = self._rows[-1]
        costs, layers, places = self._sources(row, np.array([end]))
        if isinstance(last, Line) and not self._whole:
            # Behind the last item lines stay if that was kept.
            behind = range(row.low, row.low + row.width)
            kept = [n + 1 for n in self._copies(last.text) if n + 1 in behind]
            at = min(kept, key=lambda place: row.cost[0, place - row.low], default=-1)
            if at >= 0 and row.cost[0, at - row.low] + IMPLIED < costs[0]:
                return self._trace(0, at, number, at)
        return self._trace(int(layers[0]), int(places[0]), number, end)

    def settled(self) -> Path:
        """What became of the items up to a marker for lines that stay, whatever else may come."""
        sure, number = len(self._sure.placed), len(self._rows) - 1
        markers = [n for n in range(sure, number) if isinstance(self._items[n], Keep)]
        if markers:
            ends = np.isfinite(self._rows[number].cost)
            while number > markers[0] and np.count_nonzero(ends) > 1:
                ends = self._ends_before(number, ends)
                number -= 1
            if number > markers[0]:
                layer, at = (int(index[0]) for index in ends.nonzero())
                found = self._trace(layer, self._rows[number].low + at, number, 0, sure)
                last = bisect_left(markers, number)
                placed = found.placed[: markers[last - 1] + 1 - sure]
                begin = self._sure.begin if sure else found.begin
                self._sure = Path(begin, [*self._sure.placed, *placed], placed[-1].end)
        return self._sure

    def likely(self) -> Path:
        """What became of the first items, if what costs least so far goes on; `end` as above."""
        row = self._rows[-1]
        layer, at = np.unravel_index(int(np.argmin(row.cost)), row.cost.shape)
        place = row.low + int(at)
        return self._trace(int(layer), place, len(self._rows) - 1, place)

    def _trace(self, layer: int, place: int, number: int, end: int, least: int = 0) -> Path:
        """The items of rows `least` to `number`, for which `place` was reached in `layer`."""
        found: list[Placed] = []
        while number > least:
            placed, (layer, place) = self._back(number, layer, place)
            found.append(placed)
            number -= 1
        return Path(place, found[::-1], end)

    def _back(self, number: int, layer: int, place: int) -> tuple[Placed, tuple[int, int]]:
        """The item of a row that comes to `place`, and from where in the row before."""
        row, before, item = self._rows[number], self._rows[number - 1], self._items[number - 1]
        if layer:
            kept, gap = before.cost[:, place - before.low]
            from_gap = gap + row.from_gap < kept + row.from_kept
            return Placed(Kind.INSERTED, place, place), (int(from_gap), place)
        if row.start is None:
            start = place - 1
            kind = Kind.KEPT if Line(self._original[start]) == item else Kind.REPLACED
        else:
            start = int(row.start[place - row.low])
            kind = Kind.COVERED if isinstance(item, Keep) else Kind.ERASED
        placed = Placed(kind, start, place)
        at = start - before.low
        if at < before.width and before.cost[0, at] <= before.best:
            return placed, (0, start)
        _, layers, places = self._sources(before, np.array([start]))
        return placed, (int(layers[0]), int(places[0]))

    def _ends_before(self, number: int, ends: Flags) -> Flags:
        """Where in the row before the ways to these places of a row come from."""
        row, before = self._rows[number], self._rows[number - 1]
        found = np.zeros(before.cost.shape, dtype=np.bool_)
        kept, gap = ends
        inserted = np.flatnonzero(gap) + row.low - before.low
        from_kept, from_gap = before.cost[:, inserted]
        found[(from_gap + row.from_gap < from_kept + row.from_kept).astype(int), inserted] = True
        copied = np.flatnonzero(kept)
        starts = copied + row.low - 1 if row.start is None else row.start[copied]
        _, layers, places = self._sources(before, starts)
        found[layers, places - before.low] = True
        return found

    def _sources(self, row: Row, places: Ints) -> tuple[Floats, Ints, Ints]:
        """The least cost of places by deleting lines behind a row; layers and places from where."""
        values = row.cost - self._costs[:, row.low : row.low + row.width]
        least, begin = least_so_far(values)
        at = np.minimum(places - row.low, row.width - 1)
        deleted = least[:, at] + OPENED + self._costs[:, places]
        stays = np.where(places - row.low < row.width, row.cost[:, at], np.inf)
        layers = (np.minimum(stays[1], deleted[1]) < np.minimum(stays[0], deleted[0])).astype(int)
        which = (layers, np.arange(len(places)))
        sources = np.where(stays[which] <= deleted[which], places, row.low + begin[layers, at])
        return np.minimum(stays, deleted)[which], layers, sources

    def _advance(self, following: Item | None) -> None:
        """Compute the row of the item that is due; `following` comes behind it."""
        number = len(self._rows) - 1
        item = self._items[number]
        before = self._items[number - 1] if number else None
        row = self._rows[-1]
        if isinstance(item, Line):
            borders = isinstance(before, Keep) + isinstance(following, Keep)
            borders -= self._ends_inside(number - 1, item)
            new = self._line(row, item.text, borders, self._follows(before, item.text))
            if before is None:
                new = self._anchored(new, item.text)
        else:
            new = self._run(row, item, LEAVE if self._ends_inside(number, following) else CROSS)
        self._rows.append(new)

    def _anchored(self, row: Row, text: str) -> Row:
        """The row of a first line: what is not kept begins where the text does."""
        cost = np.array(row.cost)
        places = range(row.low, row.low + row.width)
        cost[1, [at > 0 for at in places]] = np.inf
        cost[0, [at > 1 and self._original[at - 1] != text for at in places]] = np.inf
        return replace(row, cost=cost)

    def _reach(self, row: Row) -> Floats:
        """The least costs from a row's first place on, deleted lines included, within the beam."""
        behind = row.low + row.width
        costs = self._costs[:, row.low : behind]
        least = np.minimum.accumulate(row.cost - costs, axis=1)
        inside = np.minimum(row.cost, least + OPENED + costs)
        last = least[:, -1:] + OPENED
        bound = row.best + BEAM
        kept, gap = (self._costs[n].searchsorted(bound - last[n, 0], "right") for n in (0, 1))
        beyond = last + self._costs[:, behind : max(behind, int(kept), int(gap))]
        return np.concatenate((np.minimum(*inside), np.minimum(*beyond)))

    def _goes_on(self, row: Row, text: str) -> int:
        """The best place, if `text` is a copy of what comes there; else -1.

        No place behind it may cost less than to come there from it by deleting lines.
        """
        at = int(row.cost[0].argmin())
        cost, place = row.cost[0, at], row.low + at
        if self._original[place : place + 1] != [text] or cost > row.best:
            return -1
        if at + 1 < row.width:
            losses = self._costs[0, place : row.low + row.width]
            bound = losses[1:] + (cost + OPEN_LOSS - losses[0] - ROUNDING)
            if (row.cost[:, at + 1 :] < bound + AHEAD).any():
                return -1
        return place

    def _line(self, row: Row, text: str, borders: int, moved: bool) -> Row:
        """The row of a line of text beside so many markers; `moved` with the line before it."""
        stripped = text.strip()
        weight = weight_of(stripped)
        known = text.rstrip()
        places = self._places.get(known, [])
        low = row.low
        border = borders * (BORDER if places else NEW_BORDER)
        unkept = {1: UNIQUE, 2: UNIQUE / 3}.get(len(places), 0.0) if weight == 1 else 0.0
        from_kept = weight * (1 + border) + unkept
        from_gap = MOVED + weight * border if moved else from_kept

        last = self._goes_on(row, text)
        if last >= 0:
            row = Row(low, row.cost[:, : last + 1 - low])
        if last >= 0 and places[bisect_left(places, low)] == last:
            cost = np.full((2, row.width + 1), np.inf)
            cost[0, -1] = row.cost[0, -1]
        else:
            reached = self._reach(row)
            if last >= 0:
                reached = reached[: row.width]
            cost = np.full((2, len(reached) + 1), np.inf)
            found = places[bisect_left(places, low) : bisect_left(places, low + len(reached))]
            same = np.array(found, dtype=np.intp) - low
            cost[0, same + 1] = reached[same]
            if known in self._mixed or (places and self._original[places[0]] != text):
                cost[0, [at + 1 - low for at in found if self._original[at] != text]] += SPACES
            if not places and len(stripped) > 3:
                near, distance = self._similar(stripped, low, reached, weight + 2 * border + 3)
                replacing = REPLACE * distance * np.maximum(weight, self._weight[low + near])
                cost[0, near + 1] = (
                    replacing + reached[near] + REPLACED + border * weight * distance / 4
                )
        cost[1, : row.width] = np.minimum(row.cost[0] + from_kept, row.cost[1] + from_gap)
        new = Row(low, cost, from_kept, from_gap)
        # A copy adds one place: to prune after each is not worth the time.
        return new.pruned() if last < 0 or new.width % 32 == 0 else new

    def _similar(self, text: str, low: int, reached: Floats, margin: float) -> tuple[Ints, Floats]:
        """Where a line much like `text` is reached at no more than `margin` above the best.

        Places as indices into `reached`, which begins at `low`, and the dissimilarity of each.
        """
        size = min(len(reached), len(self._original) - low)
        length = self._length[low : low + size]
        near = np.flatnonzero(
            (reached[:size] < reached.min() + margin)
            & (length >= max(4, 0.4 * len(text)))
            & (length <= len(text) / 0.3)
        )
        if not len(near):
            return near, np.zeros(0)
        alike = cdist(
            [text],
            [self._stripped[low + int(at)] for at in near],
            scorer=Indel.normalized_similarity,
            score_cutoff=ALIKE,
            dtype=np.float64,
        )[0]
        passed = alike > 0
        return near[passed], 1 - alike[passed]

    def _run(self, row: Row, item: Keep | Delete, cross: float) -> Row:
        """The row of a marker: lines from any place reached to any place behind it.

        `cross` is what it costs to leave a block.
        """
        reached = self._reach(row)
        low, end = row.low, len(self._original) + 1
        cost = np.full(end - low, np.inf)
        cost[: len(reached)] = reached
        begin = np.array(cost)
        if isinstance(item, Delete):
            idle, opened, each = IDLE_DELETION, OPEN_DELETION, DELETION
            if item.target:
                named = [line.startswith(item.target) for line in self._stripped[low:]]
                begin[:-1] += np.where(named, 0, MISNAMED)
        else:
            idle, opened, each = IDLE_KEEP, 0, 0
        next_indent = self._next_indent[low:]
        begin += opened + STEP * (next_indent != item.indent)
        ending = STEP * (next_indent > item.indent)
        # So dear that no run passes a line that is less indented: it starts behind the last one.
        left = np.concatenate(([0.0], np.cumsum(self._indent[low:] < item.indent) * WALL))
        lines = each * self._weights[low:]
        within, within_from = least_before(begin - left - lines)
        across, across_from = least_before(begin - lines)
        within += left + lines + ending
        across += lines + ending + cross
        inside = within <= across
        run = np.where(inside, within, across)
        start = np.where(inside, within_from, across_from)
        nothing = cost + idle <= run
        kept = np.where(nothing, cost + idle, run)
        start = np.where(nothing, np.arange(end - low), start)
        return Row(low, np.stack((kept, np.full(end - low, np.inf))), start=low + start).pruned()

    def _copies(self, text: str) -> list[int]:
        """The original lines that are `text`, white space at their ends included."""
        places = self._places.get(text.rstrip(), [])
        return [at for at in places if self._original[at] == text]

    def _ends_inside(self, number: int, following: Item | None) -> bool:
        """Whether a marker stands for lines inside of the block that the line before it opens.

        It is indented below that, a copy, and what comes behind it is new.
        """
        if number < 1 or not isinstance(following, Line):
            return False
        item, before = self._items[number], self._items[number - 1]
        return (
            isinstance(item, Keep)
            and isinstance(before, Line)
            and indent(before.text) < item.indent <= indent(following.text)
            and before.text.rstrip() in self._places
            and following.text.rstrip() not in self._places
        )

    def _follows(self, before: Item | None, text: str) -> bool:
        """Whether `text` and the line before it are unique in the original and neighbours there."""
        if not isinstance(before, Line):
            return False
        first = self._places.get(before.text.rstrip(), [])
        return len(first) == 1 and self._places.get(text.rstrip()) == [first[0] + 1]
