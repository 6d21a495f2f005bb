"""The administrators' page: what there is to see of a gateway, and a switch that pauses it.

It is plain HTML without a script, which the browser asks for anew now and then. On a hub people log
in there (OAuth); else the browser asks for a name and a token of the token file.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tornado import template, web

from .auth import Identity
from .gateway import Door, Gateway
from .overview import overview
from .scheduler import RANK

REFRESH_S = 10

ADMIN_SECONDS = 60
"""In which who is no administrator any more is out."""

FORBIDDEN = "this page is for administrators"

Act = Callable[[str, str], None]
"""Told which administrator did what."""

_loader = template.Loader(str(Path(__file__).parent))


class Page(Door):
    """For who has a token of the token file, and is in an administrators' group."""

    def initialize(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, gateway: Gateway, groups: frozenset[str], act: Act
    ) -> None:
        """`groups` are those of administrators."""
        super().initialize(gateway)
        self._groups = groups
        self._act = act
        self.admin = ""

    def set_default_headers(self) -> None:
        """Nothing but what stands on the page itself, in no other's frame, kept by nobody."""
        self._nonce = secrets.token_urlsafe(16)
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'nonce-{self._nonce}'; form-action 'self';"
            " frame-ancestors 'none'; base-uri 'none'",
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    async def prepare(self) -> None:
        """Let administrators in."""
        user = await self.who()
        if user is None:
            self.gateway.metrics.refused.inc()
            raise web.HTTPError(401, "log in with any name, and your token as the password")
        self.let_in(user, False)

    def let_in(self, user: Identity, is_admin: bool) -> None:
        """Know who it is, who may be no administrator; raises `HTTPError` then."""
        if not is_admin and not self._groups.intersection(user.groups):
            raise web.HTTPError(403, FORBIDDEN)
        self.admin = user.name
        if self.request.method == "POST":
            self.check_xsrf_cookie()

    async def get(self) -> None:
        """The page."""
        refreshes = self.get_argument("refresh", "1") != "0"
        page = _loader.load("admin.html").generate(
            at=await overview(self.gateway, time.time()),
            queue=list(RANK),
            refreshes=refreshes,
            refresh_s=REFRESH_S,
            nonce=self._nonce,
            iso=lambda seconds: _utc(seconds).isoformat(timespec="seconds"),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
            shown=lambda seconds: _utc(seconds).strftime("%d %B %Y, %H:%M:%S UTC"),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
            xsrf_form_html=self.xsrf_form_html,
        )
        self.answer(page)

    async def post(self) -> None:
        """Pause everything, or go on."""
        said = self.get_body_argument("pause", "")
        if said not in ("0", "1"):
            raise web.HTTPError(400, "pause must be 0 or 1")
        pauses = said == "1"
        if pauses != self.gateway.quotas.is_paused:
            self.gateway.quotas.is_paused = pauses
            self.gateway.metrics.paused.set(pauses)
            self._act(self.admin, "pause" if pauses else "go on")
        self.redirect(self.request.path, status=303)

    def check_xsrf_cookie(self) -> None:
        """A browser sends what it knows of somebody along with a foreign page's forms, too."""
        web.RequestHandler.check_xsrf_cookie(self)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say why, to a person."""
        if self._retry_s:
            self.set_header("Retry-After", str(self._retry_s))
        error = kwargs.get("exc_info", (None, None))[1]
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="Fastgen gateway", charset="UTF-8"')
        self.answer((getattr(error, "log_message", None) or self._reason).encode())

    def token(self) -> str:
        """As the password of any name, too, which browsers ask for."""
        kind, _, said = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return super().token()
        try:
            return base64.b64decode(said, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def routes(gateway: Gateway, prefix: str, groups: frozenset[str], act: Act) -> list[Any]:
    """The page for the token file's users."""
    told = {"gateway": gateway, "groups": groups, "act": act}
    return [(f"{prefix}admin", Page, told)]


def hub_routes(gateway: Gateway, prefix: str, groups: frozenset[str], act: Act) -> list[Any]:
    """The page, and where people come back to who have logged in at the hub."""
    from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated

    name = os.environ["JUPYTERHUB_SERVICE_NAME"]
    # A service that the hub does not start is told less by its environment.
    client = os.environ.get("JUPYTERHUB_CLIENT_ID") or f"service-{name}"
    # The one that handlers find by themselves.
    auth: Any = HubOAuth.instance(oauth_client_id=client, cache_max_age=ADMIN_SECONDS)

    class HubPage(HubOAuthenticated, Page):  # type: ignore[misc]
        """For administrators of the hub, and members of the groups, who may use the service."""

        async def prepare(self) -> None:
            user: dict[str, Any] | None = await auth.get_user(self, sync=False)
            if user is None:
                if self.request.method != "GET":
                    raise web.HTTPError(403, FORBIDDEN)
                page: Any = self
                self.redirect(page.get_login_url())
                return
            known = Identity(str(user["name"]), tuple(map(str, user.get("groups", ()))))
            if not auth.check_scopes(auth.access_scopes, user):
                raise web.HTTPError(403, "you may not use this service")
            self.let_in(known, user.get("admin") is True)

    told = {"gateway": gateway, "groups": groups, "act": act}
    return [(f"{prefix}admin", HubPage, told), (f"{prefix}oauth_callback", HubOAuthCallbackHandler)]
