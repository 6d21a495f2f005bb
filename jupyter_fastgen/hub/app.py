"""The gateway as a program: configuration, wiring, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jupyter_core.application import JupyterApp
from tornado.httpserver import HTTPServer
from traitlets import Bool, Dict, Float, Int, List, Unicode

from ..diagnosis.finding import Finding
from ..engine.base import EngineError
from ..errors import FastgenError
from ..host.settings import Settings
from ..policy import Policy, PolicyFile, load_policy
from . import admin
from .application import application
from .auth import Authenticator, HubTokens, Remembering, TokenFile
from .check import examine
from .cluster import Cluster
from .dispatch import Account, Dispatcher
from .gateway import Gateway
from .limits import Limits
from .models import Model, Models, Offer, read_offers
from .quota import Quotas
from .seeing import Audit, Metrics
from .sources import Source, source
from .tries import Networks, networks
from .usage_file import UsageFile, default_path

CONNECT_SECONDS = 5.0
"""Between two tries to reach a server that has not answered yet."""


class GatewayApp(JupyterApp):
    """One engine for many users: a service of a JupyterHub, or on its own with a file of tokens."""

    name = "jupyter-fastgen-gateway"
    description = "One engine for many users, fair and governed."
    config_file_name = Unicode("jupyter_fastgen_gateway_config")

    ip = Unicode("127.0.0.1", help="The address to listen at. A hub tells a managed service.").tag(
        config=True
    )
    port = Int(8090, min=0, help="The port to listen at. A hub tells a managed service.").tag(
        config=True
    )
    model = Unicode(
        "", help="A name of the catalog, a path to a .gguf file, or the URL of a llama-server."
    ).tag(config=True)
    models = Dict(
        help="Several models instead of `model`, by what users call them, the default first:"
        " `{'small': {'model': 'qwen2.5-coder-0.5b', 'roles': ['completion']}, …}`. Each has"
        " `model`, and may have `api_key`, `roles`, `slots`, `context`, `threads` and"
        " `deployment`."
    ).tag(config=True)
    models_dir = Unicode("", help="Where models are kept. Empty: as for the extension.").tag(
        config=True
    )
    catalog = Unicode("", help="A TOML file with more models.").tag(config=True)
    api_key = Unicode("", help="The key of the server that `model` names.").tag(config=True)
    slots = Int(4, min=1, help="Answers written at once, and documents kept warm.").tag(config=True)
    context = Int(4096, min=512, help="Tokens of the KV cache of each slot.").tag(config=True)
    threads = Int(0, help="Threads of the engine. 0: fit the machine.").tag(config=True)
    cluster = Unicode(
        "",
        help="Where replicas of the models run: the address of a Ray cluster, `auto` for the one"
        " that this machine belongs to, or `local` to start one here. Empty: in this process.",
    ).tag(config=True)
    deployment = Dict(
        help="Options of Ray Serve for the models in a cluster, such as `num_replicas`,"
        " `autoscaling_config` or `ray_actor_options`."
    ).tag(config=True)
    token_file = Unicode(
        "", help="Users where there is no hub: lines of `name sha256 group group …`."
    ).tag(config=True)
    revoked_after = Float(
        60.0,
        min=1,
        help="Seconds in which a revoked token is out. The hub is asked about each that is used as"
        " often as every two thirds of them.",
    ).tag(config=True)
    trusted_proxies = List(
        Unicode(),
        help="Addresses or networks (`10.0.0.0/8`) of proxies before the gateway: what they say in"
        " X-Forwarded-For of where a call comes from is believed. It tells apart who tries wrong"
        " tokens.",
    ).tag(config=True)
    policy_file = Unicode("", help="A TOML file of what is allowed to whom. Empty: all.").tag(
        config=True
    )
    audit_file = Unicode("", help="Where a row is written for each request. Empty: nowhere.").tag(
        config=True
    )
    weights = Dict(
        value_trait=Float(min=0.01),
        help="By group: how much of the engine its users get, others being 1.",
    ).tag(config=True)
    limits = Dict(help="What one user may ask, where that differs from the defaults.").tag(
        config=True
    )
    group_limits = Dict(
        help="By group: what of `limits` is different for its users. Of several groups the most"
        " generous counts, in each respect."
    ).tag(config=True)
    usage_file = Unicode(
        "",
        help="Where it is kept over a restart what users have had today. Empty:"
        " fastgen/gateway-usage.json in Jupyter's data directory.",
    ).tag(config=True)
    drain = Float(
        8.0,
        min=0,
        help="Seconds in which answers that are under way may end when the gateway is told to.",
    ).tag(config=True)
    admin_groups = List(
        Unicode(),
        ["admin"],
        help="Whose members may open the page /admin, and pause the gateway there. On a hub its"
        " administrators may, too.",
    ).tag(config=True)
    open_metrics = Bool(False, help="Show /metrics without a token.").tag(config=True)
    salt_secret = Unicode(
        "",
        help="Keeps users apart in the engine's cache. Empty: drawn at each start. Several gateways"
        " before one engine need the same.",
    ).tag(config=True)

    def start(self) -> None:
        """Serve until a signal ends it; raises `FastgenError`."""
        super().start()
        asyncio.run(self.serve())

    async def serve(self) -> None:
        """Load the model and serve, until SIGINT or SIGTERM; raises `FastgenError`."""
        limits, group_limits = self._limits()
        proxies = self._proxies()
        policy = self._policy()
        usage = UsageFile(Path(self.usage_file) if self.usage_file else default_path())
        quotas = Quotas(limits, group_limits, usage.ledger)
        models = Models()
        metrics = Metrics(models, {*self.weights, *group_limits, *policy().groups})
        auth: Authenticator = (
            TokenFile(Path(self.token_file))
            if self.token_file
            else Remembering(HubTokens(), self.revoked_after * 2 / 3, tell=metrics.found)
        )
        audit = Audit(Path(self.audit_file)) if self.audit_file else None
        secret = self.salt_secret.encode() or secrets.token_bytes(32)
        weights = dict(self.weights)

        def account(row: Account) -> None:
            metrics.take(row)
            if audit is not None:
                audit.take(row)

        async with AsyncExitStack() as ends:
            if audit is not None:
                ends.callback(audit.close)
            sources: list[Source] = []
            for offer, made in self._sources(ends):
                sources.append(made)
                dispatcher = Dispatcher(
                    made.engine, made.id, made.slots, quotas, policy, weights, secret, account
                )
                models.add(Model(made.engine, dispatcher, offer.roles))
            ends.callback(usage.save)
            gateway = Gateway(
                models, quotas, auth, metrics, self.revoked_after / 3, self.open_metrics, proxies
            )
            server = self._listen(gateway, limits.body_bytes, secret, audit)
            await self._load(models, sources, ends)
            keeping = asyncio.create_task(usage.keep())
            await _signalled()
            keeping.cancel()
            server.stop()
            await gateway.drain(self.drain)
            await server.close_all_connections()
            for model in models:
                model.dispatcher.close()

    def _listen(
        self, gateway: Gateway, body_bytes: int, secret: bytes, audit: Audit | None
    ) -> HTTPServer:
        """Open the doors; raises `FastgenError` where another listens already."""
        ip, port, prefix = self._where()

        def act(who: str, what: str) -> None:
            self.log.warning("%s: %s", who, what)
            if audit is not None:
                audit.act(who, what)

        page = admin.routes if self.token_file else admin.hub_routes
        groups = frozenset[str](self.admin_groups)
        # Several gateways behind one address must know each other's cookies.
        cookies = hmac.new(secret, b"cookies", hashlib.sha256).hexdigest()
        server = HTTPServer(
            application(gateway, prefix, page(gateway, prefix, groups, act), cookies),
            max_body_size=body_bytes,
            xheaders=False,
        )
        try:
            server.listen(port, ip)
        except OSError as error:
            raise FastgenError(f"can't listen at {ip}:{port}: {error}") from error
        # A hub waits for a service that it starts only until it listens.
        names = ", ".join(model.id for model in gateway.models)
        self.log.info("the gateway loads %s; http://%s:%s%s", names, ip, port, prefix)
        return server

    async def _load(self, models: Models, sources: Sequence[Source], ends: AsyncExitStack) -> None:
        """Load one after another: beside each other they would all be slow.

        Those that others run are waited for beside that, until `ends`.
        """
        for model, made in zip(models, sources, strict=True):
            if made.is_elsewhere:
                ends.callback(asyncio.create_task(self._connect(model, made)).cancel)
            else:
                model.set_loaded(await made.load())
        self.log.info("the gateway serves %s", ", ".join(made.id for made in sources))

    def _proxies(self) -> Networks:
        try:
            return networks(list[str](self.trusted_proxies))
        except ValueError as error:
            raise FastgenError(f"c.GatewayApp.trusted_proxies can't be used: {error}") from error

    def _policy(self) -> Callable[[], Policy]:
        """What gives the one in force."""
        if not self.policy_file:
            return Policy
        load_policy(Path(self.policy_file))  # who starts it is told of mistakes
        file = PolicyFile(Path(self.policy_file))
        return lambda: file.policy

    async def check(self) -> AsyncIterator[Finding]:
        """What would be wrong with it; raises `FastgenError` for settings that can't be read."""
        self._limits()
        self._proxies()
        policy = load_policy(Path(self.policy_file)) if self.policy_file else Policy()
        auth: Authenticator = TokenFile(Path(self.token_file)) if self.token_file else HubTokens()
        async with AsyncExitStack() as ends:
            models = list(self._sources(ends))
            async for finding in examine(auth, models, policy):
                yield finding

    def _sources(self, ends: AsyncExitStack) -> Iterator[tuple[Offer, Source]]:
        """All models, started; `ends` ends them."""
        cluster = Cluster(self.cluster) if self.cluster else None
        if cluster is not None:
            ends.callback(cluster.close)
            cluster.start()
        offers = read_offers(self.models) if self.models else {"": Offer(self.model, self.api_key)}
        for id, offer in offers.items():
            deployment = dict(self.deployment) | offer.deployment
            made = source(id, self._settings(offer), cluster, deployment)
            ends.push_async_callback(made.close)
            yield offer, made

    async def _connect(self, model: Model, made: Source) -> None:
        """Wait for a model that others run."""
        while not model.loaded.is_set():
            try:
                model.set_loaded(await made.load())
            except EngineError as error:
                self.log.warning("%s is not there yet: %s", model.id, error)
                model.tried.set()
                await asyncio.sleep(CONNECT_SECONDS)

    def _settings(self, offer: Offer) -> Settings:
        return Settings(
            model=offer.model,
            models_dir=Path(self.models_dir) if self.models_dir else None,
            catalog=Path(self.catalog) if self.catalog else None,
            context=offer.context or self.context,
            slots=offer.slots or self.slots,
            threads=self.threads if offer.threads is None else offer.threads,
            idle_unload=0,
            api_key=offer.api_key,
        )

    def _limits(self) -> tuple[Limits, dict[str, Limits]]:
        """Everybody's, and those of groups."""
        everybody = dict[str, Any](self.limits)
        limits = _convert("c.GatewayApp.limits", everybody)
        of: dict[str, Limits] = {}
        for group, said in dict[str, dict[str, Any]](self.group_limits).items():
            name = f"c.GatewayApp.group_limits[{group!r}]"
            if "body_bytes" in said:
                raise FastgenError(f"{name} can't have body_bytes: they are the same for all")
            of[group] = _convert(name, everybody | said)
        return limits, of

    def _where(self) -> tuple[str, int, str]:
        """Address, port and prefix: a hub tells a service that it manages."""
        told = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/") + "/"
        return told.hostname or self.ip, told.port or self.port, prefix


def _convert(name: str, said: dict[str, Any]) -> Limits:
    try:
        return msgspec.convert(said, Limits, strict=False)
    except msgspec.ValidationError as error:
        raise FastgenError(f"{name} can't be used: {error}") from error


async def _signalled() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, ended.set)
    await ended.wait()
