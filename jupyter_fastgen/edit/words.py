"""What changes inside the lines of a hunk, word by word. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

ALIKE = 0.4
"""Texts that have less than this in common, 0 to 1, are shown as wholly new."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class Span(NamedTuple):
    """Characters [old_start, old_end) became [new_start, new_end); one of them may be empty."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def word_changes(old: str, new: str) -> list[Span]:
    """What differs between two texts, in whole words; all of both where little is the same."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < ALIKE:
        return [Span(0, len(old), 0, len(new))]
    old_at, new_at = _offsets(before), _offsets(after)
    return [
        Span(old_at[i], old_at[i_end], new_at[j], new_at[j_end])
        for tag, i, i_end, j, j_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def _offsets(words: list[str]) -> list[int]:
    offsets = [0]
    for word in words:
        offsets.append(offsets[-1] + len(word))
    return offsets
