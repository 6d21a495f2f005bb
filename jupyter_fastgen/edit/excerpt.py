"""A task as the model sees it: all of the text, or of a long one what matters. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..completion.context import guess_tokens
from .hunks import Hunk
from .lines import indent
from .outline import Block, View, outline
from .prompt import Task

AROUND = 3
"""Lines before and behind a selection that are shown in any case."""

_OPENS = (":", "{", "(", "[", ",")
"""How a line ends that begins a block."""


class Forest(Protocol):
    """The blocks of a text."""

    @property
    def blocks(self) -> Sequence[Block]:
        """The outermost ones."""
        ...


@dataclass(frozen=True)
class Excerpt:
    """What the model is shown: `task`, and of the lines that may change a `view`, or all."""

    task: Task
    view: View | None = None

    @property
    def lines(self) -> list[str]:
        """The lines that may change, as far as they are shown."""
        hidden = self.view.hidden if self.view else frozenset[int]()
        return [line for n, line in enumerate(self.task.part) if n not in hidden]

    def wanted(self, hunks: Sequence[Hunk], part: Sequence[str]) -> list[tuple[int, int]]:
        """Lines [start, end) of `part` that `hunks` are about although they are hidden.

        Hunks count lines of the view. It is hidden what they change or write into, and what they
        begin to write anew.
        """
        if self.view is None:
            return []
        view = self.view
        touched = {n for hunk in hunks for n in view.hidden if touches(hunk, n, view)}
        runs = [(view.starts[n], view.starts[n + 1]) for n in sorted(touched)]
        written = {line for hunk in hunks for line in hunk.new if line.rstrip().endswith(_OPENS)}
        counts = Counter(part)
        runs += [
            (at, at + 1)
            for at, line in enumerate(part)
            if line in written and counts[line] == 1 and view.at(at) in view.hidden
        ]
        return runs


def touches(hunk: Hunk, hidden: int, view: View) -> bool:
    """Whether a hunk in a view changes what a marker hides, or adds to the block it is all of."""
    if hunk.start <= hidden < hunk.end:
        return True
    adds = hunk.end == hidden and len(hunk.new) > hunk.end - hunk.start
    above = [*view.lines[: hunk.start], *hunk.new[: hunk.end - hunk.start]]
    column = indent(view.lines[hidden])
    return adds and above != [] and indent(hunk.new[-1]) >= column > indent(above[-1])


def excerpt(
    asked: Task,
    parse: Callable[[str], Forest],
    tokens: int,
    room: float,
    wanted: Sequence[tuple[int, int]] = (),
) -> Excerpt:
    """The task with about so many `tokens` of its text, and never more than there is `room` for.

    Of a selection all is shown, and it is shown once more alone, unless it is longer than that
    itself. The lines [start, end) of the part in `wanted` are shown first.
    """
    part = guess_tokens("\n".join(asked.part))
    if asked.whole or (not asked.is_all and part <= tokens and 2 * part <= room):
        tokens = int(min(tokens, room if asked.is_all else room - part))
        if guess_tokens("\n".join(asked.lines)) <= tokens:
            return Excerpt(asked)
        near = max(0, asked.start - AROUND), min(len(asked.lines), asked.end + AROUND)
        view = _view(asked, asked.lines, parse, tokens, focus=[near])
        start = view.at(asked.start)
        return Excerpt(replace(asked, lines=view.lines, start=start, end=start + len(asked.part)))
    tokens = int(min(tokens, room))
    if part <= tokens:
        alone = replace(asked, lines=asked.part, start=0, end=len(asked.part))
        return Excerpt(asked if asked.is_all else alone)
    view = _view(asked, asked.part, parse, tokens, wanted=wanted)
    return Excerpt(replace(asked, lines=view.lines, start=0, end=len(view.lines)), view)


def _view(
    asked: Task,
    lines: Sequence[str],
    parse: Callable[[str], Forest],
    tokens: int,
    focus: Sequence[tuple[int, int]] = (),
    wanted: Sequence[tuple[int, int]] = (),
) -> View:
    blocks = parse("\n".join(lines)).blocks
    return outline(lines, blocks, asked.language, asked.instruction, focus, tokens, wanted)
