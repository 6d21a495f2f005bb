"""ExLlamaV2 as an engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...images import MARK
from ..base import Done, EngineError, Event, ModelSpec, Progress, Request, Stats
from . import grammar, library
from .answer import Answer
from .copying import LOOKUP, MATCH, WIDTHS, Copier
from .pictures import FIRST, Picture
from .scheduler import Scheduler, reason

if TYPE_CHECKING:
    from .loading import Loaded


class ExLlamaV2:
    """A model folder on the GPU of this process, which should be the worker's."""

    def __init__(self) -> None:
        self._spec: ModelSpec | None = None
        self._loaded: Loaded | None = None
        self._scheduler: Scheduler | None = None
        self._grammars: grammar.Grammars | None = None
        self._reading: set[int] = set()

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Import the library, which may compile it, and load the model's folder."""
        if not await asyncio.to_thread(Path(spec.location).is_dir):
            raise EngineError(
                f"model folder {spec.location} does not exist", "run `jupyter fastgen models pull`"
            )
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Loaded | Exception] = loop.create_future()
        scheduler = Scheduler(spec.adapters)
        scheduler.start(
            lambda: _load(spec, progress),
            lambda told: _call(loop, lambda: ready.done() or ready.set_result(told)),
        )
        loaded = await ready
        if isinstance(loaded, Exception):
            raise reason(loaded) from loaded
        self._spec, self._loaded, self._scheduler = spec, loaded, scheduler
        if grammar.is_installed():
            self._grammars = await asyncio.to_thread(grammar.Grammars, loaded.vocabulary)
        progress(1.0)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Stream one answer; see `Engine.stream`."""
        if self._scheduler is None or self._loaded is None:
            raise EngineError("the model is not loaded", "wait until it is ready")
        scheduler, loaded = self._scheduler, self._loaded
        pictures: list[Picture] = []
        if request.images:
            self._reading.add(request.id)
            try:
                pictures = await self._read(loaded, request)
                if request.id not in self._reading:
                    yield Done(request.id, "cancelled")
                    return
            finally:
                self._reading.discard(request.id)
        prompt, answer = self._prepared(loaded, request, pictures)
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | EngineError] = asyncio.Queue()
        scheduler.submit(
            request,
            prompt,
            answer,
            lambda event: _call(loop, lambda: events.put_nowait(event)),
            pictures,
        )
        ended = False
        try:
            while not ended:
                event = await events.get()
                ended = isinstance(event, Done | EngineError)
                if isinstance(event, EngineError):
                    raise event
                yield event
        finally:
            if not ended:
                scheduler.cancel(request.id)

    async def _read(self, loaded: Loaded, request: Request) -> list[Picture]:
        """The pictures of a request, read in a thread; raises `EngineError`."""
        if loaded.vision is None:
            raise EngineError("the model can't see", "choose one that does, see docs/gpu-engine.md")
        if request.prompt.count(MARK) != len(request.images):
            raise EngineError(f"{len(request.images)} pictures, and not as many places for them")
        return await asyncio.to_thread(loaded.vision.read, request.images, request.salt)

    def _prepared(
        self, loaded: Loaded, request: Request, pictures: Sequence[Picture]
    ) -> tuple[list[int], Answer]:
        """The prompt in tokens, and its answer before the first one."""
        vocabulary = loaded.vocabulary
        first, *parts = request.prompt.split(MARK) if pictures else [request.prompt]
        prompt = vocabulary.encode(first)
        for picture, part in zip(pictures, parts, strict=True):
            prompt += [*picture.ids, *vocabulary.encode_part(part)]
        # Nothing in the library compares lengths with what the model was made for.
        room = loaded.context - len(prompt)
        if room < 1:
            raise EngineError(
                f"the prompt has {len(prompt):,} tokens, and the context {loaded.context:,}",
                "ask with less text, or enlarge the context",
            )
        if not prompt:
            raise EngineError("the prompt is empty", "ask with some text")
        matcher = None
        if request.grammar:
            if self._grammars is None:
                raise EngineError(
                    "answers can't follow a grammar: llguidance is missing",
                    "run `pip install llguidance`",
                )
            matcher = self._grammars.matcher(request.grammar)
        # Bound to its beginning, or telling how it may begin, an answer is as long as that takes.
        limit = len(request.begin.encode()) + 1 if request.starts else request.max_tokens
        copier = self._copier(loaded, request, prompt)
        return prompt, Answer(request, vocabulary, min(limit, room), matcher, copier)

    def _copier(self, loaded: Loaded, request: Request, prompt: list[int]) -> Copier | None:
        if request.original:
            return Copier(loaded.vocabulary.encode_part(request.original), MATCH, 0)
        if self._spec is not None and self._spec.draft != 0:
            return Copier([token for token in prompt if token < FIRST], LOOKUP, None)
        return None

    def cancel(self, id: int) -> None:
        """End request `id`; see `Engine.cancel`."""
        self._reading.discard(id)
        if self._scheduler is not None:
            self._scheduler.cancel(id)

    async def stats(self) -> Stats:
        """What runs where."""
        spec, loaded = self._spec, self._loaded
        if spec is None or loaded is None:
            return Stats("ExLlamaV2", "")
        return Stats(
            engine="ExLlamaV2",
            model=spec.name,
            context=loaded.context,
            pid=os.getpid(),
            draft=WIDTHS[-1],
            grammar=self._grammars is not None,
            attention=loaded.attention,
            kv=loaded.kv,
            sees="prompt" if loaded.vision else "",
        )

    async def close(self) -> None:
        """End all requests; the GPU's memory comes back with the end of the process."""
        self._reading.clear()
        if self._scheduler is not None:
            self._scheduler.end()
            self._scheduler = None


def _load(spec: ModelSpec, progress: Progress) -> Loaded:
    attention = library.import_library()
    # Only now: it imports the library.
    from . import loading

    return loading.open_model(spec, attention, progress)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    """Call `what` in the loop's thread, if the loop still runs."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what)
