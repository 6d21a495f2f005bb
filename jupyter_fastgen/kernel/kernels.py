"""What live kernels hold: asked once after an execution, when the kernel rests.

A kernel is watched once somebody asks for its namespace, through an iopub connection of our
own. When a cell has run and the kernel was quiet for `REST`, a probe (`probes/`) is sent as a
silent request. It stops itself after 40 ms; 3 to 10 ms are usual. A snapshot that nobody has
read is not taken again, so a notebook that runs unattended is left in peace.

The way matters. ipykernel is asked on its control channel: on the shell channel, and in a
subshell as well, the probe becomes the parent of whatever a thread of the user's displays next,
and the page drops that output (tried with ipykernel 7.4). On the control channel no parent
changes. A cell that comes in the midst of a probe of 300 variables took 12 ms there, 14 on the
shell channel, 13 beside a subshell, 4 without. Other kernels run code on the shell channel only.
"""

from __future__ import annotations

import ast
import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from jupyter_client.session import Session
from tornado.web import HTTPError

from ..completion.namespace import Namespace, Variable

REST = 0.150
"""Seconds without work before a kernel is asked: longer than between two queued cells."""

LOOK_UP = 1.0
"""Seconds until it is asked again which kernel a document has."""

NAME = "fastgen"

_PROBES = Path(__file__).with_name("probes")
_log = logging.getLogger(__name__)

Listener = Callable[[str], None]


class _Answer(msgspec.Struct):
    """The JSON of a probe."""

    complete: bool
    variables: list[Variable]


class Kernels:
    """The namespaces of the server's kernels, by the path of the document they belong to."""

    def __init__(self, manager: Any, sessions: Any, enabled: bool) -> None:
        """`manager`, `sessions`: the server's. Not `enabled`, no kernel is ever looked at."""
        self._manager = manager
        self._sessions = sessions
        self._enabled = enabled
        self._watches: dict[str, _Watch] = {}
        self._paths: dict[str, str] = {}
        self._looked_up: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []

    def namespace(self, path: str) -> Namespace | None:
        """What the document's kernel held after its last execution; None: not known (yet).

        Never waits. The first call for a path begins to watch its kernel.
        """
        if not self._enabled or not path:
            return None
        now = asyncio.get_running_loop().time()
        if now - self._looked_up.get(path, -LOOK_UP) >= LOOK_UP:
            self._looked_up[path] = now
            task = asyncio.create_task(self._look_up(path))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        watch = self._watches.get(self._paths.get(path, ""))
        return watch.read() if watch is not None else None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with a path when its snapshot has changed; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def close(self) -> None:
        """Forget all kernels, and ask none any more."""
        self._enabled = False
        self.forget()

    def forget(self) -> None:
        """Forget all kernels; those are watched again that somebody asks for."""
        for task in self._tasks:
            task.cancel()
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        self._paths.clear()
        self._looked_up.clear()

    async def _look_up(self, path: str) -> None:
        """Find the kernel of a document, and watch it."""
        try:
            model = await self._sessions.get_session(path=path)
        except HTTPError:  # the document has no session
            self._paths.pop(path, None)
            return
        finally:
            self._drop_ended()
        id = model["kernel"]["id"]
        self._paths[path] = id
        kernel = self._manager.get_kernel(id)
        watch = self._watches.get(id)
        if watch is not None and not watch.is_connected():
            watch.close()  # it was restarted on other ports
            watch = None
        if watch is None and (language := _language(kernel)):
            self._watches[id] = _Watch(kernel, language, lambda: self._tell(id))
            self._watches[id].read()

    def _drop_ended(self) -> None:
        running = set(self._manager.list_kernel_ids())
        for id in [id for id in self._watches if id not in running]:
            self._watches.pop(id).close()
            self._tell(id)
        for path in [path for path, id in self._paths.items() if id not in running]:
            del self._paths[path]
            self._looked_up.pop(path, None)

    def _tell(self, id: str) -> None:
        for path in [path for path, kernel in self._paths.items() if kernel == id]:
            for listener in list(self._listeners):
                listener(path)


class _Watch:
    """One kernel: when it works, and what it held when it was last asked."""

    def __init__(self, kernel: Any, language: str, changed: Callable[[], None]) -> None:
        self._kernel = kernel
        self._language = language
        self._changed = changed
        self._namespace: Namespace | None = None
        self._stale = True
        self._wanted = False
        self._running: set[str] = set()
        self._asked = ""
        self._timer: asyncio.TimerHandle | None = None
        self._ports = list(kernel.ports)
        self._session: Any = Session(config=kernel.session.config, key=kernel.session.key)
        self._iopub = kernel.connect_iopub()
        self._iopub.on_recv(self._on_iopub)
        by_control = any("ipykernel" in part for part in kernel.kernel_spec.argv)
        self._requests = kernel.connect_control() if by_control else kernel.connect_shell()
        self._requests.on_recv(self._on_reply)
        for event in ("dead", "restart"):
            kernel.add_restart_callback(self._forget, event)

    def read(self) -> Namespace | None:
        """The last snapshot; the next one is then worth taking."""
        self._wanted = True
        self._rest()
        return self._namespace

    def is_connected(self) -> bool:
        """Whether the kernel still has the ports that this is connected to."""
        return list(self._kernel.ports) == self._ports

    def close(self) -> None:
        """Leave the kernel alone."""
        self._still()
        for event in ("dead", "restart"):
            self._kernel.remove_restart_callback(self._forget, event)
        for stream in (self._iopub, self._requests):
            stream.close(linger=0)

    # --- when to ask ---------------------------------------------------------

    def _on_iopub(self, frames: list[bytes]) -> None:
        message = self._open(frames)
        parent = message["parent_header"].get("msg_id", "")
        if parent and parent == self._asked:
            return
        kind = message["msg_type"]
        if kind == "execute_input":  # none of a silent request
            self._stale = True
        elif kind == "shutdown_reply":
            self._forget()
        elif kind == "status":
            self._on_state(self._session.unpack(message["content"])["execution_state"], parent)

    def _on_state(self, state: str, parent: str) -> None:
        self._still()
        if state == "busy":
            self._running.add(parent)
        elif state == "idle":
            self._running.discard(parent)
            self._rest()
        elif state in ("starting", "restarting"):
            self._forget()

    def _rest(self) -> None:
        """Ask when nothing happens for a while, if there is anything new and somebody cares."""
        if self._stale and self._wanted and not self._running and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REST, self._ask)

    def _still(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        """A new process, or none: nothing of the old one is true."""
        self._still()
        self._running.clear()
        self._asked = ""
        self._stale = True
        if self._namespace is not None:
            self._namespace = None
            self._changed()

    # --- asking --------------------------------------------------------------

    def _ask(self) -> None:
        self._timer = None
        if self._kernel.execution_state != "idle":
            # Before we were connected it began a cell, whose end will be heard.
            return
        self._stale = self._wanted = False
        content = request(self._language)
        sent = self._session.send(self._requests, "execute_request", content)
        self._asked = sent["header"]["msg_id"]

    def _on_reply(self, frames: list[bytes]) -> None:
        message = self._open(frames)
        if message["parent_header"].get("msg_id") != self._asked:
            return
        content = self._session.unpack(message["content"])
        try:
            namespace = parse(self._language, content)
        except (ValueError, SyntaxError, msgspec.DecodeError):
            _log.warning("the %s kernel's answer was not understood", self._language)
            return
        if namespace is not None and namespace != self._namespace:
            self._namespace = namespace
            self._changed()

    def _open(self, frames: list[bytes]) -> dict[str, Any]:
        _, parts = self._session.feed_identities(frames)
        return self._session.deserialize(parts, content=False)


def _language(kernel: Any) -> str:
    """The language of a kernel that can be asked; "" for any other, and for remote ones."""
    language = (kernel.kernel_spec.language or "").lower() if kernel.kernel_spec else ""
    return language if language in _FILES and all(kernel.ports) else ""


_FILES = {"python": "python.py", "r": "r.R", "julia": "julia.jl"}


def request(language: str) -> dict[str, Any]:
    """The content of an `execute_request` that asks a kernel of `language`, and leaves no trace."""
    source = (_PROBES / _FILES[language]).read_text(encoding="utf-8")
    code, expression = "", source
    if language == "python":
        # Binds nothing of the user's, and trusts no name that the user may have bound.
        expression = (
            '(lambda user, own: (user["__builtins__"].exec(own.pop("source"), own),'
            f' own["probe"](user))[1])((lambda: 0).__globals__, {{"source": {source!r}}})'
        )
    elif language == "julia":
        code = "isdefined(Main, :ans) ? ans : nothing"  # running nothing would unset it
    elif language == "r":
        code, expression = source, ""
    return {
        "code": code,
        "silent": True,
        "store_history": False,
        "user_expressions": {NAME: expression} if expression else {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def parse(language: str, content: dict[str, Any]) -> Namespace | None:
    """The namespace in the content of an `execute_reply`; None if the kernel did not answer.

    Raises `ValueError`, `SyntaxError` or `msgspec.DecodeError` for anything but a probe's text.
    """
    text = content.get("user_expressions", {}).get(NAME, {}).get("data", {}).get("text/plain", "")
    for payload in content.get("payload", []):
        text = text or payload.get("data", {}).get("text/plain", "")
    if not text:
        return None
    if not text.startswith("{"):
        text = ast.literal_eval(text)
    answer = msgspec.json.decode(text, type=_Answer)
    return Namespace(language, {found.name: found for found in answer.variables}, answer.complete)
