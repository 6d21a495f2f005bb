"""The one model this server runs: found, downloaded, loaded, and what is to be said of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from .completion import prompt
from .completion.service import CompletionService, Options
from .engine.base import Engine, EngineError, ModelSpec
from .engine.worker import Worker, WorkerState
from .errors import FastgenError
from .models.catalog import ModelEntry, load_catalog
from .models.errors import ModelNotHere
from .models.resolve import best_for_edits, resolve
from .models.store import ModelStore
from .protocol import Status

if TYPE_CHECKING:
    from .edit.service import EditService
    from .engine.remote import RemoteEngine
    from .generate.service import GenerateService
    from .hub.frames import Welcome

GATEWAY = "fastgen+"
"""Before the URL of a gateway, where a model is named."""

EDIT_TOKENS = 8192
"""For an edit's text, twice what of it changes, and the instruction: 100 to 250 MB of KV cache."""

PULL = "press Download in the status panel, or run `jupyter fastgen models pull`"


@dataclass(frozen=True)
class Settings:
    """What the administrator chose.

    `model` is a name of the catalog, a path to a GGUF file, the URL of a `llama-server`, that of
    a gateway with `fastgen+` before it, or empty for the catalog's default. Zeros mean: decide by
    the machine. `draft` is for a model that only edits.
    """

    model: str = ""
    models_dir: Path | None = None
    catalog: Path | None = None
    context: int = 2560
    slots: int = 2
    threads: int = 0
    idle_unload: float = 1800.0
    engine_output: bool = False
    api_key: str = ""
    draft: bool = False


def edit_host(settings: Settings, model: str = "") -> ModelHost:
    """A host of the model for edits: the configured one, else the best for them that is here.

    One document, and room for all of it. `model` names another of the catalog, which must be on
    this machine. Raises `FastgenError`.
    """
    chosen = model or settings.model
    if model or not chosen:
        catalog, store = load_catalog(settings.catalog), ModelStore(settings.models_dir)
        if not model:
            chosen = best_for_edits(catalog, store).name
        elif store.path(catalog.get(model)) is None:
            raise ModelNotHere(model)
    fitting = replace(settings, model=chosen, context=EDIT_TOKENS, slots=1, draft=True)
    return ModelHost(fitting, Options())


class ModelHost:
    """Owns the engine process. All methods belong to the event loop's thread."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self._settings = settings
        self._options = options
        self._store = ModelStore(settings.models_dir)
        self._listeners: list[Callable[[Status], None]] = []
        self._download: asyncio.Task[None] | None = None
        self._download_stop = threading.Event()
        self._entry: ModelEntry | None = None
        self._worker: Worker | RemoteEngine | None = None
        self.completion: CompletionService | None = None
        """None until the model file is there, or a gateway has told what model it runs."""
        self.fim: Literal["qwen", "prefix-only"] = "prefix-only"
        self.chat = "plain"
        """Templates of the model."""
        self._edits: EditService | None = None
        self._generation: GenerateService | None = None
        self.status = Status(state="idle")
        self._prepare()

    def listen(self, listener: Callable[[Status], None]) -> Callable[[], None]:
        """Call `listener` at each change of the status; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def wake(self) -> None:
        """Somebody is here: load the model if it is on this machine."""
        if self._worker is None and self._download is None:
            self._prepare()
        if self._worker is not None and self.status.state == "idle":
            self._worker.start()

    async def ready(self) -> CompletionService:
        """Wait until the model is loaded; raises `EngineError` where it can't be."""
        await self.engine()
        assert self.completion is not None
        return self.completion

    async def engine(self) -> Engine:
        """As `ready`, the engine itself."""
        worker = self.wanted()
        await worker.ready()
        return worker

    def wanted(self) -> Worker | RemoteEngine:
        """The engine, which loads its model from now on; raises `EngineError` without a model."""
        self.wake()
        if self._worker is None:
            raise EngineError(self.status.detail or "there is no model", self.status.remedy)
        return self._worker

    async def edits(self) -> EditService:
        """As `ready`, for edits."""
        await self.ready()
        assert self._worker is not None
        if self._edits is None:
            # Imported now: they bring numpy.
            from .edit.prompt import CHATS
            from .edit.service import EditService

            self._edits = EditService(self._worker, CHATS[self.chat])
        return self._edits

    async def generation(self) -> GenerateService:
        """As `ready`, for code that is described in words."""
        await self.ready()
        assert self._worker is not None
        if self._generation is None:
            from .edit.prompt import CHATS
            from .generate.service import GenerateService

            self._generation = GenerateService(self._worker, CHATS[self.chat])
        return self._generation

    @property
    def is_writing(self) -> bool:
        """Whether an edit or described code is being written, or what it needs read."""
        services = (self._edits, self._generation)
        return any(service is not None and service.is_running for service in services)

    def download(self) -> None:
        """Fetch the model in the background, then load it; does nothing while that runs."""
        if self._download is None and self._entry is not None and self._worker is None:
            self._download_stop.clear()
            self._download = asyncio.create_task(self._pull(self._entry))

    async def restart(self) -> None:
        """End the engine process and start anew."""
        if self._worker is not None:
            await self._worker.retire()
            self._worker = None
            self.completion = self._edits = self._generation = None
        self._prepare()
        self.wake()

    async def close(self) -> None:
        """End the download and the engine process."""
        self._download_stop.set()
        if self._download is not None:
            await asyncio.wait({self._download})
        if self._worker is not None:
            await self._worker.retire()

    def _prepare(self) -> None:
        """Find the model; make the worker that will run it."""
        settings = self._settings
        try:
            if settings.model.startswith((f"{GATEWAY}http://", f"{GATEWAY}https://")):
                self._set_remote(settings.model.removeprefix(GATEWAY))
                return
            if settings.model.startswith(("http://", "https://")):
                self._set_worker("llama-server", settings.model, settings.model, "qwen", "chatml")
                return
            catalog = load_catalog(settings.catalog)
            found = resolve(settings.model or catalog.default.name, catalog, self._store)
        except FastgenError as error:
            self._set(Status(state="error", detail=str(error), remedy="correct c.FastgenApp.model"))
            return
        self._entry = found.entry
        if found.entry.engine != "llamacpp":
            detail = (
                f"{found.entry.name} needs the engine {found.entry.engine}, which is not installed"
            )
            self._set(
                Status(
                    state="error",
                    model=found.entry.name,
                    detail=detail,
                    remedy="choose a GGUF model",
                )
            )
        elif found.path is None:
            here = self._store.status(found.entry)
            detail = (
                f"{found.entry.name} is not ready on this machine ({here.detail or here.state})"
            )
            self._set(Status(state="missing", model=found.entry.name, detail=detail, remedy=PULL))
        else:
            entry = found.entry
            self._set_worker("llamacpp", entry.name, str(found.path), entry.fim, entry.chat)

    def _set_remote(self, url: str) -> None:
        # Imported now: most servers have an engine of their own.
        from .engine.remote import RemoteEngine

        remote = RemoteEngine(url, self._settings.api_key, self._on_worker, self._on_welcome)
        self._worker = remote
        self._set(Status(state="idle", model=url, engine="gateway"))

    def _set_worker(
        self,
        engine: str,
        name: str,
        location: str,
        fim: Literal["qwen", "prefix-only"],
        chat: str,
    ) -> None:
        settings = self._settings
        spec = ModelSpec(
            name,
            location,
            settings.context,
            settings.slots,
            settings.threads,
            settings.api_key,
            None if settings.draft else 0,
        )
        self._worker = Worker(
            "llama-server" if engine == "llama-server" else "llamacpp",
            spec,
            self._on_worker,
            settings.idle_unload,
            quiet=not settings.engine_output,
        )
        self._know(self._worker, fim, chat)
        self._set(Status(state="idle", model=name, engine="llama.cpp"))

    def _know(self, engine: Engine, fim: Literal["qwen", "prefix-only"], chat: str) -> None:
        self.completion = CompletionService(engine, prompt.TEMPLATES[fim], self._options)
        self.fim, self.chat = fim, chat

    def _on_worker(self, state: WorkerState) -> None:
        self._set(
            msgspec.structs.replace(
                self.status,
                state=state.state,
                progress=state.progress,
                detail=state.detail,
                remedy=state.remedy,
            )
        )

    def _on_welcome(self, welcome: Welcome) -> None:
        """A gateway tells which model it runs: its templates are known from now on."""
        assert self._worker is not None
        if self.completion is None or (self.fim, self.chat) != (welcome.fim, welcome.chat):
            self._edits = self._generation = None
            self._know(self._worker, welcome.fim, welcome.chat)
        self._set(msgspec.structs.replace(self.status, model=welcome.stats.model))

    async def _pull(self, entry: ModelEntry) -> None:
        loop = asyncio.get_running_loop()
        shown = -1.0

        def progress(done: int, total: int, note: str) -> None:
            nonlocal shown
            fraction = done / total if total else 0.0
            if abs(fraction - shown) >= 0.01:
                shown = fraction
                status = Status(
                    state="downloading", model=entry.name, progress=fraction, detail=note
                )
                loop.call_soon_threadsafe(self._set, status)

        self._set(Status(state="downloading", model=entry.name, progress=0.0))
        try:
            await asyncio.to_thread(self._store.pull, entry, progress, self._download_stop)
        except FastgenError as error:
            if not self._download_stop.is_set():
                self._set(Status(state="missing", model=entry.name, detail=str(error), remedy=PULL))
            return
        finally:
            self._download = None
        self._prepare()
        self.wake()

    def _set(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            for listener in list(self._listeners):
                listener(status)
