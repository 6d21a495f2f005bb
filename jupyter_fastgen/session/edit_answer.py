"""The answer to an edit: what the model's service finds, in frames for the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from .. import protocol
from ..edit.actions import Action
from ..protocol.progress import counts_of, queued
from .edit_request import EditRequest

if TYPE_CHECKING:
    from ..edit.service import EditService

Answer = protocol.Progress | protocol.Hunks | protocol.Done


def answers(
    message: protocol.Edit,
    asked: EditRequest,
    service: EditService,
    said: str,
    action: Action | None,
) -> AsyncGenerator[Answer, None]:
    """What the browser is told, a `Done` last."""
    if action is not None and action.place == "below":
        return _below(message, asked, said, service)
    only = action.only if action is not None else ""
    return _within(message, asked, said, service, only)


async def _within(
    message: protocol.Edit, asked: EditRequest, said: str, service: EditService, only: str
) -> AsyncGenerator[Answer, None]:
    """Changes of the cells."""
    from ..edit.answer import Reached
    from ..edit.comments import only_comments
    from ..edit.service import End, Queued, Reading
    from ..edit.undefined import elsewhere

    id, sheet = message.id, asked.sheet
    known = partial(elsewhere, asked.others, asked.namespace)
    found = service.edit(
        asked.key, sheet.text, asked.language, said, asked.part, asked.about, known=known
    )
    async with aclosing(found):
        async for piece in found:
            if isinstance(piece, Queued):
                yield queued(id, piece.place)
            elif isinstance(piece, Reading):
                yield protocol.Progress(id, "reading", round(piece.share, 2))
            elif isinstance(piece, Reached):
                cell, line = sheet.at(piece.line)
                yield protocol.Progress(id, "writing", None, piece.lines, cell, line)
            elif isinstance(piece, End):
                merge = piece.merge
                if only == "comments":
                    merge = await asyncio.to_thread(
                        only_comments, merge, sheet.text, asked.language, sheet.is_more_than_code
                    )
                hunks = sheet.final(merge.hunks)
                yield protocol.Hunks(id, hunks, final=True)
                reason = "stop" if hunks else "empty"
                yield protocol.Done(id, reason, merge.reason, counts_of(piece.cost))
            elif hunks := sheet.settled([piece]):
                yield protocol.Hunks(id, hunks)


async def _below(
    message: protocol.Edit, asked: EditRequest, said: str, service: EditService
) -> AsyncGenerator[Answer, None]:
    """A new cell behind the last of the cells."""
    from ..edit.answer import Reached
    from ..edit.blocks import parse
    from ..edit.safety import Flag
    from ..edit.service import Queued, Reading

    id = message.id
    last, _ = asked.sheet.at(asked.sheet.text.count("\n"))
    async with aclosing(
        service.write(asked.key, asked.sheet.text, asked.language, said, asked.about)
    ) as found:
        async for piece in found:
            if isinstance(piece, Queued):
                yield queued(id, piece.place)
                continue
            if isinstance(piece, Reading):
                yield protocol.Progress(id, "reading", round(piece.share, 2))
                continue
            if isinstance(piece, Reached):
                yield protocol.Progress(id, "writing", None, piece.lines, last, piece.line)
                continue
            hunks: list[protocol.Hunk] = []
            if piece.lines:
                broken = parse("\n".join(piece.lines), asked.language).has_errors
                reasons = [Flag.SYNTAX.value] if broken else []
                new = list(piece.lines)
                hunks.append(protocol.Hunk(last, new=new, kind="insert", reasons=reasons))
            yield protocol.Hunks(id, hunks, final=True)
            reason = "stop" if hunks else "empty"
            yield protocol.Done(id, reason, piece.reason, counts_of(piece.cost))
