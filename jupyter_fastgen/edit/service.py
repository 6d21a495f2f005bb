"""A request to change a text -> a stream of hunks."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from ..completion.context import guess_tokens
from ..engine import base
from ..errors import FastgenError
from . import prompt
from .blocks import parse
from .checks import checked
from .hunks import Hunk
from .lines import split_lines
from .markers import keep_marker
from .mask import without_header
from .merge import SHORT, Merge, Merger, digest
from .safety import Flag, ends_early, written_anew

ANSWER_TOKENS = 1024
"""Of a sparse answer: who writes more copies the text."""

MARGIN_TOKENS = 128
"""For what a text written anew may grow by in any case."""

RULE_TOKENS = 400
"""For the rules, the example and the instruction."""

FEW_LINES = 4
"""Half of a selection's new lines may stand around it already, and half of so many in any case."""

AROUND = 30
"""Lines before and behind a selection that the model is shown of a text that is too long."""


class TooLongError(FastgenError):
    """The model can't read so much text at once."""


@dataclass(frozen=True)
class End:
    """The edit is complete: `merge` holds all hunks, and why some or all are missing.

    `whole` says that the text was written anew; `cost` is what the engine counted.
    """

    merge: Merge
    whole: bool
    cost: base.Done


@dataclass(frozen=True)
class Reached:
    """`lines` of the answer are there; before `line` of the text all is settled."""

    lines: int
    line: int


@dataclass(frozen=True)
class Written:
    """New code, complete: its lines, or why there are none; and what the engine counted."""

    lines: tuple[str, ...]
    reason: str
    cost: base.Done


class EditService:
    """Turns instructions into hunks, on one engine, for many documents."""

    def __init__(self, engine: base.Engine, chat: prompt.Chat) -> None:
        """`chat` must be that of the engine's model."""
        self._engine = engine
        self._chat = chat
        self._running: dict[str, int] = {}
        self._ids = itertools.count(1)

    @property
    def is_running(self) -> bool:
        """Whether an edit is being written, or the code for one read."""
        return bool(self._running)

    async def edit(
        self,
        key: str,
        text: str,
        language: str,
        instruction: str,
        part: tuple[int, int] | None = None,
        about: str = "",
    ) -> AsyncGenerator[Hunk | Reached | End, None]:
        """Change `text` as the instruction says, only in its lines [start, end) if `part` is given.

        `key` names the document among all that are open, `about` is what else there is to know.
        Yields hunks whose lines are settled, but not yet their flags, how far the answer is, and
        one `End`. Leaving the iteration stops the engine, `cancel` does so and still tells the
        cost. Raises `EngineError` and `TooLongError`.
        """
        asked = prompt.task(text, _language(text, language), instruction, part, about)
        built = prompt.build(await self._fitting(asked), self._chat)
        answer = _Answer(text, language, asked, built)
        async with aclosing(self._events(key, built, _answer_tokens(asked))) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    yield End(answer.finish(event.reason), asked.whole, event)
                    return
                for found in answer.push(event.text):
                    yield found
                if answer.ended:
                    self.cancel(key)

    async def write(
        self, key: str, text: str, language: str, instruction: str, about: str = ""
    ) -> AsyncGenerator[Reached | Written, None]:
        """Write code that is to stand behind `text`, as the instruction says; as `edit` does."""
        asked = prompt.task(text, _language(text, language), instruction, about=about)
        built = prompt.build_new(await self._fitting(asked), self._chat)
        said = ""
        async with aclosing(self._events(key, built, ANSWER_TOKENS)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    yield _written(said, event, built)
                    return
                said += event.text
                if "\n" in event.text:
                    yield Reached(said.count("\n"), 0)

    async def prepare(
        self,
        key: str,
        text: str,
        language: str,
        part: tuple[int, int] | None = None,
        about: str = "",
    ) -> None:
        """Read the code, so that an `edit` of the same begins with its instruction at once."""
        asked = prompt.task(text, _language(text, language), "", part, about)
        opening = prompt.opening(await self._fitting(asked), self._chat)
        built = prompt.Prompt(opening, "", "", (), "", frozenset())
        async with aclosing(self._events(key, built, 0)) as events:
            async for _ in events:
                pass

    async def _fitting(self, asked: prompt.Task) -> prompt.Task:
        return _fitting(asked, (await self._engine.stats()).context)

    async def _events(
        self, key: str, built: prompt.Prompt, max_tokens: int
    ) -> AsyncGenerator[base.Event, None]:
        """What the engine answers; `cancel` ends it."""
        request = base.Request(
            id=next(self._ids),
            prompt=built.text,
            begin=built.begin,
            grammar=built.grammar,
            max_tokens=max_tokens,
            stop=built.stop,
            document=key,
        )
        self._running[key] = request.id
        try:
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            # The document's next request may have taken the place.
            if self._running.get(key) == request.id:
                del self._running[key]

    def cancel(self, key: str) -> None:
        """End what runs for the document; its iteration goes on to an `End` with the cost."""
        if key in self._running:
            self._engine.cancel(self._running[key])


class _Answer:
    """An answer as it comes, and the hunks of it in the whole text."""

    def __init__(self, text: str, language: str, asked: prompt.Task, built: prompt.Prompt) -> None:
        self._text = text
        self._language = language
        self._asked = asked
        self._built = built
        part = "".join(split_lines(text)[asked.start : asked.end])
        self._merger = Merger(part, asked.whole, parse(part, language))
        self._lines: list[str] = []
        self._rest = ""
        self._shown = 0
        self.ended = False

    def push(self, piece: str) -> Iterator[Hunk | Reached]:
        """The hunks that are settled by the next piece of the answer, and how far it is."""
        *lines, self._rest = (self._rest + piece).split("\n")
        for line in lines:
            self._add(line)
        if not lines or self.ended:
            return
        settled = self._merger.settled()
        for hunk in settled[self._shown :]:
            yield self._placed(hunk)
        self._shown = max(self._shown, len(settled))
        yield Reached(len(self._lines), self._merger.reached + self._asked.start)

    def _add(self, line: str) -> None:
        # Behind its first line the fence is a text that stops the engine.
        self.ended |= not any(self._lines) and line.strip() == self._built.fence
        if not self.ended:
            self._lines.append(line)
            self._merger.push(line)

    def finish(self, reason: str) -> Merge:
        """The merge, checked, of an answer that ended for this reason."""
        complete = reason == "stop" or self.ended
        if complete and self._rest:
            self._add(self._rest)
        if complete and not self._asked.whole and not self._reaches_the_end():
            # The last marker is the one that is forgotten.
            self._merger.push(keep_marker(self._asked.language))
        merge = self._merger.finish(complete)
        if why := self._refusal():
            merge = replace(merge, hunks=(), reason=why)
        elif self._asked.whole and complete:
            merge = replace(merge, hunks=tuple(map(self._doubted, merge.hunks)))
        merge = Merge(digest(self._text), tuple(map(self._placed, merge.hunks)), merge.reason)
        merge = checked(merge, self._text, lambda text: parse(text, self._language))
        if any({Flag.UNRELATED, Flag.SYNTAX} <= hunk.flags for hunk in merge.hunks):
            merge = replace(merge, hunks=(), reason="the model did not answer with code")
        if reason == "cancelled" and not self.ended:
            merge = replace(merge, reason="the edit was cancelled")
        if not (merge.hunks or merge.reason):
            merge = replace(merge, reason="the model left the text as it is")
        return merge

    def _doubted(self, hunk: Hunk) -> Hunk:
        """A hunk of a text that was written anew, with what may be wrong with it."""
        flags = hunk.flags | written_anew(self._asked.part, self._lines)
        if hunk.end == len(self._asked.part) and ends_early(self._asked.part, self._lines):
            flags |= {Flag.LOST}
        return replace(hunk, flags=flags)

    def _reaches_the_end(self) -> bool:
        """Whether the answer ends with the last line, or with nothing."""
        last = next((line.strip() for line in reversed(self._lines) if line.strip()), "")
        return not last or last == self._asked.part[-1].strip()

    def _refusal(self) -> str:
        """Why nothing of the answer is taken; "" if there is no such reason."""
        if not any(line.strip() for line in self._lines):
            return "the model wrote nothing"
        if any(line.strip() in self._built.own for line in self._lines):
            return "the model repeated what it was asked instead of answering"
        outside = {*self._asked.lines[: self._asked.start], *self._asked.lines[self._asked.end :]}
        new = [t for t in self._lines if len(t.strip()) > SHORT and t not in self._asked.part]
        if 2 * sum(line in outside for line in new) > max(len(new), FEW_LINES):
            return "the model wrote what stands around the selection"
        return ""

    def _placed(self, hunk: Hunk) -> Hunk:
        """A hunk of the part as one of the whole text."""
        by = self._asked.start
        moved = None if hunk.moved_to is None else hunk.moved_to + by
        return replace(hunk, start=hunk.start + by, end=hunk.end + by, moved_to=moved)


def _written(said: str, cost: base.Done, built: prompt.Prompt) -> Written:
    """What of an answer with new code is taken."""
    lines = said.strip("\n").split("\n")
    if cost.reason != "stop":
        del lines[-1:]  # it may have no end
    while lines and (not lines[-1].strip() or lines[-1].strip() == built.fence):
        del lines[-1]
    reason = ""
    if cost.reason == "length":
        reason = "the answer broke off: it was too long"
    if cost.reason == "cancelled":
        lines, reason = [], "the edit was cancelled"
    elif any(line.strip() in built.own for line in lines):
        lines, reason = [], "the model repeated what it was asked instead of answering"
    elif not lines:
        reason = "the model wrote nothing"
    return Written(tuple(lines), reason, cost)


def _language(text: str, language: str) -> str:
    """What the text of a cell is written in: its first line may say so."""
    return without_header(text)[0] if language == "python" else language


def _answer_tokens(asked: prompt.Task) -> int:
    twice = 2 * guess_tokens("\n".join(asked.part)) + MARGIN_TOKENS
    return twice if asked.whole else min(twice, ANSWER_TOKENS)


def _fitting(asked: prompt.Task, context: int) -> prompt.Task:
    """`asked` with so much around its part as a `context` of so many tokens holds, 0 for any."""

    def needed(task: prompt.Task) -> int:
        shown = task.lines if task.is_all else (*task.lines, *task.part)
        return guess_tokens("\n".join(shown)) + _answer_tokens(task) + RULE_TOKENS

    before = max(0, asked.start - AROUND)
    lines = asked.lines[before : asked.end + AROUND]
    narrow = replace(asked, lines=lines, start=asked.start - before, end=asked.end - before)
    for task in (asked, narrow):
        if not context or needed(task) <= context:
            return task
    raise TooLongError(
        f"the text is too long for the model: it takes about {needed(narrow)} tokens, and there is"
        f" room for {context}; select the lines that are to be changed"
    )
