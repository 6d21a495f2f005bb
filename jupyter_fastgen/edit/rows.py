"""Rows of an alignment: what each place costs after an item. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TypeAlias

import numpy as np

from .costs import BEAM

Floats: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"
Layers: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
Indices: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.intp]]"
Flags: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"
Ints: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.intp]]"


class Kind(IntEnum):
    """What an item became."""

    KEPT = 0
    REPLACED = 1
    INSERTED = 2
    COVERED = 3
    ERASED = 4


@dataclass(frozen=True)
class Row:
    """What an item costs in both layers (K, G) at the places [low, low + cost.shape[1]).

    Layer G comes of the row before: of its K for `from_kept` more, of its G for `from_gap` more.
    `start` tells where the lines of a marker begin, for each place where they end.
    """

    low: int
    cost: Layers
    from_kept: float = 0.0
    from_gap: float = 0.0
    start: Ints | None = None

    @cached_property
    def best(self) -> float:
        """The least cost."""
        return float(self.cost.min())

    @property
    def width(self) -> int:
        """How many places it has."""
        return self.cost.shape[1]

    def pruned(self) -> Row:
        """Without the places that cost too much."""
        alive = self.cost <= self.best + BEAM
        places = (alive[0] | alive[1]).nonzero()[0]
        window = slice(int(places[0]), int(places[-1]) + 1)
        return Row(
            self.low + window.start,
            np.where(alive, self.cost, np.inf)[:, window],
            self.from_kept,
            self.from_gap,
            None if self.start is None else self.start[window],
        )


def least_before(values: Floats) -> tuple[Floats, Ints]:
    """The least value before each index, and the last index that has it."""
    least = np.minimum.accumulate(values[:-1])
    at = np.where(values[:-1] == least, np.arange(len(least)), 0)
    return np.append(np.inf, least), np.append(0, np.maximum.accumulate(at))


def least_so_far(values: Layers) -> tuple[Layers, Indices]:
    """The least value of each layer up to each index, and the last index that has it."""
    least = np.minimum.accumulate(values, axis=1)
    at = np.where(values == least, np.arange(values.shape[1]), 0)
    return least, np.maximum.accumulate(at, axis=1)
