"""Drafts that copy: what follows in a text from where the answer repeats it. Pure.

An edit's answer repeats most of what is edited; prompt lookup decoding (Saxena 2023) looks for the
last few tokens of the answer in the prompt. Here the place is followed from token to token, and
after a difference found again by the longest end of the answer that the text has, too: the nearest
short match would draft what was just deleted, again and again.
"""

from __future__ import annotations

from collections.abc import Sequence

MATCH = 2
"""Tokens of an answer that must occur in its original again before it is copied from."""

LOOKUP = 4
"""The same for a prompt, which most answers do not repeat."""

LONGEST = 24
"""Tokens compared to tell places apart."""

WIDTHS = (3, 7, 15, 31)
"""Drafted at once: with the token that precedes them they fill blocks of 4 rows, in which
ExLlamaV2's kernels multiply; above 32 rows it changes to kernels that first restore the weights.
Few widths, for each is measured and its CUDA graphs are recorded anew."""

ROWS = 32
"""Rows in one pass, of all jobs together."""


class Copier:
    """Follows an answer through the text `source`, in tokens."""

    def __init__(self, source: Sequence[int], match: int, at: int | None) -> None:
        """The answer is expected to begin at token `at` of the source, if that is known."""
        self._source = source
        self._match = match
        self._answer: list[int] = []
        self._at = at
        self._expected = at or 0
        self._places: dict[tuple[int, ...], list[int]] = {}
        for end in range(match, len(source) + 1):
            self._places.setdefault(tuple(source[end - match : end]), []).append(end)

    def push(self, token: int) -> None:
        """The answer goes on with `token`."""
        self._answer.append(token)
        at = self._at
        if at is not None and at < len(self._source) and self._source[at] == token:
            self._at = at + 1
        else:
            self._expected = self._expected if at is None else at
            self._at = self._found()

    def draft(self, most: int) -> list[int]:
        """What is likely to follow, at most so many tokens; none where the answer is lost."""
        return [] if self._at is None else list(self._source[self._at : self._at + most])

    def _found(self) -> int | None:
        """Where the answer goes on: behind its longest end in the source, the nearest of those."""
        places = self._places.get(tuple(self._answer[-self._match :]), ())
        return max(
            places,
            key=lambda place: (self._common(place), -abs(place - self._expected)),
            default=None,
        )

    def _common(self, place: int) -> int:
        """Tokens before `place` that the answer ends with."""
        longest = min(LONGEST, place, len(self._answer))
        for length in range(self._match, longest):
            if self._source[place - length - 1] != self._answer[-length - 1]:
                return length
        return longest


def width(wanted: int, jobs: int, widest: int) -> int:
    """The width of drafts for so many jobs, of which the longest is `wanted`; 0 for no drafts."""
    fitting = [w for w in WIDTHS if w <= widest and jobs * (w + 1) <= ROWS]
    if not fitting or wanted <= 0:
        return 0
    return next((w for w in fitting if w >= wanted), fitting[-1])
