"""Texts before and after a commit."""

from __future__ import annotations

import msgspec

from ...edit.lines import body, split_lines


class Pair(msgspec.Struct, frozen=True):
    """A text before and after a commit."""

    language: str
    before: str
    after: str
    repo: str = ""
    path: str = ""

    @property
    def is_cell(self) -> bool:
        """Whether it is a notebook's cell, not a file."""
        return self.language == "ipython"

    @property
    def grammar(self) -> str:
        """The language to read it in."""
        return "python" if self.is_cell else self.language


def bodies(text: str) -> tuple[str, ...]:
    """The lines of a text without their ends."""
    return tuple(body(line) for line in split_lines(text))
