"""What a parser says of a merge: syntax errors, and names that are defined twice. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from .merge import Merge
from .safety import Flag

Fault = TypeVar("Fault")


class Block(Protocol):
    """A block of a text, as far as it is checked."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    @property
    def children(self) -> Sequence[Block]:
        """The blocks inside it."""
        ...


class Forest(Protocol):
    """The blocks of a text."""

    @property
    def blocks(self) -> Sequence[Block]:
        """The outermost ones."""
        ...

    @property
    def has_errors(self) -> bool:
        """Whether the text has a syntax error."""
        ...


def checked(merge: Merge, base: str, parse: Callable[[str], Forest]) -> Merge:
    """`merge` with flags on the hunks that break what was whole in `base`.

    They are those that break it alone; if none does, all of them together do.
    """
    before = parse(base)

    def faults(accepted: Sequence[int]) -> frozenset[Flag]:
        after = parse(merge.apply(base, accepted))
        broken = after.has_errors and not before.has_errors
        twice = _defined_twice(after) - _defined_twice(before)
        return frozenset([Flag.SYNTAX] * broken + [Flag.DUPLICATE] * bool(twice))

    hunks = zip(merge.hunks, culprits(len(merge.hunks), faults), strict=True)
    return replace(merge, hunks=tuple(replace(h, flags=h.flags | more) for h, more in hunks))


def culprits(
    count: int, faults: Callable[[Sequence[int]], frozenset[Fault]]
) -> list[frozenset[Fault]]:
    """For each of `count` hunks its share in the faults that they have when all are accepted.

    A fault is theirs that have it alone; if none does, all of them together do.
    """
    found = faults(range(count)) if count else frozenset[Fault]()
    alone = [faults([number]) & found if found else found for number in range(count)]
    together = found.difference(*alone)
    return [own | together for own in alone]


def _defined_twice(forest: Forest) -> set[tuple[str, ...]]:
    """Paths of labels of definitions that their scope has more than once."""
    found: set[tuple[str, ...]] = set()

    def visit(blocks: Sequence[Block], path: tuple[str, ...]) -> None:
        counts = Counter(b.label for b in blocks if b.label.startswith(("def ", "class ")))
        found.update((*path, label) for label, count in counts.items() if count > 1)
        for block in blocks:
            visit(block.children, (*path, block.label))

    visit(forest.blocks, ())
    return found
