"""Passes that are run only to be fast later. Pure."""

from __future__ import annotations

from typing import Literal

from .answer import Logits
from .copying import WIDTHS

PASSES = 210
"""Of each width: ExLlamaV2 chooses kernels by the times of the first 200 calls of each shape, and
records a CUDA graph after 205."""

WARMED = (0, *WIDTHS)


class Warming:
    """An answer that means nothing, each of whose passes verifies a draft of `width` tokens."""

    def __init__(self, width: int) -> None:
        self._width = width
        self.left = PASSES
        self.drafted = 0
        self.reason: Literal["stop", "length"] | None = None

    def choose(self, _: Logits) -> int:
        """A token that no draft has, so that each pass writes one."""
        self.left -= 1
        if not self.left:
            self.reason = "length"
        return 1

    def draft(self, most: int) -> list[int]:
        """Tokens that are all rejected."""
        return [0] * min(self._width, most)
