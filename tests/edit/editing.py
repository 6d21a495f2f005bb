"""Edits by an engine that writes what it is told to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from jupyter_fastgen.edit.hunks import Hunk
from jupyter_fastgen.edit.merge import Merge
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService, End
from jupyter_fastgen.engine.base import Event, Request

from ..engine.scripted import ScriptedEngine

CELL = """\
def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)
"""

LONG = "".join(f"def f{n}(x):\n    y{n} = x + {n}\n    return y{n}\n\n\n" for n in range(20))

MARK = "# ... existing code ..."


async def edited(
    engine: ScriptedEngine, text: str = CELL, language: str = "python", **options: Any
) -> tuple[list[Hunk], End]:
    """The hunks that came before the end, and the end."""
    service = EditService(engine, CHATS["chatml"])
    *hunks, end = [x async for x in service.edit("a", text, language, "do it", **options)]
    assert isinstance(end, End)
    return [hunk for hunk in hunks if isinstance(hunk, Hunk)], end


async def merged(answer: str, text: str = CELL, language: str = "python", **options: Any) -> Merge:
    return (await edited(ScriptedEngine(answer), text, language, **options))[1].merge


class Answers(ScriptedEngine):
    """Answers each request by the next of several texts."""

    def __init__(self, *texts: str) -> None:
        super().__init__("")
        self._texts = iter(texts)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self._text, self.written = next(self._texts), 0
        async for event in super().stream(request):
            yield event
