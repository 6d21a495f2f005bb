"""What a parser says of a merge: syntax errors, and names that are defined twice. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from .merge import Merge
from .safety import Flag


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

    numbers = range(len(merge.hunks))
    found = faults(numbers) if merge.hunks else frozenset[Flag]()
    if not found:
        return merge
    alone = [faults([number]) & found for number in numbers]
    if not any(alone):
        alone = [found] * len(alone)
    hunks = zip(merge.hunks, alone, strict=True)
    return replace(merge, hunks=tuple(replace(h, flags=h.flags | more) for h, more in hunks))


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
