"""The gateway as a program: configuration, wiring, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jupyter_core.application import JupyterApp
from tornado.httpserver import HTTPServer
from traitlets import Bool, Dict, Float, Int, Unicode

from ..completion.service import Options
from ..engine.answer import CHOICES
from ..engine.base import Abilities
from ..errors import FastgenError
from ..host import ModelHost, Settings
from .auth import Authenticator, HubTokens, Remembering, TokenFile
from .dispatch import Account, Dispatcher
from .gateway import Gateway, application
from .limits import Limits
from .policy import Policy, load_policy
from .seeing import Audit, Metrics

SERVER = "jupyter_fastgen gateway"

OWN = Abilities(choices=CHOICES, counts=True, aborts=True, grammar="grammar", prioritizes=True)
"""What an engine of ours can do, whose templates the catalog knows."""


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
    models_dir = Unicode("", help="Where models are kept. Empty: as for the extension.").tag(
        config=True
    )
    catalog = Unicode("", help="A TOML file with more models.").tag(config=True)
    api_key = Unicode("", help="The key of the server that `model` names.").tag(config=True)
    slots = Int(4, min=1, help="Answers written at once, and documents kept warm.").tag(config=True)
    context = Int(4096, min=512, help="Tokens of the KV cache of each slot.").tag(config=True)
    threads = Int(0, help="Threads of the engine. 0: fit the machine.").tag(config=True)
    token_file = Unicode(
        "", help="Users where there is no hub: lines of `name sha256 group group …`."
    ).tag(config=True)
    revoked_after = Float(
        60.0,
        min=1,
        help="Seconds in which a revoked token is out. The hub is asked about each that is used as"
        " often as every two thirds of them.",
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
        limits, policy = self._rules()
        auth: Authenticator = (
            TokenFile(Path(self.token_file))
            if self.token_file
            else Remembering(HubTokens(), self.revoked_after * 2 / 3)
        )
        audit = Audit(Path(self.audit_file)) if self.audit_file else None
        host = ModelHost(
            Settings(
                model=self.model,
                models_dir=Path(self.models_dir) if self.models_dir else None,
                catalog=Path(self.catalog) if self.catalog else None,
                context=self.context,
                slots=self.slots,
                threads=self.threads,
                idle_unload=0,
                api_key=self.api_key,
            ),
            Options(),
        )
        try:
            engine = host.engine()
            told: list[Any] = [] if audit is None else [audit]

            def account(row: Account) -> None:
                for one in told:
                    one.take(row)

            secret = self.salt_secret.encode() or secrets.token_bytes(32)
            model = host.status.model or host.status.where
            dispatcher = Dispatcher(
                engine, model, self.slots, limits, policy, dict(self.weights), secret, account
            )
            metrics = Metrics(dispatcher.scheduler, model)
            told.append(metrics)
            gateway = Gateway(
                engine,
                model,
                Abilities(),
                auth,
                dispatcher,
                metrics,
                self.revoked_after / 3,
                self.open_metrics,
            )
            ip, port, prefix = self._where()
            server = HTTPServer(
                application(gateway, prefix), max_body_size=limits.body_bytes, xheaders=False
            )
            try:
                server.listen(port, ip)
            except OSError as error:
                raise FastgenError(f"can't listen at {ip}:{port}: {error}") from error
            # A hub waits for a service that it starts only until it listens.
            self.log.info("the gateway loads %s; http://%s:%s%s", model, ip, port, prefix)
            await engine.ready()
            own = engine.loaded.abilities or OWN
            gateway.abilities = msgspec.structs.replace(
                own, server=SERVER, fim=host.fim, chat=host.chat
            )
            gateway.loaded.set()
            self.log.info("the gateway serves %s", model)
            await _signalled()
            server.stop()
            await server.close_all_connections()
            dispatcher.close()
        finally:
            await host.close()
            if audit is not None:
                audit.close()

    def _rules(self) -> tuple[Limits, Policy]:
        try:
            limits = msgspec.convert(dict(self.limits), Limits, strict=False)
        except msgspec.ValidationError as error:
            raise FastgenError(f"c.GatewayApp.limits can't be used: {error}") from error
        policy = load_policy(Path(self.policy_file)) if self.policy_file else Policy()
        return limits, policy

    def _where(self) -> tuple[str, int, str]:
        """Address, port and prefix: a hub tells a service that it manages."""
        told = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/") + "/"
        return told.hostname or self.ip, told.port or self.port, prefix


async def _signalled() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, ended.set)
    await ended.wait()
