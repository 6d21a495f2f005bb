"""How code in a kernel, or in no kernel, reaches the engine.

By the server that started the kernel, another server by URL and token, or an engine process of its
own. Nothing here loads a model into the calling process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import FastgenError

if TYPE_CHECKING:
    from .. import protocol


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
    """The engine to use; connects to nothing and starts nothing.

    In this order: the server at `url`, by its `token`; the one that `FASTGEN_URL` and
    `FASTGEN_SECRET` name, which a server sets for the kernels it starts; a server of this person
    that is the parent of this process; an engine process of its own. Raises `LinkError`.
    """
    raise NotImplementedError
