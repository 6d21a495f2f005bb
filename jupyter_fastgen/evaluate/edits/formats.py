"""One edit asked for in one of several formats, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import msgspec

from ...completion.context import guess_tokens
from ...edit.merge import Merge
from ...edit.prompt import Chat
from ...edit.service import ANSWER_TOKENS, MARGIN_TOKENS, EditService, End
from ...engine.base import Done, Engine, Event, ModelSpec, Progress, Request, Stats, Text
from ...errors import TooLongError
from . import searching
from .searching import UnfitError

Format = Literal["ours", "whole", "sparse", "free", "search"]
"""What the product chooses; the whole text; a sparse edit with a grammar, and without; blocks of
search and replace."""


@dataclass(frozen=True)
class Edit:
    """What came of an edit: the text with what needs no look, and with all of it.

    `hunks` counts all pieces, `flagged` those that a person has to look at; `reason` says why
    there are none. `answer` is what the model wrote, `sparse` whether with markers.
    """

    unseen: str
    merged: str
    hunks: int
    flagged: int
    reason: str
    answer: str
    sparse: bool
    cost: Done


async def ask(
    form: Format, engine: Engine, chat: Chat, text: str, language: str, instruction: str
) -> Edit:
    """Let the model of `engine` edit `text`; raises `EngineError`.

    A text that is too long to be written anew is refused.
    """
    if form == "search":
        return await _search(engine, chat, text, language, instruction)
    heard = _Heard(engine, form == "free")
    whole = {"whole": True, "sparse": False, "free": False}.get(form)
    service = EditService(heard, chat)
    try:
        async with aclosing(service.edit("", text, language, instruction, whole=whole)) as found:
            end = [part async for part in found][-1]
    except TooLongError as error:
        return Edit(text, text, 0, 0, str(error), "", not whole, Done(0, "cancelled"))
    assert isinstance(end, End)
    return merged(text, end.merge, heard.text, not end.whole, end.cost)


def merged(text: str, merge: Merge, answer: str, sparse: bool, cost: Done) -> Edit:
    """What came of an edit of `text`."""
    return Edit(
        merge.apply(text, merge.safe),
        merge.apply(text, range(len(merge.hunks))),
        len(merge.hunks),
        len(merge.hunks) - len(merge.safe),
        merge.reason,
        answer,
        sparse,
        cost,
    )


async def whole_answer(engine: Engine, request: Request) -> tuple[str, Done]:
    """The text that an engine writes for a request, and what it cost."""
    heard = _Heard(engine, False)
    async with aclosing(heard.stream(request)) as events:
        cost = [event async for event in events][-1]
    assert isinstance(cost, Done)
    return heard.text, cost


async def _search(engine: Engine, chat: Chat, text: str, language: str, instruction: str) -> Edit:
    """The same by blocks of search and replace."""
    asked = searching.prompt(text, language, instruction, chat)
    # Both sides of one block may hold the whole of a short text; of a long one none should.
    size = guess_tokens(text)
    tokens = min(3 * size, size + ANSWER_TOKENS) + MARGIN_TOKENS
    answer, cost = await whole_answer(engine, Request(1, asked, max_tokens=tokens, stop=chat.stop))
    try:
        new = searching.apply(text, answer)
    except UnfitError as error:
        return Edit(text, text, 0, 0, str(error), answer, False, cost)
    changed = new != text
    return Edit(new, new, int(changed), 0, "" if changed else "no change", answer, False, cost)


class _Heard:
    """An engine whose last answer is kept as text; without grammars where `free`."""

    def __init__(self, engine: Engine, free: bool) -> None:
        self._engine = engine
        self._free = free
        self.text = ""

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        await self._engine.load(spec, progress)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.text = ""
        if self._free:
            request = msgspec.structs.replace(request, grammar="")
        async with aclosing(self._engine.stream(request)) as events:
            async for event in events:
                if isinstance(event, Text):
                    self.text += event.text
                yield event

    def cancel(self, id: int) -> None:
        self._engine.cancel(id)

    async def stats(self) -> Stats:
        return await self._engine.stats()

    async def close(self) -> None:
        await self._engine.close()
