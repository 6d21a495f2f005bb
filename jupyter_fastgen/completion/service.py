"""A request of the browser -> a stream of ghost text."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from ..document import Document
from ..engine import base
from . import context, gate, known, prompt, stop
from .confidence import THRESHOLD, TOKENS, Habit, Judge, Judgement
from .modules import LocalModules
from .namespace import Namespace

LINE_TOKENS = 48
"""Of one line, and of what it may open. GitHub Copilot's client notes 19 characters as the median
line, 73 as p95."""

BLOCK_TOKENS = 96

MOST_ANCHORS = 64
"""Documents whose anchor is remembered; the engine keeps fewer of them warm."""


@dataclass(frozen=True)
class Options:
    """How prompts are made. `anchored` False is the usual prompt, for comparison.

    Without `gate` what can't be right is shown, too. `modules`: where those that notebooks import
    are found. Of what the model is less sure of than `confidence`, 0 to 1, nothing is shown;
    `habit` shifts that.
    """

    budget: context.Budget = field(default_factory=context.Budget)
    anchored: bool = True
    gate: bool = True
    modules: LocalModules | None = None
    confidence: float = THRESHOLD
    habit: Habit = field(default_factory=Habit)


@dataclass(frozen=True)
class Piece:
    """More ghost text."""

    text: str


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


@dataclass
class _Place:
    """What is remembered of a document from key to key."""

    start: int = 0
    anchor: prompt.Anchor | None = None
    namespace: Namespace | None = None
    known: str = ""

    def describe(
        self, namespace: Namespace | None, document: Document, budget: context.Budget
    ) -> str:
        """The live kernel in words: new ones only after an execution, not while a line is typed."""
        if namespace is not self.namespace:
            self.namespace = namespace
            self.known = known.describe(namespace, document, budget) if namespace else ""
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
        self._ids = itertools.count(1)

    async def complete(
        self,
        key: str,
        document: Document,
        cell: str,
        offset: int,
        namespace: Namespace | None = None,
        ahead: str = "",
        invoked: bool = False,
    ) -> AsyncGenerator[Piece | End, None]:
        """Suggest text at `offset` of `cell`, or what follows `ahead` once that is accepted there.

        `key` names the document among all that are open; `namespace` is what its live kernel
        holds, where that is known. What is `invoked` is shown however unsure the model is of it.
        Yields `Piece`s and one `End`;
        leaving the iteration cancels, `cancel` does so and still tells the cost. Raises
        `EngineError`, and `OutOfStepError` for an unknown cell.
        """
        judged_by = self._judged_by(document, cell, offset, namespace, ahead)
        view, built = await self._prompt(key, document, cell, offset, namespace, ahead)
        before = view.before + ahead
        block = stop.wants_block(before, view.after)
        cutter = stop.Cutter(before, view.after, block)
        judge = self._judge(invoked)
        screen = gate.Screen(judged_by, judge)
        request = base.Request(
            id=next(self._ids),
            prompt=built.text,
            begin=built.begin,
            max_tokens=BLOCK_TOKENS if block else LINE_TOKENS,
            stop=self._template.stop,
            document=key,
            logprobs=TOKENS,
        )
        begin = built.begin
        shown = False
        cost: base.Done | None = None
        async with aclosing(self._events(request)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    cost = event
                    break
                # The answer repeats what was typed of its first word; only the rest is new.
                skipped = _common(begin, event.text)
                begin = begin[skipped:]
                new = "" if begin else event.text[skipped:]
                judge.push(new, event.logprobs)
                if not begin and (piece := screen.push(cutter.push(new))):
                    shown = True
                    yield Piece(piece)
                if cutter.ended or screen.held:
                    self._engine.cancel(request.id)
        rest = "" if cutter.ended else cutter.finish()
        whole = cutter.complete or (cost is not None and cost.reason == "stop")
        if whole:
            judge.finish()
        if piece := screen.push(rest) + screen.finish(whole):
            shown = True
            yield Piece(piece)
        yield replace(_end(cost, cutter.complete, shown, screen), judgement=judge.judgement)

    async def warm(
        self,
        key: str,
        document: Document,
        cell: str,
        offset: int,
        namespace: Namespace | None = None,
    ) -> base.Done | None:
        """Put the prompt at this cursor into the KV cache."""
        _, built = await self._prompt(key, document, cell, offset, namespace)
        request = base.Request(id=next(self._ids), prompt=built.text, max_tokens=0, document=key)
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

    def _judged_by(
        self,
        document: Document,
        cell: str,
        offset: int,
        namespace: Namespace | None,
        ahead: str,
    ) -> gate.Context | None:
        if not self._options.gate:
            return None
        deleted = document.deletions.recent(cell, asyncio.get_running_loop().time())
        return gate.context_at(document, cell, offset, namespace, deleted, ahead)

    def _judge(self, invoked: bool) -> Judge:
        threshold = 0.0 if invoked else self._options.confidence
        return Judge(threshold, self._options.habit.bias)

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
        document: Document,
        cell: str,
        offset: int,
        namespace: Namespace | None,
        ahead: str = "",
    ) -> tuple[context.View, prompt.Prompt]:
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        if len(self._places) > MOST_ANCHORS:
            self._places.popitem(last=False)
        budget = self._options.budget.within((await self._engine.stats()).context)
        said = [place.describe(namespace, document, budget)]
        if self._options.modules is not None:
            said.insert(0, self._options.modules.describe(document, cell, offset, budget))
        said = context.SEPARATOR.join(filter(None, said))
        view, place.start = context.view(document, cell, offset, budget, place.start, said)
        built = prompt.build(view, self._template, place.anchor, self._options.anchored, ahead)
        place.anchor = built.anchor
        return view, built


def _common(a: str, b: str) -> int:
    """Length of the common start."""
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return index
    return min(len(a), len(b))


def _end(cost: base.Done | None, complete: bool, shown: bool, screen: gate.Screen) -> End:
    if screen.held is not None:
        return End("stop" if screen.keeps else "held", screen.held.why, cost, screen.held.gate)
    if cost is not None and cost.reason == "cancelled" and not complete:
        return End("cancelled", "", cost)
    if not shown:
        return End("empty", "the model suggests nothing here", cost)
    return End("length" if cost is not None and cost.reason == "length" else "stop", "", cost)
