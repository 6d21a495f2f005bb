"""REST and websocket doors: authenticate, decode, hand on."""

from __future__ import annotations

import asyncio
import hmac
import itertools
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import ensure_async
from tornado import web, websocket

from . import __version__, protocol
from .session import Session

if TYPE_CHECKING:
    from .app import FastgenApp

RESOURCE = "jupyter_fastgen"
_names = itertools.count(1)


class _Door(ExtensionHandlerMixin):
    auth_resource = RESOURCE
    settings: dict[str, Any]

    @property
    def app(self) -> FastgenApp:
        return self.settings["jupyter_fastgen"]


class Socket(_Door, WebSocketMixin, websocket.WebSocketHandler, JupyterHandler):  # type: ignore[misc]
    """The one websocket of a browser tab: frames in, the session's outbox out."""

    _session: Session | None = None
    _pump: asyncio.Task[None] | None = None

    def set_default_headers(self) -> None:
        """No headers of a page: this is a socket."""

    def get_compression_options(self) -> dict[str, Any]:
        """Per-message compression: a notebook shrinks to a third, a keystroke is left alone."""
        return {"mem_level": 5}

    @property
    def max_message_size(self) -> int:
        """Bytes of the largest frame."""
        return protocol.MAX_FRAME

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade, for who may run code here."""
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "execute", RESOURCE)
        )
        if not allowed:
            raise web.HTTPError(403)
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Start the session and what sends its frames."""
        super().open(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self.set_nodelay(True)
        app = self.app
        self._session = Session(
            app.host,
            app.edits,
            app.kernels,
            __version__,
            f"s{next(_names)}",
            app.computing,
            app.habit_file.learn,
        )
        app.sessions.add(self._session)
        self._pump = asyncio.create_task(self._send(self._session))

    def on_message(self, message: str | bytes) -> None:
        """One frame of the browser."""
        if self._session is not None:
            self._session.receive(message, self._is_our_page)

    def on_close(self) -> None:
        """The browser left."""
        super().on_close()
        session, self._session = self._session, None
        if self._pump is not None:
            self._pump.cancel()
        if session is not None:
            self.app.sessions.discard(session)
            self._closing = asyncio.create_task(session.close())

    def _is_our_page(self, proof: str) -> bool:
        # A client with a token is no browser that a foreign page could have sent here.
        if self.token_authenticated:
            return True
        _, sent, _ = self._decode_xsrf_token(proof)
        _, expected, _ = self._get_raw_xsrf_token()
        return bool(sent) and bool(expected) and hmac.compare_digest(sent, expected)

    async def _send(self, session: Session) -> None:
        try:
            while (message := await session.outbox.get()) is not None:
                await self.write_message(protocol.encode(message))
            self.close(1008, "refused")
        except websocket.WebSocketClosedError:
            pass


class StatusHandler(_Door, APIHandler):  # type: ignore[misc]
    """What the engine is doing."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with a `Status`."""
        await self.finish(protocol.encode(self.app.host.status))


class Action(msgspec.Struct):
    """What a person pressed in the status panel."""

    action: str


class ActionHandler(_Door, APIHandler):  # type: ignore[misc]
    """Buttons of the status panel."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """`download`, `restart` or `forget`; answers with the `Status` after it."""
        try:
            action = msgspec.json.decode(self.request.body, type=Action).action
        except msgspec.DecodeError as error:
            raise web.HTTPError(400, f"the request was not understood: {error}") from error
        if action == "download":
            self.app.host.download()
        elif action == "restart":
            await self.app.restart()
        elif action == "forget":
            await asyncio.to_thread(self.app.habit_file.forget)
        else:
            raise web.HTTPError(400, f"no action {action!r}: use download, restart or forget")
        await self.finish(protocol.encode(self.app.host.status))


class ModelsHandler(_Door, APIHandler):  # type: ignore[misc]
    """The catalog, and which of it is on this machine."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with a list of models."""
        models = await asyncio.to_thread(self.app.list_models)
        await self.finish(msgspec.json.encode({"models": models}).decode())


ROUTES = [
    (r"/jupyter-fastgen/ws", Socket),
    (r"/jupyter-fastgen/status", StatusHandler),
    (r"/jupyter-fastgen/action", ActionHandler),
    (r"/jupyter-fastgen/models", ModelsHandler),
]
