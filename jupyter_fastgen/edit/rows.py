"""Rows of an alignment: what each place costs, and the way back from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np

from .costs import BEAM

Floats: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"
Ints: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int32]]"


class Kind(IntEnum):
    """What an item became."""

    KEPT = 0
    REPLACED = 1
    INSERTED = 2
    COVERED = 3
    ERASED = 4


@dataclass(frozen=True)
class Row:
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

    def anchored(self) -> Row:
        """Of a first line: what is not kept begins where the text does."""
        kept = np.where((self.kind != Kind.KEPT) & (self.start > 0), np.inf, self.kept)
        gap = np.where(np.arange(self.low, self.low + len(self.gap)) > 0, np.inf, self.gap)
        return replace(self, kept=kept, gap=gap)

    def pruned(self) -> Row:
        """Without the places that cost too much."""
        bound = self.best + BEAM
        kept, gap = self.kept <= bound, self.gap <= bound
        alive = (kept | gap).nonzero()[0]
        window = slice(int(alive[0]), int(alive[-1]) + 1)
        return Row(
            self.low + window.start,
            np.where(kept, self.kept, np.inf)[window],
            np.where(gap, self.gap, np.inf)[window],
            self.kind[window],
            self.start[window],
            self.layer[window],
            self.place[window],
            self.gap_layer[window],
        )


def close(layer: Floats, costs: Floats, opened: float) -> tuple[Floats, Ints]:
    """Let runs of deleted lines end at each place; the least costs, and where the runs begin."""
    whole = layer
    if len(layer) < len(costs):
        whole = np.concatenate((layer, np.full(len(costs) - len(layer), np.inf)))
    least, begin = _least(whole - costs)
    deleted = least + opened + costs
    stays = whole <= deleted
    return np.where(stays, whole, deleted), np.where(stays, np.arange(len(costs)), begin)


def reached_to(layer: Floats, costs: Floats, low: int, bound: float) -> int:
    """How many places can be reached from [low, low + len(layer)) for no more than `bound`."""
    least = float((layer - costs[low : low + len(layer)]).min())
    return int(np.searchsorted(costs, bound - least, "right"))


def _least(values: Floats) -> tuple[Floats, Ints]:
    """The least value up to each index, and the last index that has it."""
    least = np.minimum.accumulate(values)
    return least, np.maximum.accumulate(np.where(values == least, np.arange(len(values)), 0))


def least_before(values: Floats) -> tuple[Floats, Ints]:
    """The least value before each index, and the last index that has it."""
    least, at = _least(values[:-1])
    return np.append(np.inf, least), np.append(0, at)
