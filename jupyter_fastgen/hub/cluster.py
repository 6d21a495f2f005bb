"""The engine as a Ray Serve application: replicas of it on the machines of a cluster.

Each replica is an engine as a gateway has it by itself. A document's requests go to one and the
same, by consistent hashing: its KV cache holds what the last of them left there.
https://docs.ray.io/en/latest/serve
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from .. import __version__
from ..completion.service import Options
from ..engine import pipe
from ..engine.base import (
    Abilities,
    BusyError,
    Done,
    DownError,
    EngineError,
    Event,
    ModelSpec,
    Progress,
    Request,
    Stats,
)
from ..engine.meter import Meter
from ..engine.reading import ReadingEngine
from ..errors import FastgenError
from ..host.host import ModelHost
from ..host.settings import Settings
from .abilities import abilities_of
from .coalescing import coalesced

LOCAL = "local"
"""Instead of an address: start Ray on this machine, and end it with the gateway."""

OBJECT_BYTES = 128 * 1024**2
"""For what Ray keeps beside calls, which is nothing of ours; otherwise a third of the memory."""

ROUTER = "ray.serve.experimental.consistent_hash_router:ConsistentHashRouter"

MOST_REPLICAS = 100
"""What Ray Serve makes of `num_replicas="auto"`."""

BUSY_SECONDS = 1.0
"""After which a request that no replica had room for is worth another try."""

LOOK_SECONDS = 0.5

SENT = ("model", "models_dir", "catalog", "context", "slots", "threads", "idle_unload")
"""Of the settings, what a replica needs to know."""

_ENVIRONMENT = {
    # Streams cost half as much: requests are routed, and run, in the loop that asks for them.
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # Which that turns on: a door of its own to each replica, past every gateway.
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    # After so many seconds without a word of how full it is, a busy replica's documents go to
    # another, which reads their prompts anew: that takes longer.
    "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "2",
    "RAY_SERVE_MAX_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "5",
    # Ray reports how it is used to its makers, unless it is told not to.
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Description(msgspec.Struct, frozen=True):
    """What a replica runs."""

    version: str
    stats: Stats


_encoder = msgspec.msgpack.Encoder()
_request = msgspec.msgpack.Decoder(Request)
_report = msgspec.msgpack.Decoder(pipe.Report)
_description = msgspec.msgpack.Decoder(Description)


class Replica:
    """One engine in the cluster; what Ray Serve runs. It is there once its model is loaded."""

    async def __init__(self, version: str, settings: dict[str, Any]) -> None:
        """`version` stands for all that makes it what it is; `settings` are `Settings`."""
        self._version = version
        self._host = ModelHost(Settings(**settings), Options())
        await self._host.engine().ready()

    async def describe(self) -> bytes:
        """What it runs, as `Description`."""
        stats = msgspec.structs.replace(
            await self._host.engine().stats(), abilities=await abilities_of(self._host)
        )
        return _encoder.encode(Description(self._version, stats))

    async def stream(self, request: bytes) -> AsyncGenerator[bytes, None]:
        """What comes of a request, as `pipe.Report`s."""
        asked = _request.decode(request)
        try:
            async with aclosing(coalesced(self._host.engine().stream(asked))) as events:
                async for event in events:
                    yield _encoder.encode(event)
        except EngineError as error:
            yield _encoder.encode(pipe.Failed.of(asked.id, error))

    def check_health(self) -> None:
        """Raise where the engine has given up: Ray Serve then replaces this replica."""
        if self._host.status.state == "error":
            raise EngineError(self._host.status.detail)


class Cluster:
    """Ray, on this machine alone or on many, with an application for each model."""

    def __init__(self, address: str) -> None:
        """`address` is as for `ray.init`, and `local` starts Ray here; raises `FastgenError`."""
        for name, value in _ENVIRONMENT.items():  # read when it is imported
            os.environ.setdefault(name, value)
        try:
            self.ray: Any = importlib.import_module("ray")
            self.serve: Any = importlib.import_module("ray.serve")
        except ImportError as error:
            raise FastgenError(
                f"Ray can't be imported ({error}): run `pip install jupyter-fastgen[cluster]`"
            ) from error
        self.errors: tuple[type[Exception], ...] = (
            self.ray.exceptions.RayError,
            self.serve.exceptions.RayServeException,
        )
        self._address = address

    def start(self) -> None:
        """Connect, or start it, which takes seconds; raises `FastgenError`.

        In the main thread: Ray's processes end with the one that started them.
        """
        own: dict[str, Any] = {}
        if self._address == LOCAL:
            own = {"include_dashboard": False, "object_store_memory": OBJECT_BYTES}
        try:
            self.ray.init(self._address, log_to_driver=False, logging_level="error", **own)
        except (OSError, RuntimeError, ValueError) as error:
            raise FastgenError(
                f"there is no Ray cluster at {self._address!r}: {error}; run `ray start` on this"
                " machine, or set c.GatewayApp.cluster to 'local'"
            ) from error
        # Only gateways ask it, and these by handles.
        self.serve.start(proxy_location="Disabled")

    def close(self) -> None:
        """Leave it; one that was started here ends."""
        self.ray.shutdown()


class ClusterEngine(ReadingEngine):
    """An `Engine` that is a Ray Serve application."""

    def __init__(
        self, cluster: Cluster, name: str, settings: Settings, deployment: Mapping[str, Any]
    ) -> None:
        """`name` is the application's; `deployment` holds options of Ray Serve's for it."""
        super().__init__()
        self._cluster = cluster
        self._name = name
        actor: dict[str, Any] = {"num_cpus": 1} | dict(deployment.get("ray_actor_options") or {})
        # Replicas on one machine must not compute with all of its cores each.
        threads = settings.threads or max(1, round(actor["num_cpus"]))
        self._slots = settings.slots
        self._settings: dict[str, Any] = {name: getattr(settings, name) for name in SENT}
        self._settings["threads"] = threads
        self._deployment: dict[str, Any] = {
            "max_ongoing_requests": settings.slots,
            "max_queued_requests": settings.slots,
            "request_router_config": {"request_router_class": ROUTER},
            "logging_config": {"enable_access_log": False},
            **deployment,
            "ray_actor_options": actor,
        }
        self._handle: Any = None
        self.loaded = Stats(engine="", model=settings.model)
        """What a replica said of itself."""

    @property
    def slots(self) -> int:
        """Answers written at once when all replicas run.

        Where their number follows the load, that is the most there may be: it grows only by what
        is asked.
        """
        scaled: Any = self._deployment.get("autoscaling_config") or {}
        replicas: Any = self._deployment.get("num_replicas") or 1
        if scaled or replicas == "auto":
            replicas = scaled.get("max_replicas", MOST_REPLICAS if replicas == "auto" else 1)
        return self._slots * replicas

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        """As `ready`: what runs is said by the settings."""
        await self.ready()
        progress(1.0)

    async def ready(self) -> Abilities:
        """Run the application, if it does not run already; raises `EngineError`."""
        try:
            handle = await self._running()
            told = handle and _description.decode(await handle.describe.remote())
            # Replicas stay that are as they should be: a gateway that restarts must not end them.
            if told is None or told.version != self._version:
                handle = await asyncio.to_thread(self._run)
                told = _description.decode(await handle.describe.remote())
        except Exception as error:  # Ray raises all kinds
            raise EngineError(
                f"the cluster can't run {self._name}: {error}",
                "see that every machine has the model, and Ray Serve's log",
            ) from error
        self._handle, self.loaded = handle, told.stats
        assert self.loaded.abilities is not None
        return self.loaded.abilities

    @property
    def _version(self) -> str:
        told = repr((__version__, self._settings, sorted(self._deployment.items())))
        return hashlib.sha256(told.encode()).hexdigest()

    async def _running(self) -> Any:
        """The handle of the application, None where there is none, or one that failed."""
        serve = self._cluster.serve
        while True:
            told = (await asyncio.to_thread(serve.status)).applications.get(self._name)
            state = told.status if told is not None else ""
            if state == "RUNNING":
                return await asyncio.to_thread(serve.get_app_handle, self._name)
            if state != "DEPLOYING":
                return None
            await asyncio.sleep(LOOK_SECONDS)  # another gateway does that

    def _run(self) -> Any:
        serve = self._cluster.serve
        made = serve.deployment(name="engine", **self._deployment)(Replica)
        application = made.bind(self._version, self._settings)
        return serve.run(application, name=self._name, route_prefix=None)

    async def stats(self) -> Stats:
        """What a replica runs."""
        return self.loaded

    async def _read(
        self, request: Request, meter: Meter, events: asyncio.Queue[Event | Exception]
    ) -> None:
        if self._handle is None:
            raise DownError("the cluster is not ready", "wait until it is")
        routed = self._handle.options(stream=True, session_id=request.document)
        answer: Any = routed.stream.remote(_encoder.encode(request))
        try:
            async for told in answer:
                report = _report.decode(told)
                if isinstance(report, pipe.Failed):
                    raise report.error()
                assert isinstance(report, Event)
                events.put_nowait(report)
                if isinstance(report, Done):
                    return
        except self._cluster.serve.exceptions.BackPressureError as error:
            raise BusyError("no replica has room", "try again", BUSY_SECONDS) from error
        except self._cluster.errors as error:
            raise DownError(
                f"a replica of {self._name} was lost ({type(error).__name__})", "try again"
            ) from error
        finally:
            answer.cancel()
