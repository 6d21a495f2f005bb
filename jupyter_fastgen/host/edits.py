"""Who writes edits, and code that is described: models here, or one that others run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urldefrag

from .. import gpu, protocol
from ..completion.service import Options
from ..edit.actions import Action
from ..engine.address import is_gateway
from ..errors import BlindError, FastgenError
from ..models.catalog import load_catalog
from ..models.choice import Machine
from ..models.errors import ModelNotHere
from ..models.resolve import best_for_edits, best_for_images
from ..models.store import ModelStore
from ..policy import UNSAID, Notebook
from ..telemetry.seen import Seen
from .allowed import Allowed
from .host import ModelHost
from .settings import EDIT_TOKENS, Settings, choose_model


def edit_host(
    settings: Settings,
    allowed: Allowed,
    model: str = "",
    look: Callable[[], Machine] = lambda: gpu.machine(),
) -> ModelHost:
    """A host of the model for edits: the configured one, else the best for them that is here.

    A model that runs on a GPU is the best. One document, and room for all of it. `model` names
    another: one of the catalog that is on this machine, or of the gateway that is configured.
    `look` gives the machine to choose for.
    Raises `FastgenError`.
    """
    chosen = model or settings.model
    if model and is_gateway(settings.model):
        chosen = f"{urldefrag(settings.model).url}#{model}"
    elif model or not chosen:
        catalog, store = load_catalog(settings.catalog), ModelStore(settings.models_dir)
        if not model:
            best = choose_model(settings, catalog, store, look()).entry
            if best.engine == "llamacpp":
                best = best_for_edits(catalog, store)
            chosen = best.name
        elif store.path(catalog.get(model)) is None:
            raise ModelNotHere(model)
    fitting = replace(settings, model=chosen, context=EDIT_TOKENS, slots=1, role="edit")
    return ModelHost(fitting, Options(), allowed)


def image_model(settings: Settings) -> str:
    """The catalog's model for pictures: one that is here, else one to pull; "" if it has none."""
    entry = best_for_images(load_catalog(settings.catalog), ModelStore(settings.models_dir))
    return entry.name if entry is not None else ""


def remote_host(settings: Settings, allowed: Allowed) -> ModelHost | None:
    """A host of the model for edits that are too much for the one here, where that is allowed."""
    if not settings.remote:
        return None
    far = replace(
        settings,
        model=settings.remote,
        api_key=settings.remote_api_key,
        remote="",
        role="edit",
    )
    return ModelHost(far, Options(), allowed)


@dataclass
class Edits:
    """What all connections share: the model for edits, made when first asked for, and actions.

    `make_host` is given the name of a model, "" for the one that is for edits; `make_remote` makes
    the one that others run for what is too much for that, where there may be one. `image_model`
    names the one for pictures, which may not be here. `allowed` decides who may be asked; `seen` is
    told what becomes of requests.
    """

    make_host: Callable[[str], ModelHost]
    actions: Mapping[str, Action]
    make_remote: Callable[[], ModelHost | None] = lambda: None
    image_model: Callable[[], str] = lambda: ""
    allowed: Allowed = field(default_factory=Allowed)
    seen: Seen = field(default_factory=Seen)
    _host: ModelHost | None = field(default=None, init=False)
    _remote: ModelHost | None = field(default=None, init=False)
    _other: tuple[str, ModelHost] | None = field(default=None, init=False)

    def host(self) -> ModelHost:
        """Raises `FastgenError` where the model can't be chosen."""
        if self._host is None:
            self._host = self.make_host("")
        return self._host

    @property
    def status(self) -> protocol.Status:
        """Of the model for edits."""
        try:
            return self.host().status
        except FastgenError as error:
            return protocol.Status(state="error", detail=str(error))

    def hosts(self, notebook: Notebook = UNSAID) -> tuple[ModelHost, ...]:
        """Who writes an edit: the first, and where that can't read so much, the next.

        A model here that is not made for edits leaves them all to the one that others run, where
        that may be asked. Raises `FastgenError`.
        """
        local = self.host()
        if self._remote is None:
            self._remote = self.make_remote()
        if self._remote is None or not self._remote.allowed(notebook).on:
            return (local,)
        may_be_here = local.is_for_edits and local.allowed(notebook).on
        return (local, self._remote) if may_be_here else (self._remote,)

    async def seeing(self, model: str, notebook: Notebook = UNSAID) -> ModelHost:
        """The host of a model that sees: the one with this name, else the first that does.

        That is the one for edits, the catalog's for pictures, or one that others run. Raises
        `FastgenError`.
        """
        hosts = await self.named(model, notebook)
        near = [host for host in hosts if not host.status.where]
        for host in near:
            if await host.sees():
                return host
        name = self.image_model()
        hint = f"get one that can: `jupyter fastgen models pull {name}`" if name else ""
        if model and near:
            raise BlindError(f"the model {model} can't see; {hint or 'name one that does'}")
        try:
            if name and not model:
                return (await self.named(name))[0]
        except ModelNotHere:
            pass  # there may be one elsewhere
        for host in hosts:
            if host.status.where and await host.sees():
                return host
        raise BlindError(f"no model here can see; {hint or 'choose one that does'}")

    async def named(self, model: str, notebook: Notebook = UNSAID) -> tuple[ModelHost, ...]:
        """The host of the model with this name, "" for `hosts`; raises `FastgenError`.

        Of others than these, one is kept: it ends when another is asked for.
        """
        if not model or self.host().status.model == model:
            return self.hosts(notebook)
        if self._other is None or self._other[0] != model:
            made = self.make_host(model)
            await self._end_other()
            self._other = model, made
        return (self._other[1],)

    @property
    def is_running(self) -> bool:
        """Whether an edit or described code is being written here, or read for."""
        hosts = (self._host, self._other[1] if self._other else None)
        return any(host is not None and host.is_writing for host in hosts)

    def offered(self) -> list[protocol.Action]:
        """What a browser may offer to a person."""
        return [
            protocol.Action(name, action.title, action.caption, action.needs)
            for name, action in self.actions.items()
        ]

    async def close(self) -> None:
        """End the engine; the next edit chooses its model anew."""
        hosts = self._host, self._remote
        self._host = self._remote = None
        for host in hosts:
            if host is not None:
                await host.close()
        await self._end_other()

    async def _end_other(self) -> None:
        other, self._other = self._other, None
        if other is not None:
            await other[1].close()
