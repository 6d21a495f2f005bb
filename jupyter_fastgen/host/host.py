"""The one model this server runs: found, downloaded, loaded, and what is to be said of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from .. import gpu
from ..completion import prompt
from ..completion.service import CompletionService, Options
from ..engine import frames
from ..engine.address import AddressError, is_gateway, is_url, leaves, place
from ..engine.base import Abilities, EngineError, ModelSpec, RefusedError
from ..engine.exllamav2 import requirements
from ..engine.pipe import EngineName
from ..engine.supervised import WorkerState
from ..engine.worker import Worker
from ..errors import FastgenError
from ..models.catalog import Catalog, ModelEntry, load_catalog
from ..models.choice import Choice, Machine
from ..models.resolve import resolve
from ..models.store import ModelStore
from ..policy import UNSAID, Decision, Notebook, Policy
from ..protocol import Status
from .allowed import Allowed
from .settings import EDIT_TOKENS, Settings, choose_model

if TYPE_CHECKING:
    from ..edit.service import EditService
    from ..engine.remote import RemoteEngine, Told
    from ..generate.service import GenerateService

PULL = "press Download in the status panel, or run `jupyter fastgen models pull {name}`"


class ModelHost:
    """Owns the engine process. All methods belong to the event loop's thread."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        allowed: Allowed | None = None,
        aside: bool = False,
    ) -> None:
        """`allowed` decides what of it may be asked; without it, all.

        `aside`: a model for whose choice GPUs must be looked at is chosen later, with `chosen`.
        """
        self._settings = settings
        self._allowed = allowed or Allowed()
        self._options = options
        self._store = ModelStore(settings.models_dir)
        self._listeners: list[Callable[[Status], None]] = []
        self._followers: list[Callable[[Told], None]] = []
        self._told: dict[type[Told], Told] = {}
        self._download: asyncio.Task[None] | None = None
        self._download_stop = threading.Event()
        self._entry: ModelEntry | None = None
        self._machine: Machine | None = None
        self._choosing = asyncio.Lock()
        self._worker: Worker | RemoteEngine | None = None
        self.completion: CompletionService | None = None
        """None until the model file is there, or the server of others has told what it runs."""
        self.fim: Literal["qwen", "prefix-only"] = "prefix-only"
        self.chat: Literal["chatml", "plain"] = "plain"
        """The model's templates, once they are known."""
        self._edits: EditService | None = None
        self._generation: GenerateService | None = None
        self.status = self._own = Status(state="idle")
        self._deaf = self._allowed.listen(lambda: self._set(self._own))
        self._remote = ""
        with suppress(AddressError):  # told where that is asked
            self._remote = place(settings.remote) if settings.remote else ""
        if not (aside and self._waits_for_gpus):
            self._prepare()

    def listen(self, listener: Callable[[Status], None]) -> Callable[[], None]:
        """Call `listener` at each change of the status; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def allowed(self, notebook: Notebook = UNSAID) -> Decision:
        """Whether its model may be asked anything, and for such a notebook."""
        allowed, model = self._allowed, self._settings.model
        told = allowed.any_writing(notebook)
        if told.on and leaves(model):
            told = allowed.feature("remote", notebook)
            if not told.on:
                where = "behind a gateway" if is_gateway(model) else "on another machine"
                why = f"the model runs {where}, {self._own.where}: {told.why}"
                return Decision(False, why, told.about)
        if told.on and self._own.model:
            told = allowed.model(self._own.model, notebook)
        return told

    def check(self, notebook: Notebook = UNSAID) -> None:
        """Raise `EngineError` where `allowed` says no."""
        told = self.allowed(notebook)
        if not told.on:
            raise RefusedError(told.why, self._way_out())

    def _way_out(self) -> str:
        """What helps where it may not be asked."""
        if not self._allowed.any_writing().on:
            return ""
        of_here = leaves(self._settings.model) and not self._allowed.feature("remote").on
        return f"c.FastgenApp.model may name one {'of this machine' if of_here else 'that is'}"

    def follow(self, follower: Callable[[Told], None]) -> Callable[[], None]:
        """Call `follower` with what a gateway tells, and holds now; returns what ends it."""
        self._followers.append(follower)
        for told in self._told.values():
            follower(told)
        return lambda: self._followers.remove(follower)

    @property
    def debounce_ms(self) -> int:
        """How long a gateway asks pages to wait after a key."""
        told = self._told.get(frames.Hint)
        return told.debounce_ms if isinstance(told, frames.Hint) else 0

    async def chosen(self) -> None:
        """Wait until the model is chosen, which may take a look at the GPUs."""
        async with self._choosing:
            if self._worker is None and self._waits_for_gpus:
                self._machine = await asyncio.to_thread(gpu.machine)
                self._prepare()

    @property
    def _waits_for_gpus(self) -> bool:
        return self._machine is None and not self._settings.model and not requirements.faults()

    def wake(self) -> None:
        """Somebody is here: load the model if it is on this machine, and allowed."""
        if not self.allowed().on:
            return
        if self._worker is None and self._download is None:
            self._prepare()
        if self._worker is not None and self.status.state == "idle":
            self._worker.start()

    async def ready(self) -> CompletionService:
        """Wait until the model is loaded; raises `EngineError` where it can't be, or may not."""
        await self.engine().ready()
        self.check()
        assert self.completion is not None
        return self.completion

    def engine(self) -> Worker | RemoteEngine:
        """The engine, which loads its model from now on; raises `EngineError` without a model."""
        self.check()
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
            from ..edit.prompt import CHATS
            from ..edit.service import EditService

            adapter = self._settings.edit_adapter
            self._edits = EditService(self._worker, CHATS[self.chat], adapter)
        return self._edits

    async def generation(self) -> GenerateService:
        """As `ready`, for code that is described in words."""
        await self.ready()
        assert self._worker is not None
        if self._generation is None:
            from ..edit.prompt import CHATS
            from ..generate.service import GenerateService

            adapter = self._settings.edit_adapter
            self._generation = GenerateService(self._worker, CHATS[self.chat], adapter)
        return self._generation

    @property
    def serves_edits(self) -> bool:
        """Whether its model is for edits, too: one on a GPU works for all, and is there once."""
        return self._entry is not None and self._entry.engine == "exllamav2"

    @property
    def is_for_edits(self) -> bool:
        """Whether edits are what its model is made for, as far as that is known, and it is here."""
        is_role = self._entry is None or "edit" in self._entry.roles
        return self._worker is not None and is_role

    async def sees(self) -> bool:
        """Whether its model sees; a server that others run is asked. Raises `EngineError`."""
        if self._worker is None:
            return False
        if not self.status.where:
            return self._entry is not None and self._entry.projector is not None
        await self.ready()
        return self._worker.loaded.sees != ""

    @property
    def is_writing(self) -> bool:
        """Whether an edit or described code is being written, or what it needs read."""
        services = (self._edits, self._generation)
        return any(service is not None and service.is_running for service in services)

    def download(self) -> None:
        """Fetch the model in the background, then load it; does nothing while that runs."""
        if not self.allowed().on:
            return
        if self._download is None and self._entry is not None and self._worker is None:
            self._download_stop.clear()
            self._download = asyncio.create_task(self._pull(self._entry))

    async def restart(self) -> None:
        """End the engine process and start anew."""
        await self._retire()
        if self._machine is not None:
            # Memory may be free now. It takes too long for the event loop.
            self._machine = await asyncio.to_thread(gpu.machine)
            await self._retire()  # one that somebody woke meanwhile
        self._prepare()
        self.wake()

    async def _retire(self) -> None:
        if self._worker is not None:
            await self._worker.retire()
            self._worker = None
            if is_gateway(self._settings.model):
                # Its old word might keep it from being asked for a new one.
                self._allowed.tell(self._settings.model, Policy())
            self.completion = self._edits = self._generation = None

    async def close(self) -> None:
        """End the download and the engine process, for good."""
        self._deaf()
        self._deaf = lambda: None
        self._download_stop.set()
        if self._download is not None:
            await asyncio.wait({self._download})
        if self._worker is not None:
            await self._worker.retire()

    @property
    def machine(self) -> Machine:
        """What the choice of a model depends on, looked at once."""
        if self._machine is None:
            self._machine = gpu.machine()
        return self._machine

    def choose(self, catalog: Catalog) -> Choice:
        """The model for this machine, where none is configured."""
        return choose_model(self._settings, catalog, self._store, self.machine)

    def _prepare(self) -> None:
        """Find the model; make the worker that will run it."""
        settings = self._settings
        try:
            if is_url(settings.model):
                where = place(settings.model)
                if is_gateway(settings.model):
                    # Imported now: most servers have an engine of their own.
                    from ..engine.remote import RemoteEngine

                    self._worker = RemoteEngine(
                        settings.model,
                        settings.api_key,
                        self._on_worker,
                        settings.role,
                        self.tell,
                        partial(self._allowed.tell, settings.model),
                    )
                else:
                    self._set_worker("url", where, settings.model)
                self._set(Status(state="idle", where=where))
                return
            catalog = load_catalog(settings.catalog)
            name = settings.model or self.choose(catalog).entry.name
            found = resolve(name, catalog, self._store)
        except FastgenError as error:
            self._set(Status(state="error", detail=str(error), remedy="correct c.FastgenApp.model"))
            return
        self._entry = found.entry
        if found.path is None:
            here = self._store.status(found.entry)
            detail = (
                f"{found.entry.name} is not ready on this machine ({here.detail or here.state})"
            )
            remedy = PULL.format(name=found.entry.name)
            self._set(Status(state="missing", model=found.entry.name, detail=detail, remedy=remedy))
        else:
            entry = found.entry
            projector = found.path.with_name(entry.projector) if entry.projector else ""
            self._set_worker(entry.engine, entry.name, str(found.path), str(projector))
            self._serve(entry.fim, entry.chat)
            shown = "ExLlamaV2" if entry.engine == "exllamav2" else "llama.cpp"
            self._set(Status(state="idle", model=entry.name, engine=shown))

    def _set_worker(
        self, engine: EngineName, name: str, location: str, projector: str = ""
    ) -> None:
        settings = self._settings
        on_gpu = engine == "exllamav2"
        spec = ModelSpec(
            name,
            location,
            max(settings.context, EDIT_TOKENS) if on_gpu else settings.context,
            settings.slots,
            settings.threads,
            settings.api_key,
            # With a projector llama.cpp has no drafts.
            None if (settings.role == "edit" or on_gpu) and not projector else 0,
            projector=projector,
            kv=settings.kv_cache,
            draft_model=settings.draft_model,
            adapters=settings.adapters,
        )
        self._worker = Worker(
            engine,
            spec,
            self._on_worker,
            settings.idle_unload,
            quiet=not settings.engine_output,
        )

    def _serve(self, fim: Literal["qwen", "prefix-only"], chat: Literal["chatml", "plain"]) -> None:
        """Make what asks the worker, with the templates of its model."""
        assert self._worker is not None
        self.completion = CompletionService(self._worker, prompt.TEMPLATES[fim], self._options)
        self.fim, self.chat = fim, chat
        self._edits = self._generation = None

    def tell(self, told: Told) -> None:
        """Tell those who follow what a gateway says, which holds until it is left."""
        if not isinstance(told, frames.Failed):
            self._told[type(told)] = told
        for follower in list(self._followers):
            follower(told)

    def _on_worker(self, state: WorkerState) -> None:
        if state.state != "ready":
            self._told.clear()  # a new connection begins anew
        status = self._own
        if state.state == "ready" and status.where and self._worker is not None:
            loaded = self._worker.loaded
            can = loaded.abilities or Abilities()
            self._serve(can.fim, can.chat)
            # A llama-server calls its model by the path of its file.
            status = msgspec.structs.replace(
                status, model=loaded.model.rpartition("/")[2], engine=can.server
            )
        self._set(
            msgspec.structs.replace(
                status,
                state=state.state,
                progress=state.progress,
                detail=state.detail,
                remedy=state.remedy,
            )
        )

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
                remedy = PULL.format(name=entry.name)
                self._set(
                    Status(state="missing", model=entry.name, detail=str(error), remedy=remedy)
                )
            return
        finally:
            self._download = None
        self._prepare()
        self.wake()

    def _set(self, status: Status) -> None:
        self._own = status
        if not (told := self.allowed()).on:
            status = msgspec.structs.replace(
                status, state="off", progress=None, detail=told.why, remedy=self._way_out()
            )
        allowed, remote = self._allowed, self._settings.remote
        if self._remote and (not leaves(remote) or allowed.feature("remote").on):
            status = msgspec.structs.replace(status, remote=self._remote)
        if status != self.status:
            self.status = status
            for listener in list(self._listeners):
                listener(status)
