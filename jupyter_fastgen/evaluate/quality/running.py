"""A model for an evaluation: found by name or path, and run in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...completion.prompt import TEMPLATES, Template
from ...edit.prompt import CHATS, Chat
from ...engine.base import ModelSpec
from ...engine.worker import Worker
from ...errors import FastgenError
from ...models.catalog import load_catalog
from ...models.resolve import best_for_edits, resolve
from ...models.store import ModelStore


@dataclass(frozen=True)
class Model:
    """What to run, and how it wants to be asked."""

    name: str
    path: str
    template: Template
    chat: Chat = CHATS["plain"]


def find_model(name: str) -> Model:
    """Find a model by its catalog name or the path of a .gguf file; the default one for "".

    Raises `FastgenError` where it is not on this machine or not for llama.cpp.
    """
    catalog = load_catalog()
    found = resolve(name or catalog.default.name, catalog, ModelStore())
    if found.entry.engine != "llamacpp":
        raise FastgenError(f"{found.entry.name} is not for llama.cpp; choose a GGUF model")
    if found.path is None:
        raise FastgenError(
            f"{found.entry.name} is not on this machine; run `jupyter fastgen models pull`"
        )
    entry = found.entry
    return Model(entry.name, str(found.path), TEMPLATES[entry.fim], CHATS[entry.chat])


def edit_model(name: str) -> Model:
    """As `find_model`; the biggest one for edits that is on this machine for ""."""
    return find_model(name or best_for_edits(load_catalog(), ModelStore()).name)


@asynccontextmanager
async def running(model: Model, context: int, draft: bool = False) -> AsyncGenerator[Worker, None]:
    """Run `model` with `context` tokens of KV cache, with `draft` as an edit's: where that pays.

    Raises `EngineError`.
    """
    # One place is completed at a time.
    spec = ModelSpec(model.name, model.path, context, slots=1, draft=None if draft else 0)
    worker = Worker("llamacpp", spec)
    await worker.load(spec, lambda progress: None)
    try:
        yield worker
    finally:
        await worker.close()
