"""A request to change a text -> a stream of hunks."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from ..completion.context import guess_tokens
from ..engine import base
from ..errors import FastgenError
from . import prompt
from .blocks import parse
from .checks import checked
from .excerpt import Excerpt, excerpt
from .hunks import Hunk
from .lines import body, split_lines
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

SHOWN_TOKENS = 800
"""Of a longer text the model is shown what matters. On two cores so many are prefilled in 5 s by a
model of 0.5 billion parameters, in 11 s by one of 1.5."""

TRIES = 2
"""So often a model is asked, and shown twice as much, if its answer is about what it can't see."""


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


class EditService:
    """Turns instructions into hunks, on one engine, for many documents."""

    def __init__(self, engine: base.Engine, chat: prompt.Chat) -> None:
        """`chat` must be that of the engine's model."""
        self._engine = engine
        self._chat = chat
        self._running: dict[str, int] = {}
        self._ids = itertools.count(1)

    async def edit(
        self,
        key: str,
        text: str,
        language: str,
        instruction: str,
        part: tuple[int, int] | None = None,
    ) -> AsyncGenerator[Hunk | End, None]:
        """Change `text` as the instruction says, only in its lines [start, end) if `part` is given.

        `key` names the document among all that are open. Yields hunks whose lines are settled,
        but not yet their flags, and one `End`. Leaving the iteration stops the engine, `cancel`
        does so and still tells the cost. Raises `EngineError` and `TooLongError`.
        """
        asked = prompt.task(text, _language(text, language), instruction, part)
        context = (await self._engine.stats()).context
        room = context - _answer_tokens(asked) - RULE_TOKENS if context else math.inf
        read = partial(parse, language=language)
        wanted: list[tuple[int, int]] = []
        costs: list[base.Done] = []
        while True:
            shown = await asyncio.to_thread(
                excerpt, asked, read, SHOWN_TOKENS << len(costs), room, wanted
            )
            _check_fits(shown, room)
            answer = _Answer(text, language, asked, shown, prompt.build(shown.task, self._chat))
            streamed = False
            async with aclosing(self._answered(key, answer)) as found:
                async for event in found:
                    if isinstance(event, Hunk):
                        streamed = True
                        yield event
                    else:
                        costs.append(event)
            merge = await asyncio.to_thread(answer.finish, costs[-1].reason)
            if streamed or len(costs) == TRIES or not answer.needs_more(merge, costs[-1].reason):
                yield End(merge, asked.whole, _total(costs))
                return
            wanted = answer.wanted

    async def _answered(self, key: str, answer: _Answer) -> AsyncGenerator[Hunk | base.Done, None]:
        """The settled hunks of an answer while it is written, and what it cost."""
        built = answer.built
        request = base.Request(
            id=next(self._ids),
            prompt=built.text,
            begin=built.begin,
            grammar=built.grammar,
            max_tokens=_answer_tokens(answer.asked),
            stop=built.stop,
            document=key,
        )
        self._running[key] = request.id
        try:
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    if isinstance(event, base.Done):
                        yield event
                        return
                    for hunk in answer.push(event.text):
                        yield hunk
                    if answer.ended:
                        self._engine.cancel(request.id)
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

    def __init__(
        self,
        text: str,
        language: str,
        asked: prompt.Task,
        shown: Excerpt,
        built: prompt.Prompt,
    ) -> None:
        """The answer is one to `built`, the prompt for `shown`, which is an excerpt of `asked`."""
        self.asked = asked
        self.built = built
        self.ended = False
        self.wanted: list[tuple[int, int]] = []
        self._text = text
        self._language = language
        self._excerpt = shown
        if view := shown.view:
            part, forest = view.merged, parse("\n".join(view.lines), language)
            self._starts: Sequence[int] = view.starts
        else:
            part = "".join(split_lines(text)[asked.start : asked.end])
            forest = parse(part, language)
            self._starts = range(len(asked.part) + 1)
        self._last = body(split_lines(part)[-1]).strip() if part else ""
        self._merger = Merger(part, asked.whole, forest)
        self._lines: list[str] = []
        self._rest = ""
        self._shown = 0

    def push(self, piece: str) -> Iterator[Hunk]:
        """The hunks that are settled by the next piece of the answer."""
        *lines, self._rest = (self._rest + piece).split("\n")
        for line in lines:
            self._add(line)
        settled = self._merger.settled() if lines and not self.ended else []
        for hunk in settled[self._shown :]:
            if not self._wanted([hunk]):
                yield self._placed(hunk)
        self._shown = max(self._shown, len(settled))

    def _add(self, line: str) -> None:
        # Behind its first line the fence is a text that stops the engine.
        self.ended |= not any(self._lines) and line.strip() == self.built.fence
        if not self.ended:
            self._lines.append(line)
            self._merger.push(line)

    def finish(self, reason: str) -> Merge:
        """The merge, checked, of an answer that ended for this reason."""
        complete = reason == "stop" or self.ended
        if complete and self._rest:
            self._add(self._rest)
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
        if any({Flag.UNRELATED, Flag.SYNTAX} <= hunk.flags for hunk in merge.hunks):
            merge = replace(merge, hunks=(), reason="the model did not answer with code")
        if reason == "cancelled" and not self.ended:
            merge = replace(merge, reason="the edit was cancelled")
        if not (merge.hunks or merge.reason):
            merge = replace(merge, reason="the model left the text as it is")
        return merge

    def needs_more(self, merge: Merge, reason: str) -> bool:
        """Whether an answer that ended so, with this merge, is about lines that were not shown."""
        complete = reason == "stop" or self.ended
        found = bool(merge.hunks) and not self.wanted
        return self._excerpt.view is not None and complete and not found

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

    def _reaches_the_end(self) -> bool:
        """Whether the answer ends with the last line, or with nothing."""
        last = next((line.strip() for line in reversed(self._lines) if line.strip()), "")
        return not last or last == self._last

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
        """A hunk of the part as one of the whole text."""

        def place(at: int) -> int:
            return self._starts[at] + self.asked.start

        moved = None if hunk.moved_to is None else place(hunk.moved_to)
        return replace(hunk, start=place(hunk.start), end=place(hunk.end), moved_to=moved)


def _language(text: str, language: str) -> str:
    """What the text of a cell is written in: its first line may say so."""
    return without_header(text)[0] if language == "python" else language


def _answer_tokens(asked: prompt.Task) -> int:
    twice = 2 * guess_tokens("\n".join(asked.part)) + MARGIN_TOKENS
    return twice if asked.whole else min(twice, ANSWER_TOKENS)


def _check_fits(shown: Excerpt, room: float) -> None:
    """Raise `TooLongError` if there is not so much room for what is shown, or nothing is."""
    task = shown.task
    lines = task.lines if task.is_all else (*task.lines, *task.part)
    needed = guess_tokens("\n".join(lines))
    if needed > room or (shown.view and len(shown.view.hidden) == len(task.lines)):
        raise TooLongError(
            f"the text is too long for the model: there is room for {max(0, int(room))} tokens, and"
            f" what must be shown are about {needed}, or lines that are too long for any to be"
            " shown; select fewer lines, those that are to be changed"
        )


def _total(costs: Sequence[base.Done]) -> base.Done:
    """What several answers cost, as the last of them."""
    names = ("prompt_tokens", "cached_tokens", "new_tokens", "queue_ms", "prefill_ms", "decode_ms")
    sums = {name: sum(getattr(cost, name) for cost in costs) for name in names}
    return msgspec.structs.replace(costs[-1], **sums)
