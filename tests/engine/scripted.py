"""An engine that writes what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Literal

from jupyter_fastgen import protocol
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService
from jupyter_fastgen.engine.base import (
    Done,
    EngineError,
    Event,
    ModelSpec,
    Progress,
    Request,
    Stats,
    Text,
)
from jupyter_fastgen.engine.stops import Stops
from jupyter_fastgen.generate.service import GenerateService
from jupyter_fastgen.policy import UNSAID, Decision, Notebook


class ScriptedEngine:
    """Answers `text`, three characters at a time, and then ends for `reason` or is lost."""

    def __init__(
        self,
        text: str,
        reason: Literal["stop", "length", "lost"] = "stop",
        context: int = 4096,
    ) -> None:
        self._text = text
        self._reason = reason
        self._context = context
        self.requests: list[Request] = []
        self.sees: Literal["", "prompt", "chat"] = ""
        self.written = 0
        self.cancelled: set[int] = set()
        self.left = False

    async def load(self, spec: ModelSpec, progress: Progress) -> None: ...

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        stops = Stops(request.stop)
        try:
            for at in range(0, len(self._text), 3):
                if request.id in self.cancelled:
                    yield Done(request.id, "cancelled", new_tokens=self.written)
                    return
                self.written += 1
                await asyncio.sleep(0)  # others work, too, while a token is computed
                if piece := stops.push(self._text[at : at + 3]):
                    yield Text(request.id, piece)
                if stops.met:
                    break
            if rest := stops.rest():
                yield Text(request.id, rest)
            if self._reason == "lost":
                raise EngineError("the engine process died", "it restarts by itself")
            reason = "length" if self._reason == "length" else "stop"
            yield Done(request.id, reason, new_tokens=self.written)
        finally:
            self.left = True

    def cancel(self, id: int) -> None:
        self.cancelled.add(id)

    async def stats(self) -> Stats:
        return Stats("scripted", "scripted", context=self._context, sees=self.sees)

    async def close(self) -> None: ...


class FreeHost:
    """What a host says where all is allowed."""

    def allowed(self, notebook: Notebook = UNSAID) -> Decision:
        return Decision(True)

    def check(self, notebook: Notebook = UNSAID) -> None: ...


class ScriptedHost(FreeHost):
    """A host whose model is loaded when it is asked for, and which says so."""

    def __init__(
        self,
        answer: str,
        model: str = "scripted",
        fault: str = "",
        context: int = 4096,
        is_for_edits: bool = True,
    ) -> None:
        self.engine = ScriptedEngine(answer, context=context)
        self.is_for_edits = is_for_edits
        self.debounce_ms = 0
        self.status = protocol.Status("ready", model)
        self.closed = False
        self._services = (
            EditService(self.engine, CHATS["chatml"]),
            GenerateService(self.engine, CHATS["chatml"]),
        )
        self._fault = fault
        self._listeners: list[Callable[[protocol.Status], None]] = []

    def listen(self, listener: Callable[[protocol.Status], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def _load(self) -> None:
        for progress in (0.0, 0.5):
            for listener in self._listeners:
                listener(protocol.Status("loading", progress=progress))
            await asyncio.sleep(0)
        if self._fault:
            raise EngineError(self._fault, "pull it")

    async def edits(self) -> EditService:
        await self._load()
        return self._services[0]

    async def generation(self) -> GenerateService:
        await self._load()
        return self._services[1]

    @property
    def is_writing(self) -> bool:
        return any(service.is_running for service in self._services)

    async def close(self) -> None:
        self.closed = True
