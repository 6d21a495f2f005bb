"""A description -> a stream of code."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from .. import protocol
from ..completion.context import SAFETY, Budget, guess_tokens, view
from ..document import NEW_CELL, Cell, Cursor, Document
from ..edit.prompt import Chat
from ..engine import base
from ..errors import BlindError, TooLongError
from ..images import IMAGE_TOKENS, check
from ..protocol.progress import counts_of, queued
from . import prompt
from .answer import Code

ABOVE_TOKENS = 800
"""Of the code that is there. On two cores so many are prefilled in 5 s by a model of 0.5 billion
parameters, in 11 s by one of 1.5."""

LEAST_TOKENS = 64
"""An answer that has less room is not worth the wait."""

DOCUMENT = "described"
"""The KV slot of all descriptions."""

Frame = protocol.Progress | protocol.Chunk | protocol.Done


class PromptTooLongError(TooLongError):
    """The model can't read so much at once."""


class GenerateService:
    """Writes the code that is described, on one engine."""

    def __init__(self, engine: base.Engine, chat: Chat, adapter: str = "") -> None:
        """`chat` must be that of the engine's model; `adapter` is a LoRA adapter to write with."""
        self._engine = engine
        self._adapter = adapter
        self._chat = chat
        self._window = 0
        self._running = 0

    @property
    def is_running(self) -> bool:
        """Whether an answer is being written, or its prompt read."""
        return self._running > 0

    async def generate(self, asked: protocol.Generate, id: int) -> AsyncGenerator[Frame, None]:
        """Frames of job `id`, a `Done` last; raises `FastgenError`.

        Leaving the iteration stops the engine.
        """
        if not asked.prompt.strip():
            yield protocol.Done(id, "empty", "the description is empty: say what is to be written")
            return
        self._running += 1
        try:
            async with aclosing(self._frames(asked, id)) as frames:
                async for frame in frames:
                    yield frame
        finally:
            self._running -= 1

    async def _frames(self, asked: protocol.Generate, id: int) -> AsyncGenerator[Frame, None]:
        stats = await self._engine.stats()
        if asked.images and not stats.sees:
            raise BlindError(f"the model {stats.model} can't see: choose one that does")
        for number, image in enumerate(asked.images, 1):
            check(f"picture {number}", image)
        chat = prompt.TURN if asked.images and stats.sees == "chat" else self._chat
        built, room = self._prompt(asked, stats.context, chat)
        request = base.Request(
            id=base.new_id(),
            prompt=built.text,
            max_tokens=min(asked.max_tokens, room),
            stop=built.stop,
            temperature=asked.temperature,
            seed=asked.seed,
            document=DOCUMENT,
            progress=True,
            priority="explicit",
            adapter=self._adapter,
            images=asked.images,
        )
        code = Code(built.fence)
        wrote = False
        yield protocol.Progress(id, "reading")
        async with aclosing(self._engine.stream(request)) as events:
            async for event in events:
                if isinstance(event, base.Done):
                    if text := code.rest():
                        yield protocol.Chunk(id, text)
                    yield _done(id, event, wrote or bool(text), request.max_tokens)
                    return
                if event.place is not None:
                    yield queued(id, event.place)
                if event.read is not None:
                    yield protocol.Progress(id, "reading", round(event.read, 2))
                if text := code.push(event.text):
                    wrote = True
                    yield protocol.Chunk(id, text)
                if code.ended:
                    self._engine.cancel(request.id)

    def _prompt(
        self, asked: protocol.Generate, context: int, chat: Chat
    ) -> tuple[prompt.Prompt, int]:
        """The prompt, and how many tokens an answer may have; `context` is 0 where unknown."""
        task, about, language = asked.prompt.strip(), asked.about.strip(), asked.language
        images = len(asked.images)
        bare = prompt.build(task, "", about, language, chat, images).text
        # Token counts are guessed.
        context -= IMAGE_TOKENS * images if context else 0
        room = int(context * SAFETY) - guess_tokens(bare) if context else ABOVE_TOKENS
        if room < LEAST_TOKENS:
            raise PromptTooLongError(
                f"the description, with what is told of the objects it names, is too long for the"
                f" model: about {guess_tokens(bare):,} tokens, and there is room for"
                f" {int(context * SAFETY) - LEAST_TOKENS:,}; say it in fewer words, or name fewer"
                " objects"
            )
        above = self._above(asked, min(ABOVE_TOKENS, room - LEAST_TOKENS))
        built = prompt.build(task, above, about, language, chat, images)
        if not context:
            return built, asked.max_tokens
        return built, max(LEAST_TOKENS, int(context * SAFETY) - guess_tokens(built.text))

    def _above(self, asked: protocol.Generate, tokens: int) -> str:
        """The code that is there, as much of its end as fits `tokens`."""
        cells = [Cell(cell.id, cell.type, cell.source, cell.ran) for cell in asked.cells]
        document = Document(asked.language, "", 0, [*cells, Cell(NEW_CELL, "code", "")])
        cursor = Cursor(document, NEW_CELL, 0)
        seen, self._window = view(cursor, Budget(above=tokens), self._window)
        return seen.above


def _done(id: int, end: base.Done, wrote: bool, limit: int) -> protocol.Done:
    """How the job ended, for the person."""
    counts = counts_of(end)
    if end.reason == "length":
        why = f"the answer broke off after {limit:,} tokens: allow more of them"
        return protocol.Done(id, "length", why, counts)
    if not wrote:
        why = "the model wrote no code: say in other words what is to be written"
        return protocol.Done(id, "empty", why, counts)
    return protocol.Done(id, end.reason, counts=counts)
