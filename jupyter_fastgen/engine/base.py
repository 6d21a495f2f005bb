"""The engine protocol: what everything above asks of a language model, wherever it runs.

An engine is a child process, a gateway behind a websocket or an HTTP server;
the structs here cross those borders as msgpack or JSON, so they hold plain
values only. Tokens are the engine's own; text is what callers see.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable
from typing import Literal, Protocol

import msgspec

from ..errors import FastgenError


class EngineError(FastgenError):
    """The engine can't do what was asked. `remedy` says what the person can do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason} ({remedy})" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class BusyError(EngineError):
    """A shared engine has too much to do just now: ask again, after `pause` seconds if it said."""

    def __init__(self, reason: str, remedy: str = "", pause: float | None = None) -> None:
        super().__init__(reason, remedy)
        self.pause = pause


class DownError(EngineError):
    """The engine is not there just now: its process has died, or its server does not answer."""


class RefusedError(EngineError):
    """A shared engine does not do it for this user: to ask again would not help."""


KVFormat = Literal["fp16", "q8", "q6", "q4"]
"""How the keys and values of the KV cache are kept."""

Role = Literal["completion", "edit"]
"""What a model is for: ghost text; edits, and code that is described."""

Priority = Literal["explicit", "ghost", "prefetch"]
"""Whom a request serves: a person who asked and waits, one who types, or nobody yet."""


class ModelSpec(msgspec.Struct, frozen=True):
    """Which model to run, and how much of the machine it may take.

    `location` is a file (GGUF), a folder (ExLlamaV2), or the URL of a server that others run; a
    fragment of it names one of that server's models.
    `context` is the KV cache in tokens of each of the `slots` documents that
    are kept warm at once. `threads` 0 means: fit the machine. `draft` is how many tokens at once
    are guessed from what stands in the prompt, to be verified together: for answers that repeat
    their prompt, as edits do. None means: as many as pay on this machine, if any do. `projector` is
    a second file, by which a model of llama.cpp sees.

    Only ExLlamaV2 knows the others: `kv`, the folder `draft_model` of a small model that guesses
    for this one, and the folder `adapters` that holds LoRA adapters, one folder each.
    """

    name: str
    location: str
    context: int = 4096
    slots: int = 2
    threads: int = 0
    api_key: str = ""
    draft: int | None = 0
    projector: str = ""
    kv: KVFormat = "q8"
    draft_model: str = ""
    adapters: str = ""


class Request(msgspec.Struct, frozen=True):
    """One generation.

    `prompt` may hold the template's special tokens. The answer is bound to
    start with `begin`, the text cut off `prompt` by token healing; it is part
    of what `stream` yields. Requests of the same `document` share a KV slot.
    `max_tokens` 0 only fills the KV cache. `temperature` 0 is greedy; above it the
    same `seed` gives the same answer. With `logprobs` it is asked how likely the tokens were.

    `grammar`, in llama.cpp's GBNF, is what all of the answer must follow; it goes before `begin`.
    With `starts` no text is written: `Done` tells the likeliest ways to begin, at most so many.
    With `progress` it is told how much of a long prompt is read.

    `images` are PNG, JPEG or WebP files, each of which stands in the prompt where
    `images.MARK` does; for a model that sees, as its `Stats` tell.

    Engines that can make use of it are told: whom to serve first, by `priority`; `original`, text
    that the answer is likely to repeat; `adapter`, the LoRA adapter to answer with; and `salt`, the
    part of the KV cache that it may see: what was computed under another one is not used.
    """

    id: int
    prompt: str
    begin: str = ""
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    document: str = ""
    logprobs: bool = False
    starts: int = 0
    grammar: str = ""
    progress: bool = False
    priority: Priority = "ghost"
    original: str = ""
    adapter: str = ""
    images: tuple[bytes, ...] = ()
    salt: str = ""


_ids = itertools.count(1)


def new_id() -> int:
    """An id for a request: no other of this process has it, whatever asks the same engine."""
    return next(_ids)


class Start(msgspec.Struct, frozen=True):
    """How an answer may begin: `text` is the request's `begin` and the rest of the next token.

    `probability` is among all the ways to begin that agree with `begin`.
    """

    text: str
    probability: float


class Text(msgspec.Struct, tag="text", frozen=True):
    """The next piece of the answer of request `id`, one token or more.

    `logprobs` are the natural logarithms of the probabilities of the tokens that
    came since the last piece; a token bound by `begin` counts among those that
    `begin` allows. Empty where they were not asked for, or the engine can't tell.

    Before the first piece, ones without text may tell with `place` which of all that wait for a
    shared engine it is (1 the next, 0 none any more), and with `read` how much of the prompt is
    read, 0..1.
    """

    id: int
    text: str
    logprobs: tuple[float, ...] = ()
    read: float | None = None
    place: int | None = None


class Done(msgspec.Struct, tag="done", frozen=True):
    """The last event of request `id`.

    Token counts come from the engine: `prompt_tokens` were asked for, of these
    `cached_tokens` lay in the KV cache; `new_tokens` were decoded. `logprob` is
    the mean over the decoded tokens where the engine tells it. Of the `drafted` tokens that were
    guessed from the prompt, `accepted` ones are among the new. Times are in milliseconds;
    `first_ms` is from `stream` to the first text. `starts`, where they were asked for, stand
    likeliest first.
    """

    id: int
    reason: Literal["stop", "length", "cancelled"]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    first_ms: float | None = None
    starts: tuple[Start, ...] = ()
    drafted: int = 0
    accepted: int = 0

    @property
    def passes(self) -> int:
        """How often the model was run to decode: an accepted token came with the one before it."""
        return self.new_tokens - self.accepted

    @property
    def prefilled_tokens(self) -> int:
        """Prompt tokens that had to be computed."""
        return self.prompt_tokens - self.cached_tokens


Event = Text | Done

Progress = Callable[[float], None]
"""Called with 0..1 while a model loads."""


class Abilities(msgspec.Struct, frozen=True):
    """What a server that others run can do, found by asking it; None where that can't be told.

    `server` is what it calls itself. `fim` and `chat` are templates, as in the catalog, that its
    model knows. Of a token it tells the `choices` likeliest in its place, 0 for none. `counts`:
    whether it tells which tokens of a prompt were cached. `aborts`: whether it stops once nobody
    listens. `grammar` is the field of a request that takes GBNF, "" for none; `salts`,
    `prioritizes`: whether requests may keep their part of its cache to themselves, and go first.
    """

    server: str = ""
    fim: Literal["qwen", "prefix-only"] = "prefix-only"
    chat: Literal["chatml", "plain"] = "plain"
    choices: int = 0
    counts: bool = False
    aborts: bool | None = None
    grammar: str = ""
    salts: bool = False
    prioritizes: bool = False


class Stats(msgspec.Struct, frozen=True):
    """What an engine runs on. `context` is in tokens, of one document; 0 where unknown.

    `draft` is how many tokens are guessed at once, 0 for none. `grammar`: whether answers follow
    one. `attention` and `kv` say how these are computed and kept, where the engine tells.
    `abilities` are those of a server that others run, None of an engine of this machine. `sees`
    says where images may stand: in any "prompt", or only in a "chat", for which the prompt is what
    the person says; "" nowhere.
    """

    engine: str
    model: str
    threads: int = 0
    context: int = 0
    pid: int = 0
    draft: int = 0
    grammar: bool = True
    attention: str = ""
    kv: str = ""
    abilities: Abilities | None = None
    sees: Literal["", "prompt", "chat"] = ""


class Engine(Protocol):
    """One loaded model."""

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """Make `spec` ready to stream; raises `EngineError`."""
        ...

    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Yield `Text` events and then one `Done`; raises `EngineError` if the engine fails.

        Leaving the iteration early (`aclose`) cancels the request.
        """
        ...

    def cancel(self, id: int) -> None:
        """End request `id` within one token; its stream ends with `Done("cancelled")`.

        Unknown and ended ids are ignored.
        """
        ...

    async def stats(self) -> Stats:
        """What runs where."""
        ...

    async def close(self) -> None:
        """End all requests and give the memory back."""
        ...
