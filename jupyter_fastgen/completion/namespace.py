"""What a live kernel is known to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One name of a kernel.

    `type` is the name of its class. `columns` are pairs of name and dtype of a data frame,
    `members` the names of its attributes; both are empty where that is not known.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None = None
    columns: tuple[tuple[str, str], ...] = ()
    signature: str = ""
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Namespace:
    """The names of a kernel; `complete`: all of them, so that an absent one is unknown there."""

    language: str
    variables: Mapping[str, Variable]
    complete: bool
