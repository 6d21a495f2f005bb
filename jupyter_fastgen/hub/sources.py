"""Where a gateway's models run: on this machine, at a server of others, or in a cluster."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..completion.service import Options
from ..engine.address import is_url, place
from ..engine.base import Abilities, Engine
from ..host.host import ModelHost
from ..host.settings import Settings
from .abilities import abilities_of

if TYPE_CHECKING:
    from .cluster import Cluster


@dataclass(frozen=True)
class Source:
    """One model: its engine, and how many answers that writes at once.

    `load` waits until it can be asked, and tells its abilities; it raises `EngineError`, and may be
    called again where it `is_elsewhere`, for there it may come later.
    """

    id: str
    engine: Engine
    slots: int
    load: Callable[[], Awaitable[Abilities]]
    close: Callable[[], Awaitable[None]]
    is_elsewhere: bool = False


def source(
    id: str, settings: Settings, cluster: Cluster | None, deployment: Mapping[str, Any]
) -> Source:
    """The model that `settings` name, in the `cluster` if there is one and nobody else runs it.

    With the id "" it is called by what it is. Raises `FastgenError`.
    """
    host = ModelHost(settings, Options())
    id = id or id_of(host.status.model or settings.model)
    if cluster is None or is_url(settings.model):
        engine = host.engine()

        async def load() -> Abilities:
            return await abilities_of(host)

        return Source(id, engine, settings.slots, load, host.close, host.status.where != "")
    from .cluster import ClusterEngine

    replicas = ClusterEngine(cluster, f"fastgen-{id}", settings, deployment)
    return Source(id, replicas, replicas.slots, replicas.ready, replicas.close)


def id_of(model: str) -> str:
    """What a model is called that is the only one: by its name, its file, or where it runs."""
    if is_url(model):
        name = model.partition("#")[2] or place(model)
    else:
        name = model.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:64]
