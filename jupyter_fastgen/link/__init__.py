"""How code in a kernel, or in no kernel, reaches the engine.

By the server that started the kernel, another server by URL and token, or an engine process of its
own. Nothing here loads a model into the calling process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from .. import protocol
from ..errors import FastgenError

URL = "FASTGEN_URL"
SECRET = "FASTGEN_SECRET"
CERTIFICATE = "FASTGEN_CERTIFICATE"
"""Environment variables that a server sets for its kernels: how they reach it, and its certificate
where it speaks TLS, which is then the one that they trust."""


class LinkError(FastgenError):
    """The engine can't be reached, or was lost."""


class Stream(Protocol):
    """One answer, to be iterated once, by one thread."""

    def __iter__(self) -> Iterator[protocol.FromServer]:
        """`Progress`, `Chunk` and `Hunks` as they come, a `Done` last; raises `LinkError`."""
        ...

    def cancel(self) -> None:
        """End it, from any thread: the iteration ends with a `Done` that says `cancelled`."""
        ...


class Link(Protocol):
    """The way to one engine. Usable by several threads at once."""

    where: str
    """Which engine, and how it was found: a sentence for a person."""

    def generate(self, asked: protocol.Generate) -> Stream:
        """Write code."""
        ...

    def edit(self, asked: protocol.Rewrite) -> Stream:
        """Change code."""
        ...

    def status(self) -> protocol.Status:
        """What the engine does; raises `LinkError`."""
        ...

    def models(self) -> list[dict[str, Any]]:
        """The models of the catalog: name, title, engine, licence, size and state here.

        Raises `LinkError`.
        """
        ...

    def close(self) -> None:
        """End what runs, and an engine process of its own."""
        ...


def find(url: str = "", token: str = "") -> Link:
    """The engine to use; nothing is started yet.

    In this order: the server at `url`, by its `token`; the one that `FASTGEN_URL` and
    `FASTGEN_SECRET` name, which a server sets for the kernels it starts; a server of this person
    that is the parent of this process; an engine process of its own. Raises `LinkError`.
    """
    # Imported now: what one does not need another does.
    from .remote import RemoteLink

    if url:
        return RemoteLink(url, f"token {token}" if token else "", "as given")
    if token:
        raise LinkError("a token alone says nothing: give the server's URL, too")
    env = os.environ
    if env.get(URL) and env.get(SECRET):
        how = "which this process finds in its environment"
        secret = f"{protocol.SCHEME} {env[SECRET]}"
        return RemoteLink(env[URL], secret, how, env.get(CERTIFICATE, ""))
    if server := _parent():
        link = RemoteLink(server["url"], f"token {server['token']}", "which started this kernel")
        with suppress(LinkError):  # it may not have this extension
            link.status()
            return link
    from .local import LocalLink

    return LocalLink()


def _parent() -> dict[str, Any] | None:
    """What the server that started this kernel says of itself, if there is one."""
    from jupyter_core.paths import jupyter_runtime_dir

    pid = os.environ.get("JPY_PARENT_PID", "")
    with suppress(OSError, ValueError):
        return json.loads(Path(jupyter_runtime_dir(), f"jpserver-{pid}.json").read_bytes())
    return None
