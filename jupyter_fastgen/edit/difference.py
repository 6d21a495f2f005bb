"""The difference of two lists of lines: patience diff, by Bram Cohen's description. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class Change(NamedTuple):
    """Lines [old_start, old_end) became lines [new_start, new_end); one of them may be empty."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """What differs, in order; between two changes at least one line is the same."""
    found: list[Change] = []
    at_old = at_new = 0
    for i, j in (*_matches(old, new, 0, 0), (len(old), len(new))):
        if (i, j) != (at_old, at_new):
            found.append(Change(at_old, i, at_new, j))
        at_old, at_new = i + 1, j + 1
    return found


def _matches(
    old: Sequence[str], new: Sequence[str], old_at: int, new_at: int
) -> Iterator[tuple[int, int]]:
    """Pairs of equal lines, in order: the same at both ends, unique ones, and between those."""
    start = 0
    least = min(len(old), len(new))
    while start < least and old[start] == new[start]:
        yield old_at + start, new_at + start
        start += 1
    end = 0
    while end < least - start and old[-1 - end] == new[-1 - end]:
        end += 1
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    old_at, new_at = old_at + start, new_at + start
    if inner_old and inner_new:
        anchors = _anchors(inner_old, inner_new)
        if anchors:
            i = j = 0
            for next_i, next_j in (*anchors, (len(inner_old), len(inner_new))):
                parts = inner_old[i:next_i], inner_new[j:next_j]
                yield from _matches(*parts, old_at + i, new_at + j)
                if next_i < len(inner_old):
                    yield old_at + next_i, new_at + next_j
                i, j = next_i + 1, next_j + 1
        else:
            blocks = SequenceMatcher(None, inner_old, inner_new, autojunk=False)
            for i, j, size in blocks.get_matching_blocks():
                yield from ((old_at + i + n, new_at + j + n) for n in range(size))
    for n in range(end):
        yield old_at + len(inner_old) + n, new_at + len(inner_new) + n


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest rising run of lines that both have exactly once."""
    in_old, in_new = Counter(old), Counter(new)
    places = {line: i for i, line in enumerate(old) if in_old[line] == 1 == in_new[line]}
    pairs = [(places[line], j) for j, line in enumerate(new) if line in places]
    # Patience sorting: of the runs of each length, the one with the least last element.
    tails: list[int] = []
    nodes: list[int] = []
    before: list[int] = []
    for index, (i, _) in enumerate(pairs):
        length = bisect_left(tails, i)
        before.append(nodes[length - 1] if length else -1)
        tails[length : length + 1] = [i]
        nodes[length : length + 1] = [index]
    found: list[tuple[int, int]] = []
    at = nodes[-1] if nodes else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
