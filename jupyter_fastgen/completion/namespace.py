"""What a live kernel holds, as far as it can be told without running any of the user's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One name of the kernel and what it is bound to.

    `type`: the name of its type, "DataFrame", "function", "module", "int". `columns`: names and
    dtypes of a table, which may have more; a series has one. `signature`: of a callable, in
    parentheses. `members`: the public names behind a dot but for columns, empty where they are
    not known for sure.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None = None
    columns: tuple[tuple[str, str], ...] = ()
    signature: str = ""
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Namespace:
    """The kernel's variables after its last execution; what the kernel itself adds is not there.

    `language`: as kernels name it, in lower case. `complete`: no variable was left out for
    want of time or room.
    """

    language: str
    variables: Mapping[str, Variable]
    complete: bool
