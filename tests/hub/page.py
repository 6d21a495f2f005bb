"""A page of a user whose server has a gateway: a real session, without a browser or a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.service import Options
from jupyter_fastgen.edit.actions import load_actions
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.host.edits import Edits
from jupyter_fastgen.host.host import ModelHost
from jupyter_fastgen.host.settings import Settings
from jupyter_fastgen.kernel.kernels import Kernels
from jupyter_fastgen.session.session import Session
from jupyter_fastgen.telemetry.seen import Seen

from .running import Running

M = TypeVar("M")


class Page:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.heard: list[protocol.FromServer] = []

    def say(self, message: protocol.FromBrowser) -> None:
        self.session.receive(protocol.encode(message), lambda proof: True)

    async def until(self, kind: type[M], fits: Callable[[M], bool] = lambda _: True) -> M:
        while True:
            frame = await asyncio.wait_for(self.session.outbox.get(), 20)
            assert frame is not None
            self.heard.append(frame)
            if isinstance(frame, kind) and fits(frame):
                return frame


@asynccontextmanager
async def page(
    at: Running, seen: Seen | None = None, allowed: Allowed | None = None
) -> AsyncGenerator[Page, None]:
    allowed = allowed or Allowed()
    settings = Settings(model=f"fastgen+{at.url}", api_key="alice-token")
    host = ModelHost(settings, Options(confidence=None))
    seen = seen or Seen()
    host.follow(seen.told)
    edits = Edits(lambda _: host, load_actions(), allowed=allowed, seen=seen)
    kernels = Kernels(None, None, False)
    session = Session(host, edits, kernels, "1", "s1", lambda: False, lambda *_: None)
    try:
        found = Page(session)
        found.say(protocol.Hello(protocol.VERSION))
        await found.until(protocol.Status, lambda status: status.state == "ready")
        found.say(protocol.Open("d", [protocol.Cell("c", "code", "x = 1\n")]))
        yield found
    finally:
        await session.close()
        await host.close()


def complete(id: int, *outcomes: protocol.Outcome) -> protocol.Complete:
    return protocol.Complete(id, "d", 0, "c", 6, outcomes=[*outcomes])
