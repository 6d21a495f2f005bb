"""What is scored of a suggestion, and how. Pure.

The rules of the first line are those of Qwen2.5-Coder's own evaluation (arXiv 2409.12186): greedy
decoding, the first line of the answer, white space around it ignored, equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from rapidfuzz import fuzz

from ...completion.confidence import Judgement


class Texts(msgspec.Struct, frozen=True):
    """What was expected and what came: kept only where the person asks for it."""

    expected: str
    shown: str


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place that was completed, and its scores.

    `group` is the notebook or the problem that a row belongs to: what is drawn anew by the
    bootstrap. `cell` is a cell's index, or a row's number. `below` says whether what follows the
    line was kept. `earlier` says that the line uses a name bound only in an earlier cell.
    `similarity` is 0 to 100; `saved` counts the right characters at the suggestion's start;
    `unresolved` the names of its first line that are bound nowhere. `held` names the gate that
    held the suggestion back, or without gates would have, as not sound; `judgement` says
    how sure the model was. `right`: its first line is expected as far as it goes. `column`: the
    line names a column of a live data frame.
    """

    group: str
    cell: int
    offset: int
    kind: str
    exact: bool
    similarity: float
    expected_chars: int
    shown_chars: int
    saved: int
    below: bool = True
    earlier: bool = False
    unresolved: int = 0
    repeats: bool = False
    texts: Texts | None = None
    held: str = ""
    column: bool = False
    judgement: Judgement | None = None
    right: bool = False

    @property
    def key(self) -> tuple[str, int, int, bool]:
        """What tells this place from all others of the same run."""
        return self.group, self.cell, self.offset, self.below


Figure = Callable[[Record], tuple[float, float]]
"""A record's part in a ratio of sums: what counts, and out of how much."""

FIGURES: dict[str, Figure] = {
    "exact": lambda r: (100 * r.exact, 1),
    "similarity": lambda r: (r.similarity, 1),
    "saved": lambda r: (100 * r.saved, r.expected_chars),
    "shown": lambda r: (100 * (r.shown_chars > 0), 1),
    "precision": lambda r: (100 * (r.right and r.shown_chars > 0), r.shown_chars > 0),
    "unresolved": lambda r: (100 * (r.unresolved > 0), r.shown_chars > 0),
    "repeats": lambda r: (100 * r.repeats, r.shown_chars > 0),
}
"""In per cent, but for the similarity. `precision` is the right share of what was shown;
`unresolved` and `repeats` are shares of it too: a name bound nowhere, the line below again."""

FIM_FIGURES = ("exact", "similarity")
"""What is told of rows, whose answers pass no filter: all are shown."""


def ratio(parts: Iterable[tuple[float, float]]) -> float | None:
    """The sum of what counts over the sum of what it is out of; None where that is 0."""
    counts, outs = 0.0, 0.0
    for count, out in parts:
        counts += count
        outs += out
    return counts / outs if outs else None


def first_line(answer: str) -> str:
    """The first line, the second if the answer starts with a line break; white space removed."""
    lines = answer.split("\n")
    return lines[1 if answer.startswith("\n") else 0].strip()


def has_first_line(answer: str) -> bool:
    """Whether more text could not change `first_line`."""
    return answer.count("\n") > answer.startswith("\n")


def similarity(expected: str, got: str) -> float:
    """0 to 100: the share of characters that no insertion or deletion touches (`fuzz.ratio`)."""
    return round(fuzz.ratio(expected.strip(), got.strip()), 2)


def correct_start(expected: str, got: str) -> int:
    """How many characters at the start agree: what accepting saves to type."""
    wanted = expected.rstrip()
    both = zip(wanted, got, strict=False)
    return next((n for n, (a, b) in enumerate(both) if a != b), min(len(wanted), len(got)))


def repeats_below(shown: str, below: str) -> bool:
    """Whether a line of `shown` is the first line with text of `below`."""
    following = next((line.strip() for line in below.split("\n") if line.strip()), "")
    return following != "" and following in (line.strip() for line in shown.split("\n"))
