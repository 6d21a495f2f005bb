"""The models of a gateway: what an administrator lists, and what runs of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from ..engine import frames
from ..engine.base import Abilities, Engine, Role
from ..errors import FastgenError
from ..policy import Policy
from .auth import Identity
from .dispatch import Dispatcher

ROLES: tuple[Role, ...] = ("completion", "edit")

_Count = Annotated[int, msgspec.Meta(ge=1)]


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the administrator's list; None means as in `GatewayApp`.

    `model` says where it is: a name of the catalog, a path, or the URL of a server, whose key is
    `api_key`. Users' servers ask it for what its `roles` name, unless told otherwise. In a cluster
    `deployment` goes before the gateway's.
    """

    model: str
    api_key: str = ""
    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)] = ROLES
    slots: _Count | None = None
    context: Annotated[int, msgspec.Meta(ge=512)] | None = None
    threads: int | None = None
    deployment: dict[str, Any] = {}


def read_offers(table: Mapping[str, Any]) -> dict[str, Offer]:
    """The list as an administrator writes it, by id; raises `FastgenError`."""
    try:
        return msgspec.convert(dict(table), dict[frames.ModelId, Offer])
    except msgspec.ValidationError as error:
        raise FastgenError(f"c.GatewayApp.models can't be used: {error}") from error


@dataclass
class Model:
    """One model of the list, whose `dispatcher` says who asks its `engine`, and in which order.

    Each has its slots, so whoever uses one takes nothing from those who use another: fairness and
    limits are counted by model. `abilities` are what clients are told, once it is `loaded`; it is
    `tried` when that is so, or the server that runs it does not answer yet.
    """

    engine: Engine
    dispatcher: Dispatcher
    roles: tuple[Role, ...] = ROLES
    abilities: Abilities = Abilities()  # noqa: RUF009  # immutable
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """What users' servers call it."""
        return self.dispatcher.model

    def set_loaded(self, abilities: Abilities) -> None:
        """It can be asked from now on."""
        self.abilities = abilities
        self.loaded.set()
        self.tried.set()

    @property
    def state(self) -> Literal["loading", "ok", "down"]:
        """Whether it can be asked."""
        if self.dispatcher.breaker.is_open:
            return "down"
        return "ok" if self.loaded.is_set() else "loading"

    async def offered(self) -> frames.Offered:
        """What clients are told of it."""
        stats = msgspec.structs.replace(
            await self.engine.stats(), model=self.id, abilities=self.abilities
        )
        return frames.Offered(self.id, self.roles, stats)


class UnknownModelError(FastgenError):
    """A user asked for a model that there is not, or not for them."""


class Models:
    """All of them, by id, the default first."""

    def __init__(self, *models: Model) -> None:
        self._by_id = {model.id: model for model in models}

    def add(self, model: Model) -> None:
        """One more, behind the others."""
        self._by_id[model.id] = model

    def __iter__(self) -> Iterator[Model]:
        return iter(self._by_id.values())

    @property
    def policy(self) -> Policy:
        """The one in force: all of them have the same."""
        return next(iter(self)).dispatcher.policy()

    def of(self, user: Identity) -> list[Model]:
        """Those that `user` may use."""
        return [model for model in self if model.dispatcher.allows(user).on]

    def find(self, user: Identity, id: str) -> Model:
        """The one called `id`, for "" the first that `user` may use; raises `UnknownModelError`.

        One that is not allowed is found: its dispatcher says why.
        """
        if not id:
            usable = self.of(user)
            if not usable:
                raise UnknownModelError("the administrator allows you no model of this gateway")
            return usable[0]
        if id not in self._by_id:
            names = ", ".join(model.id for model in self.of(user)) or "none"
            raise UnknownModelError(f"there is no model {id!r} here; you may use {names}")
        return self._by_id[id]
