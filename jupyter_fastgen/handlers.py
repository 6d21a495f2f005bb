"""REST and websocket doors: authenticate, decode, hand on."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth import AllowAllAuthorizer, Authorizer, User
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import ensure_async
from tornado import web, websocket
from tornado.ioloop import PeriodicCallback

from . import __version__, protocol
from .errors import UNREADABLE
from .session.answers import ID, Asked
from .session.session import Session

if TYPE_CHECKING:
    from .app import FastgenApp

RESOURCE = "jupyter_fastgen"

WRONG_SECRET = (
    "the secret is not of this server, which may have been started anew: restart the kernel"
)
_names = itertools.count(1)


class _Door(ExtensionHandlerMixin):
    auth_resource = RESOURCE
    settings: dict[str, Any]

    @property
    def app(self) -> FastgenApp:
        return self.settings["jupyter_fastgen"]

    async def prepare(self) -> None:
        """Know who comes, and which model there is."""
        handler: Any = super()
        await handler.prepare()
        await self.app.host.chosen()

    async def check_may_execute(self: Any) -> None:
        """Let in only who may run code here."""
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "execute", RESOURCE)
        )
        if not allowed:
            raise web.HTTPError(403)


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
        await self.check_may_execute()
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


class _KernelDoor(_Door, APIHandler):  # type: ignore[misc]
    """Opens to kernels of this server as well, by the secret that they find in their environment.

    No page can send that, so it needs no proof against foreign ones; and who runs a kernel may run
    code here already.
    """

    _is_kernel = False

    async def prepare(self) -> None:
        """Know the kernel, or whoever else comes."""
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != protocol.SCHEME:
            await super().prepare()
            return
        if not hmac.compare_digest(secret.encode(), self.app.secret.encode()):
            raise web.HTTPError(403, WRONG_SECRET)
        self._is_kernel = True
        self.current_user = self._jupyter_current_user = User(username="kernel")
        await self.app.host.chosen()

    @property
    def authorizer(self) -> Authorizer:
        """Of kernels none but their secret is asked."""
        return AllowAllAuthorizer() if self._is_kernel else super().authorizer


class StatusHandler(_KernelDoor):
    """What the engine is doing."""

    _track_activity = False  # who only looks does not work, and may be culled

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with a `Status`: of the model for ghost text, or with `of=edits` for edits."""
        is_edits = self.get_argument("of", "") == "edits"
        status = self.app.edits.status if is_edits else self.app.host.status
        await self.finish(protocol.encode(status))


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
        except UNREADABLE as error:
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


class ModelsHandler(_KernelDoor):
    """The catalog, and which of it is on this machine."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with a list of models."""
        models = await asyncio.to_thread(self.app.list_models)
        await self.finish(msgspec.json.encode({"models": models}).decode())


class StreamHandler(_KernelDoor):
    """Answers a request with frames, one a line, as they come; who leaves ends the work."""

    asked: type[Asked]
    _pump: asyncio.Task[None] | None = None
    _stopped = False

    @web.authenticated
    async def post(self) -> None:
        """Stream, to who may run code here; lines without a frame say that the work goes on."""
        await self.check_may_execute()
        if len(self.request.body) > protocol.MAX_FRAME:
            raise web.HTTPError(413, protocol.TOO_LARGE)
        try:
            asked = msgspec.json.decode(self.request.body, type=self.asked)
        except UNREADABLE as error:
            raise web.HTTPError(400, f"the request was not understood: {error}") from error
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("X-Accel-Buffering", "no")  # for proxies that hold back what they pass on
        self._pump = asyncio.create_task(self._send(asked))
        beat = PeriodicCallback(lambda: self._line(""), 1000 * protocol.BEAT)
        beat.start()
        if asked.job:
            self.app.streams[asked.job] = self
        try:
            await asyncio.wait({self._pump})
            if self._stopped:
                self._line(protocol.encode(protocol.Done(ID, "cancelled")))
        finally:
            beat.stop()
            if self.app.streams.get(asked.job) is self:
                del self.app.streams[asked.job]

    def stop(self) -> None:
        """End the work, and tell the kernel."""
        if self._pump is not None:
            self._stopped = self._pump.cancel()

    def on_connection_close(self) -> None:
        """Nobody reads on."""
        super().on_connection_close()
        if self._pump is not None:
            self._pump.cancel()

    async def _send(self, asked: Asked) -> None:
        async with contextlib.aclosing(self.app.answers.frames(asked)) as frames:
            async for frame in frames:
                self._line(protocol.encode(frame))

    def _line(self, text: str) -> None:
        self.write(text + "\n")  # pyright: ignore[reportUnknownMemberType]
        # Not awaited: an answer is small, and who does not read must not keep others waiting.
        self.flush()


class GenerateHandler(StreamHandler):
    """Write code; takes a `Generate`."""

    asked = protocol.Generate


class EditHandler(StreamHandler):
    """Change code; takes a `Rewrite`."""

    asked = protocol.Rewrite


class StopHandler(_Door, APIHandler):  # type: ignore[misc]
    """The Stop button below a cell whose kernel may be busy; takes a `Stop`."""

    @web.authenticated
    async def post(self) -> None:
        """Answer with nothing."""
        await self.check_may_execute()
        try:
            job = msgspec.json.decode(self.request.body, type=protocol.Stop).job
        except UNREADABLE as error:
            raise web.HTTPError(400, f"the request was not understood: {error}") from error
        if job and (stream := self.app.streams.get(job)):
            stream.stop()
        self.set_status(204)
        await self.finish()


ROUTES = [
    (r"/jupyter-fastgen/ws", Socket),
    (r"/jupyter-fastgen/status", StatusHandler),
    (r"/jupyter-fastgen/action", ActionHandler),
    (r"/jupyter-fastgen/models", ModelsHandler),
    (r"/jupyter-fastgen/generate", GenerateHandler),
    (r"/jupyter-fastgen/edit", EditHandler),
    (r"/jupyter-fastgen/stop", StopHandler),
]
