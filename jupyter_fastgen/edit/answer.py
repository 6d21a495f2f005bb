"""An answer as it comes, and the hunks of it in the whole text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..completion.names import Bound
from . import prompt
from .blocks import parse
from .checks import checked
from .ending import Ending
from .excerpt import Excerpt
from .hunks import Hunk
from .lines import body, split_lines
from .margin import Margin
from .markers import keep_marker, split
from .merge import SHORT, Merge, Merger, digest
from .nesting import Nesting
from .safety import Flag, ends_early, written_anew
from .tail import Tail
from .undefined import resolved

FEW_LINES = 4
"""Half of a selection's new lines may stand around it already, and half of so many in any case."""


@dataclass(frozen=True)
class Reached:
    """`lines` of the answer are there; before `line` of the text all is settled."""

    lines: int
    line: int


class Answer:
    """An answer as it comes, and the hunks of it in the whole text."""

    def __init__(
        self,
        text: str,
        language: str,
        asked: prompt.Task,
        shown: Excerpt,
        built: prompt.Prompt,
        known: Callable[[], Bound] = Bound,
    ) -> None:
        """The answer is one to `built`, the prompt for `shown`, which is an excerpt of `asked`.

        `known` tells what Python may use although `text` does not define it.
        """
        self.asked = asked
        self.built = built
        self.ended = False
        self.wanted: list[tuple[int, int]] = []
        self._text = text
        self._language = language
        self._known = known
        self._excerpt = shown
        if view := shown.view:
            part, forest = view.merged, parse("\n".join(view.lines), language)
            self._starts: Sequence[int] = view.starts
        else:
            part = "".join(split_lines(text)[asked.start : asked.end])
            forest = parse(part, language)
            self._starts = range(len(asked.part) + 1)
        self._part = [text for line in split_lines(part) if (text := body(line).strip())]
        self._merger = Merger(part, asked.whole, forest)
        self._margin = Margin(shown.lines)
        self._nesting = Nesting(shown.task.part, shown.lines)
        self._ending = Ending(shown.lines)
        self._tail = Tail(asked.lines, asked.whole)
        self._stripped = frozenset(line.strip() for line in asked.lines)
        self._lines: list[str] = []
        self._rest = ""
        self._shown = 0

    def push(self, piece: str) -> Iterator[Hunk | Reached]:
        """The hunks that are settled by the next piece of the answer, and how far it is."""
        *lines, self._rest = (self._rest + piece).split("\n")
        for line in lines:
            self._add(line)
        if not lines or self.ended:
            return
        settled = self._merger.settled()
        for hunk in settled[self._shown :]:
            if not self._wanted([hunk]):
                yield self._placed(hunk)
        self._shown = max(self._shown, len(settled))
        yield Reached(len(self._lines), self._place(self._merger.reached))

    def _add(self, line: str) -> None:
        # Behind its first line the fence is a text that stops the engine.
        self.ended |= not any(self._lines) and line.strip() == self.built.fence
        if not self.ended:
            self._take(self._tail.add(line))
            self.ended |= self._tail.ended

    def _take(self, lines: Sequence[str]) -> None:
        """These lines belong to the answer."""
        for line in (part for said in lines for part in split(said, self._stripped)):
            if not self.asked.whole:
                line = self._margin.indented(line)
            if not self.asked.whole and not any(self._lines) and self._begins_inside(line):
                self._merger.push(keep_marker(self.asked.language))
            self._lines.append(line)
            for each in [line] if self.asked.whole else self._nesting.complete(line):
                self._merger.push(each)
            # A text that is written anew may change up to its last line.
            self.ended |= not self.asked.whole and self._ending.reached(line)

    def finish(self, reason: str) -> Merge:
        """The merge, checked, of an answer that ended for this reason."""
        complete = self.is_complete(reason)
        if complete and self._rest:
            self._add(self._rest)
        self._take(self._tail.rest())
        for line in self._nesting.rest():
            self._merger.push(line)
        if complete and not self.asked.whole and not self._reaches_the_end():
            # The last marker is the one that is forgotten.
            self._merger.push(keep_marker(self.asked.language))
        merge = self._merger.finish(complete)
        self.wanted = self._wanted(merge.hunks)
        if why := self._refusal():
            merge = replace(merge, hunks=(), reason=why)
        elif self.asked.whole and complete:
            merge = replace(merge, hunks=tuple(map(self._doubted, merge.hunks)))
        hunks = (self._placed(self._seen(hunk)) for hunk in merge.hunks)
        merge = Merge(digest(self._text), tuple(hunks), merge.reason)
        merge = checked(merge, self._text, lambda text: parse(text, self._language))
        if self._language == "python":
            merge = resolved(merge, self._text, self._known())
        if any({Flag.UNRELATED, Flag.SYNTAX} <= hunk.flags for hunk in merge.hunks):
            merge = replace(merge, hunks=(), reason="the model did not answer with code")
        if reason == "cancelled" and not self.ended:
            merge = replace(merge, reason="the edit was cancelled")
        if not (merge.hunks or merge.reason):
            merge = replace(merge, reason="the model left the text as it is")
        return merge

    def is_complete(self, reason: str) -> bool:
        """Whether an answer that the engine ended for this reason has said all."""
        return reason == "stop" or self.ended

    def needs_more(self, merge: Merge, reason: str) -> bool:
        """Whether an answer that ended so, with this merge, is about lines that were not shown."""
        found = bool(merge.hunks) and not self.wanted
        return self._excerpt.view is not None and self.is_complete(reason) and not found

    def _wanted(self, hunks: Sequence[Hunk]) -> list[tuple[int, int]]:
        return self._excerpt.wanted(hunks, self.asked.part)

    def _seen(self, hunk: Hunk) -> Hunk:
        """A hunk, flagged if it changes what the model did not see."""
        return replace(hunk, flags=hunk.flags | {Flag.HIDDEN}) if self._wanted([hunk]) else hunk

    def _doubted(self, hunk: Hunk) -> Hunk:
        """A hunk of a text that was written anew, with what may be wrong with it."""
        flags = hunk.flags | written_anew(self.asked.part, self._lines)
        if hunk.end == len(self.asked.part) and ends_early(self.asked.part, self._lines):
            flags |= {Flag.LOST}
        return replace(hunk, flags=flags)

    def _begins_inside(self, line: str) -> bool:
        """Whether a first line is a copy of one that is not the text's first: a marker is missing.

        Without it a short line would as well be new, and all before the next copy go.
        """
        return line.strip() in self._part[1:] and line.strip() != self._part[0]

    def _reaches_the_end(self) -> bool:
        """Whether the answer ends with the last line, or with nothing.

        Of a line that the text has more than once the one before it must be the same, too.
        """
        wrote = [line.strip() for line in self._lines if line.strip()][-2:]
        if not wrote or wrote[-1:] != self._part[-1:]:
            return not wrote
        return self._part.count(wrote[-1]) == 1 or wrote == self._part[-2:]

    def _refusal(self) -> str:
        """Why nothing of the answer is taken; "" if there is no such reason."""
        if not any(line.strip() for line in self._lines):
            return "the model wrote nothing"
        if any(line.strip() in self.built.own for line in self._lines):
            return "the model repeated what it was asked instead of answering"
        outside = {*self.asked.lines[: self.asked.start], *self.asked.lines[self.asked.end :]}
        new = [t for t in self._lines if len(t.strip()) > SHORT and t not in self.asked.part]
        if 2 * sum(line in outside for line in new) > max(len(new), FEW_LINES):
            return "the model wrote what stands around the selection"
        return ""

    def _placed(self, hunk: Hunk) -> Hunk:
        """A hunk of what was shown as one of the whole text."""
        moved = None if hunk.moved_to is None else self._place(hunk.moved_to)
        start, end = self._place(hunk.start), self._place(hunk.end)
        return replace(hunk, start=start, end=end, moved_to=moved)

    def _place(self, at: int) -> int:
        return self._starts[at] + self.asked.start
