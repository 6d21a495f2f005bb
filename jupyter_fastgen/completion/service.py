"""A request of the browser -> a stream of ghost text."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ..document import Cursor
from ..engine import base
from . import context, gate, known, prompt, stop
from .confidence import LIKELY, Habit, Judge, Judgement
from .modules import LocalModules
from .namespace import Namespace
from .writing import End, Piece, Writing

LINE_TOKENS = 48
"""Of one line, and of what it may open. GitHub Copilot's client notes 19 characters as the median
line, 73 as p95."""

BLOCK_TOKENS = 96

MOST_ALTERNATIVES = 2
"""To a suggestion; more are not looked through."""

MOST_TRIES = 3
"""Texts written to find them: each takes as long as a suggestion."""

MOST_BRANCHES = 3
"""Words of a suggestion in whose place another one is looked for."""

MOST_STARTS = 8
"""Words looked at in one place, that of the suggestion included."""

LEAST_PROBABILITY = 0.03
"""Of a word in place of that suggested. What begins with a less likely one makes little sense."""

MOST_ANCHORS = 64
"""Documents whose anchor is remembered; the engine keeps fewer of them warm."""


@dataclass(frozen=True)
class Options:
    """How prompts are made. `anchored` False is the usual prompt, for comparison.

    Without `gate` what can't be right is shown, too. `modules`: where those that notebooks import
    are found. What the model is less sure of than `confidence`, 0 to 1, is not shown; `habit`
    shifts that. None: it is not asked how sure it is. `adapter` is the LoRA adapter to write with.
    """

    budget: context.Budget = field(default_factory=context.Budget)
    anchored: bool = True
    gate: bool = True
    modules: LocalModules | None = None
    confidence: float | None = None
    habit: Habit = field(default_factory=Habit)
    adapter: str = ""


@dataclass(frozen=True)
class Alternative:
    """The whole of another ghost text."""

    text: str


@dataclass
class _Place:
    """What is remembered of a document from key to key."""

    start: int = 0
    anchor: prompt.Anchor | None = None
    namespace: Namespace | None = None
    known: str = ""
    suggested: str = ""
    judgement: Judgement | None = None

    def describe(self, namespace: Namespace | None, cursor: Cursor, budget: context.Budget) -> str:
        """The live kernel in words: new ones after an execution, for all behind is read again."""
        if namespace is not self.namespace:
            self.namespace = namespace
            self.known = known.describe(namespace, cursor, budget) if namespace else ""
        return self.known


class CompletionService:
    """Turns cursors into suggestions, on one engine, for many documents."""

    def __init__(self, engine: base.Engine, template: prompt.Template, options: Options) -> None:
        """`template` must be that of the engine's model."""
        self._engine = engine
        self._template = template
        self._options = options
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._running: dict[str, int] = {}

    async def complete(
        self,
        key: str,
        cursor: Cursor,
        namespace: Namespace | None = None,
        ahead: str = "",
        invoked: bool = False,
    ) -> AsyncGenerator[Piece | End, None]:
        """Suggest text at `cursor`, or what follows `ahead` once that is accepted there.

        `key` names the document among all that are open; `namespace` is what its live kernel
        holds, where that is known. What is `invoked` is shown however unsure the model is of it.
        Yields `Piece`s and one `End`;
        leaving the iteration cancels, `cancel` does so and still tells the cost. Raises
        `EngineError`, and `OutOfStepError` for an unknown cell.
        """
        view, built = await self._prompt(key, cursor, namespace, ahead)
        writing = self._writing(view, cursor, built.begin, namespace, ahead, invoked)
        logprobs = self._options.confidence is not None
        priority = "explicit" if invoked else "prefetch" if ahead else "ghost"
        request = self._request(key, built.text, built.begin, writing, logprobs, priority)
        place, suggested = self._places[key], ""
        async with aclosing(self._written(request, writing)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Piece):
                    suggested += piece.text
                else:
                    place.suggested, place.judgement = suggested, piece.judgement
                yield piece

    def is_likely(self, key: str, text: str) -> bool:
        """Whether `text`, the rest of what was suggested last, may well be taken.

        So may what nothing is known of.
        """
        place = self._places.get(key)
        if place is None or place.judgement is None or not place.suggested.endswith(text):
            return True
        return place.judgement.left(len(place.suggested) - len(text)) >= LIKELY

    async def alternatives(
        self,
        key: str,
        cursor: Cursor,
        namespace: Namespace | None,
        shown: str,
    ) -> AsyncGenerator[Piece | Alternative | End, None]:
        """Suggest other texts than `shown`, which is suggested at `cursor`.

        Where another word is likely in its first line, the model goes on from that word.
        Yields `Piece`s while a text is written, which may come to nothing, each whole text as an
        `Alternative`, and one `End`. Ends as `complete` does, and raises the same.
        """
        view, built = await self._prompt(key, cursor, namespace)
        found = {_words(shown)}
        tries = MOST_TRIES
        for branch in itertools.islice(prompt.branches(built.begin, shown), MOST_BRANCHES):
            if len(found) > MOST_ALTERNATIVES or not tries:
                break
            text = prompt.branched(built, branch)
            told = await self._starts(key, text, branch.begin)
            if told.reason == "cancelled":
                yield End("cancelled", "", told)
                return
            whole = branch.begin + shown[len(branch.shown) :]
            for start in (s for s in told.starts if _differs(s, whole, branch.begin)):
                if len(found) > MOST_ALTERNATIVES or not tries:
                    break
                tries -= 1
                # How unsure the model is of another text is known, and no fault of it.
                writing = self._writing(view, cursor, branch.begin, namespace, invoked=True)
                request = self._request(key, text, start.text, writing)
                written = ""
                async with aclosing(self._written(request, writing, branch.shown)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Piece):
                            written += piece.text
                            yield piece
                        elif piece.reason == "cancelled":
                            yield piece
                            return
                        elif piece.reason == "stop" and _words(written) not in {*found, ""}:
                            found.add(_words(written))
                            yield Alternative(written)
        yield End("stop" if len(found) > 1 else "empty", "", None)

    async def warm(
        self,
        key: str,
        cursor: Cursor,
        namespace: Namespace | None = None,
    ) -> base.Done | None:
        """Put the prompt at this cursor into the KV cache."""
        _, built = await self._prompt(key, cursor, namespace)
        request = self._ask(key, built.text, max_tokens=0, priority="prefetch")
        async with aclosing(self._events(request)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    return event
        return None

    def cancel(self, key: str) -> None:
        """End what runs for the document; its iteration goes on to an `End` with the cost."""
        if key in self._running:
            self._engine.cancel(self._running[key])

    def forget(self, key: str) -> None:
        """The document was closed."""
        self._places.pop(key, None)

    def _writing(
        self,
        view: context.View,
        cursor: Cursor,
        typed: str,
        namespace: Namespace | None,
        ahead: str = "",
        invoked: bool = False,
    ) -> Writing:
        before = view.before + ahead
        block = stop.wants_block(before, view.after)
        judged_by = None
        if self._options.gate:
            now = asyncio.get_running_loop().time()
            deleted = cursor.document.deletions.recent(cursor.cell, now)
            judged_by = gate.context_at(cursor, namespace, deleted, ahead)
        usual = 0.0 if invoked else self._options.confidence or 0.0
        judge = Judge(self._options.habit.threshold(usual), block)
        cutter = stop.Cutter(before, view.after, block)
        return Writing(cutter, judge, gate.Screen(judged_by), typed)

    def _request(
        self,
        key: str,
        text: str,
        begin: str,
        writing: Writing,
        logprobs: bool = False,
        priority: base.Priority = "ghost",
    ) -> base.Request:
        return self._ask(
            key,
            text,
            begin,
            max_tokens=BLOCK_TOKENS if writing.is_block else LINE_TOKENS,
            stop=self._template.stop,
            logprobs=logprobs,
            priority=priority,
        )

    def _ask(self, key: str, text: str, begin: str = "", **more: Any) -> base.Request:
        adapter = self._options.adapter
        return base.Request(base.new_id(), text, begin, document=key, adapter=adapter, **more)

    async def _written(
        self, request: base.Request, writing: Writing, head: str = ""
    ) -> AsyncGenerator[Piece | End, None]:
        """The suggestion `head`, and then the answer."""
        for piece in writing.begin(head):
            yield piece
        cost: base.Done | None = None
        async with aclosing(self._events(request)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    cost = event
                    break
                for piece in writing.push(event):
                    yield piece
                if writing.is_decided:
                    self._engine.cancel(request.id)
        for last in writing.finish(cost):
            yield last

    async def _starts(self, key: str, text: str, begin: str) -> base.Done:
        request = self._ask(key, text, begin, starts=MOST_STARTS)
        async with aclosing(self._events(request)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    return event
        return base.Done(request.id, "cancelled")

    async def _events(self, request: base.Request) -> AsyncGenerator[base.Event, None]:
        self._running[request.document] = request.id
        try:
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            # The document's next request may have taken the place.
            if self._running.get(request.document) == request.id:
                del self._running[request.document]

    async def _prompt(
        self,
        key: str,
        cursor: Cursor,
        namespace: Namespace | None,
        ahead: str = "",
    ) -> tuple[context.View, prompt.Prompt]:
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        if len(self._places) > MOST_ANCHORS:
            self._places.popitem(last=False)
        budget = self._options.budget.within((await self._engine.stats()).context)
        said = [place.describe(namespace, cursor, budget)]
        if self._options.modules is not None:
            said.insert(0, self._options.modules.describe(cursor, budget))
        said = context.SEPARATOR.join(filter(None, said))
        view, place.start = context.view(cursor, budget, place.start, said)
        built = prompt.build(view, self._template, place.anchor, self._options.anchored, ahead)
        place.anchor = built.anchor
        return view, built


def _words(text: str) -> str:
    """`text` with its white space and quotes made equal: what differs in no more is no other."""
    return " ".join(text.replace("'", '"').split())


def _differs(start: base.Start, suggested: str, typed: str) -> bool:
    """Whether `start` leads to another text than the one `suggested`, which was `typed` in part."""
    word = start.text.strip()
    return (
        start.probability >= LEAST_PROBABILITY
        and start.text[len(typed) :].strip() != ""
        and not _words(suggested).startswith(_words(word))
    )
