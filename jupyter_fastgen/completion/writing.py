"""One answer of the model on its way to the page: cut where it ends, judged, and screened. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..engine import base
from .confidence import Judge, Judgement
from .gate import Screen
from .stop import Cutter


@dataclass(frozen=True)
class Piece:
    """More ghost text, which is part of a `block` of lines."""

    text: str
    block: bool


@dataclass(frozen=True)
class End:
    """The suggestion is complete; `cost` is what the engine counted.

    `held`: what was shown is to be taken back. `gate` names what held back all or the
    end of it, and `why` says so in a sentence. `judgement`: how sure the model
    was, None where that was not known.
    """

    reason: Literal["stop", "length", "empty", "held", "cancelled"]
    why: str
    cost: base.Done | None
    gate: str = ""
    judgement: Judgement | None = None


class Writing:
    """What the text of one answer goes through."""

    def __init__(self, cutter: Cutter, judge: Judge, screen: Screen, typed: str) -> None:
        """The answer repeats what was `typed` of its first word; only the rest is new."""
        self._cutter = cutter
        self._judge = judge
        self._screen = screen
        self._typed = typed
        self._shown = False

    @property
    def is_block(self) -> bool:
        """Whether it may have several lines."""
        return self._cutter.block

    @property
    def is_decided(self) -> bool:
        """Whether what the model goes on to write would not be shown."""
        return self._cutter.ended or self._judge.doubts or self._screen.held is not None

    def begin(self, head: str) -> list[Piece]:
        """What may be shown of `head`, which stands before the answer."""
        return self._pieces(self._screen.push(self._cutter.push(head)) if head else "")

    def push(self, text: base.Text) -> list[Piece]:
        """What may be shown now that the model has written this."""
        skipped = _common(self._typed, text.text)
        self._typed = self._typed[skipped:]
        new = "" if self._typed else text.text[skipped:]
        if self._cutter.ended or self._judge.doubts:
            return []
        self._judge.push(new, text.logprobs)
        if self._typed or self._judge.doubts:
            return []
        return self._pieces(self._screen.push(self._cutter.push(new)))

    def finish(self, cost: base.Done | None) -> list[Piece | End]:
        """What else may be shown, and the end; `cost` is None where the engine told none."""
        rest: list[Piece] = []
        if self._judge.doubts:
            self._screen.cut()
        else:
            text = "" if self._cutter.ended else self._cutter.finish()
            whole = self._cutter.complete or (cost is not None and cost.reason == "stop")
            rest = self._pieces(self._screen.push(text) + self._screen.finish(whole))
        return [*rest, self._end(cost)]

    def _pieces(self, text: str) -> list[Piece]:
        if not text:
            return []
        self._shown = True
        return [Piece(text, self._cutter.block)]

    def _end(self, cost: base.Done | None) -> End:
        known, held, doubt = self._judge.judgement, self._screen.held, self._judge.doubt
        if held is not None:
            reason = "stop" if self._screen.keeps else "held"
            return End(reason, held.why, cost, held.gate, known)
        if doubt is not None:
            shown = self._shown
            why = (
                "the model is not sure how it goes on" if shown else "the model is not sure enough"
            )
            why += f" ({100 * doubt:.0f} %)"
            return End("stop" if shown else "held", why, cost, "confidence", known)
        if cost is not None and cost.reason == "cancelled" and not self._cutter.complete:
            return End("cancelled", "", cost)
        if not self._shown:
            return End("empty", "the model suggests nothing here", cost)
        reason = "length" if cost is not None and cost.reason == "length" else "stop"
        return End(reason, "", cost, judgement=known)


def _common(a: str, b: str) -> int:
    """Length of the common start."""
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return index
    return min(len(a), len(b))
