"""A request to change a text -> a stream of hunks."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial

import msgspec

from ..completion.context import guess_tokens
from ..completion.names import Bound
from ..engine import base
from ..errors import FastgenError, TooLongError
from . import ladder, prompt
from .answer import Answer, Reached
from .blocks import parse
from .excerpt import Excerpt, excerpt
from .hunks import Hunk
from .mask import without_header
from .merge import Merge, digest

ANSWER_TOKENS = 1024
"""Of a sparse answer: who writes more copies the text."""

MARGIN_TOKENS = 128
"""For what a text written anew may grow by in any case."""

RULE_TOKENS = 400
"""For the rules, the example and the instruction."""

SHOWN_TOKENS = 800
"""Of a longer text the model is shown what matters. On two cores so many are prefilled in 5 s by a
model of 0.5 billion parameters, in 11 s by one of 1.5."""


@dataclass(frozen=True)
class End:
    """The edit is complete: `merge` holds all hunks, and why some or all are missing.

    `whole` says that the text was written anew; `cost` is what the engine counted.
    """

    merge: Merge
    whole: bool
    cost: base.Done


@dataclass(frozen=True)
class Queued:
    """It waits for a shared engine, at this place: 1 is the next, 0 none any more."""

    place: int


@dataclass(frozen=True)
class Reading:
    """So much of the code is read, 0..1."""

    share: float


@dataclass(frozen=True)
class Written:
    """New code, complete: its lines, or why there are none; and what the engine counted."""

    lines: tuple[str, ...]
    reason: str
    cost: base.Done


@dataclass
class _Run:
    """Work for a document: `id` is that of the engine's request, 0 before there is one."""

    id: int
    cancelled: bool = False


class EditService:
    """Turns instructions into hunks, on one engine, for many documents."""

    def __init__(self, engine: base.Engine, chat: prompt.Chat, adapter: str = "") -> None:
        """`chat` must be that of the engine's model; `adapter` is a LoRA adapter to write with."""
        self._engine = engine
        self._adapter = adapter
        self._chat = chat
        self._running: dict[str, _Run] = {}

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
        whole: bool | None = None,
        known: Callable[[], Bound] = Bound,
    ) -> AsyncGenerator[Hunk | Queued | Reading | Reached | End, None]:
        """Change `text` as the instruction says, only in its lines [start, end) if `part` is given.

        `key` names the document among all that are open, `about` is what else there is to know;
        `whole` says whether the lines are written anew or as a sparse edit, None leaves it to
        their number; `known` tells, in a thread, which names are defined elsewhere. Where nothing
        of an answer is safe, the model is asked once more: with more of a long text, or for all of
        the block that it wrote of. Yields hunks whose lines are settled, but not yet their flags,
        how far the answer is, and one `End`. Leaving the iteration stops the engine, `cancel` does
        so and still tells the cost. Raises `EngineError` and `TooLongError`.
        """
        asked = prompt.task(text, _language(text, language), instruction, part, whole, about)
        costs: list[base.Done] = []
        tokens, wanted = SHOWN_TOKENS, list[tuple[int, int]]()
        first: Merge | None = None
        streamed = False
        with self._begun(key) as run:
            while not run.cancelled:
                try:
                    shown = await self._excerpt(asked, tokens, wanted)
                    built = prompt.build(shown.task, self._chat)
                    answer = Answer(text, language, asked, shown, built, known)
                    async with aclosing(
                        self._events(run, key, built, _answer_tokens(asked), shown.task.part)
                    ) as events:
                        async for event in events:
                            if isinstance(event, base.Done):
                                costs.append(event)
                                break
                            if event.place is not None:
                                yield Queued(event.place)
                            if event.read is not None:
                                yield Reading(event.read)
                            for found in answer.push(event.text):
                                # What a second answer says of the same lines is told at the end.
                                if first is None or isinstance(found, Reached):
                                    streamed = streamed or isinstance(found, Hunk)
                                    yield found
                            if answer.ended:
                                self._engine.cancel(run.id)
                except FastgenError:
                    if first is None:
                        raise
                    break  # the first answer is better than none
                reason = costs[-1].reason
                # A long text takes its time to parse, and others are served meanwhile.
                merge = await asyncio.to_thread(answer.finish, reason)
                if first is not None:
                    first = merge if merge.safe or not first.hunks else first
                    break
                first = merge
                if not streamed and answer.needs_more(merge, reason):
                    tokens, wanted = 2 * tokens, answer.wanted
                    continue
                block = ladder.rewritten(asked, merge, parse)
                if block is None or not answer.is_complete(reason):
                    break
                asked = block
        if first is None:
            first = Merge(digest(text), (), "the edit was cancelled")
        yield End(first, asked.whole, _total(costs))

    async def write(
        self, key: str, text: str, language: str, instruction: str, about: str = ""
    ) -> AsyncGenerator[Queued | Reading | Reached | Written, None]:
        """Write code that is to stand behind `text`, as the instruction says; as `edit` does."""
        asked = prompt.task(text, _language(text, language), instruction, about=about)
        said = ""
        cost = base.Done(0, "cancelled")
        with self._begun(key) as run:
            shown = await self._excerpt(asked, SHOWN_TOKENS)
            built = prompt.build_new(shown.task, self._chat)
            async with aclosing(self._events(run, key, built, ANSWER_TOKENS)) as events:
                async for event in events:
                    if isinstance(event, base.Done):
                        cost = event
                        break
                    if event.place is not None:
                        yield Queued(event.place)
                    if event.read is not None:
                        yield Reading(event.read)
                    said += event.text
                    if "\n" in event.text:
                        yield Reached(said.count("\n"), 0)
        yield _written(said, cost, built)

    async def prepare(
        self,
        key: str,
        text: str,
        language: str,
        part: tuple[int, int] | None = None,
        about: str = "",
    ) -> None:
        """Read the code, so that an `edit` of the same begins with its instruction at once."""
        asked = prompt.task(text, _language(text, language), "", part, about=about)
        with self._begun(key) as run:
            shown = await self._excerpt(asked, SHOWN_TOKENS)
            opening = prompt.opening(shown.task, self._chat)
            built = prompt.Prompt(opening, "", "", (), "", frozenset())
            async with aclosing(self._events(run, key, built, 0)) as events:
                async for _ in events:
                    pass

    async def _excerpt(
        self, asked: prompt.Task, tokens: int, wanted: Sequence[tuple[int, int]] = ()
    ) -> Excerpt:
        """What of the text the model is shown; raises `TooLongError`."""
        context = (await self._engine.stats()).context
        others = _answer_tokens(asked) + RULE_TOKENS + guess_tokens(asked.about)
        room = context - others if context else math.inf
        read = partial(parse, language=asked.language)
        shown = await asyncio.to_thread(excerpt, asked, read, tokens, room, wanted)
        _check_fits(shown, room)
        return shown

    @contextmanager
    def _begun(self, key: str) -> Generator[_Run, None, None]:
        """Work for a document, until it ends or the document's next begins."""
        run = self._running[key] = _Run(0)
        try:
            yield run
        finally:
            if self._running.get(key) is run:
                del self._running[key]

    async def _events(
        self,
        run: _Run,
        key: str,
        built: prompt.Prompt,
        max_tokens: int,
        original: Sequence[str] = (),
    ) -> AsyncGenerator[base.Event, None]:
        """What the engine answers, a `Done` last; `original` are lines that it may repeat."""
        run.id = base.new_id()
        if run.cancelled:
            yield base.Done(run.id, "cancelled")
            return
        request = base.Request(
            id=run.id,
            prompt=built.text,
            begin=built.begin,
            # It helps small models; where the engine can't follow one they must do without.
            grammar=built.grammar if (await self._engine.stats()).grammar else "",
            max_tokens=max_tokens,
            stop=built.stop,
            document=key,
            progress=True,
            # Nobody waits for what is only read.
            priority="explicit" if max_tokens else "prefetch",
            original="\n".join(original),
            adapter=self._adapter,
        )
        async with aclosing(self._engine.stream(request)) as events:
            async for event in events:
                yield event

    def cancel(self, key: str) -> None:
        """End what runs for the document; its iteration goes on to an `End` with the cost."""
        if run := self._running.get(key):
            run.cancelled = True
            self._engine.cancel(run.id)


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


def _check_fits(shown: Excerpt, room: float) -> None:
    """Raise `TooLongError` if there is not so much room for what is shown, or nothing is."""
    task = shown.task
    lines = task.lines if task.is_all else (*task.lines, *task.part)
    needed = guess_tokens("\n".join(lines))
    nothing = task.instruction and shown.view and len(shown.view.hidden) == len(task.lines)
    if needed > room or nothing:
        raise TooLongError(
            f"the text is too long for the model: there is room for {max(0, int(room))} tokens, and"
            f" what must be shown are about {needed}, or lines that are too long for any to be"
            " shown; select fewer lines, those that are to be changed"
        )


def _total(costs: Sequence[base.Done]) -> base.Done:
    """What several answers cost, as the last of them; nothing, if there is none."""
    if not costs:
        return base.Done(0, "cancelled")
    names = (
        *("prompt_tokens", "cached_tokens", "new_tokens", "drafted", "accepted"),
        *("queue_ms", "prefill_ms", "decode_ms"),
    )
    sums = {name: sum(getattr(cost, name) for cost in costs) for name in names}
    return msgspec.structs.replace(costs[-1], **sums)
