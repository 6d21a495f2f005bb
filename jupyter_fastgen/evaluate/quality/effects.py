"""What the gates would do, told from a run without any. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from .lines import Record, ratio

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)


class Effect(msgspec.Struct, frozen=True):
    """What gates do, in per cent.

    `shown`: of all places; `precision`: the share of that which is right as far as it goes, and
    `gain` that over the precision without gates. Of the first lines that the model wrote exactly
    nothing is left of `rejected`, and the beginning of `shortened`. `saved`: the right characters
    at the suggestions' starts, of all that were expected. `threshold` None is without the
    confidence gate.
    """

    gates: str
    threshold: float | None
    shown: float | None
    precision: float | None
    gain: float | None
    rejected: float | None
    shortened: float | None
    saved: float | None


@dataclass(frozen=True)
class _Left:
    """What gates leave of a suggestion: its first `length` characters, None: all."""

    record: Record
    length: int | None = None

    @property
    def is_shown(self) -> bool:
        return self.record.shown_chars > 0 and self.length != 0

    @property
    def is_right(self) -> bool:
        return self.record.right if self.length is None else self.length <= self.record.saved

    @property
    def saved(self) -> int:
        saved = self.record.saved
        return saved if self.length is None else min(saved, self.length)


def effects(records: Sequence[Record]) -> list[Effect]:
    """What gates would do to `records` of a run without any: none, the sound ones, and all."""
    off = [_Left(r) for r in records]
    sound = [_Left(r, 0 if r.held else None) for r in records]
    found = [_effect("off", None, off, off), _effect("sound", None, sound, off)]
    for threshold in THRESHOLDS:
        left = [_cut(one, threshold) for one in sound]
        found.append(_effect("all", threshold, left, off))
    return found


def _cut(left: _Left, threshold: float) -> _Left:
    judgement = left.record.judgement
    if left.length is not None or judgement is None:
        return left
    return _Left(left.record, judgement.sure(threshold))


def _effect(
    gates: str, threshold: float | None, left: Sequence[_Left], off: Sequence[_Left]
) -> Effect:
    precision, base = _precision(left), _precision(off)
    exact = [one for one in left if one.record.exact and one.record.shown_chars]
    return Effect(
        gates,
        threshold,
        shown=ratio((100 * one.is_shown, 1) for one in left),
        precision=precision,
        gain=precision / base if precision is not None and base else None,
        rejected=ratio((100 * (not one.is_shown), 1) for one in exact),
        shortened=ratio((100 * (one.is_shown and one.length is not None), 1) for one in exact),
        saved=ratio((100 * one.saved * one.is_shown, one.record.expected_chars) for one in left),
    )


def _precision(left: Sequence[_Left]) -> float | None:
    return ratio((100 * one.is_right, 1) for one in left if one.is_shown)
