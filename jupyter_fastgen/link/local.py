"""An engine process of one's own, for a kernel or a script without a server.

The model runs in a child process; in this one a thread waits for what it says.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import aclosing
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from jupyter_core.paths import jupyter_config_path

from .. import protocol
from ..edit.actions import load_actions
from ..errors import FastgenError
from ..host.configuration import load_settings
from ..host.edits import Edits, edit_host, image_model, remote_host
from ..models.catalog import load_catalog
from ..models.resolve import listed
from ..models.store import ModelStore
from ..session.answers import Answers, Asked
from . import LinkError, Stream

_T = TypeVar("_T")

CLOSE_SECONDS = 5.0


class LocalLink:
    """The engine of this process. See `Link`. Nothing is started before something is asked for."""

    where = "an engine process of its own, for no Jupyter server was found"

    def __init__(self) -> None:
        """Raises `LinkError` where Jupyter's configuration can't be used."""
        try:
            self._settings, self._allowed = load_settings()
            folders = [Path(folder, "fastgen", "actions") for folder in jupyter_config_path()[::-1]]
            self._edits = Edits(
                partial(edit_host, self._settings, self._allowed),
                load_actions(folders),
                partial(remote_host, self._settings, self._allowed),
                partial(image_model, self._settings),
                self._allowed,
            )
        except FastgenError as error:
            raise LinkError(str(error)) from error
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._running: set[Future[Any]] = set()

    def generate(self, asked: protocol.Generate) -> Stream:
        """See `Link`."""
        return _Stream(self, asked)

    def edit(self, asked: protocol.Rewrite) -> Stream:
        """See `Link`."""
        return _Stream(self, asked)

    def status(self) -> protocol.Status:
        """See `Link`."""

        async def look() -> protocol.Status:
            return self._edits.status

        return self.run(look()).result()

    def models(self) -> list[dict[str, Any]]:
        """See `Link`."""
        try:
            return listed(
                load_catalog(self._settings.catalog), ModelStore(self._settings.models_dir)
            )
        except FastgenError as error:
            raise LinkError(str(error)) from error

    def close(self) -> None:
        """See `Link`."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        atexit.unregister(self.close)
        for work in list(self._running):
            work.cancel()
        closing = asyncio.run_coroutine_threadsafe(self._edits.close(), loop)
        closing.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
        wait({closing}, CLOSE_SECONDS)

    def run(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Start `work` in the thread of the engine's loop."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._answers = Answers(self._edits)
                thread = threading.Thread(
                    target=self._loop.run_forever, name="jupyter_fastgen", daemon=True
                )
                thread.start()
                atexit.register(self.close)
            started = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running.add(started)
        started.add_done_callback(self._running.discard)
        return started

    async def pass_on(self, asked: Asked, frames: SimpleQueue[protocol.FromServer | None]) -> None:
        """Put the answer's frames into `frames`."""
        async with aclosing(self._answers.frames(asked)) as answer:
            async for frame in answer:
                frames.put(frame)


class _Stream:
    """An answer of the own engine. See `Stream`."""

    def __init__(self, link: LocalLink, asked: Asked) -> None:
        self._link = link
        self._asked = asked
        self._work: Future[None] | None = None
        self._cancelled = False

    def __iter__(self) -> Iterator[protocol.FromServer]:
        frames: SimpleQueue[protocol.FromServer | None] = SimpleQueue()
        work = self._work = self._link.run(self._link.pass_on(self._asked, frames))
        work.add_done_callback(lambda _: frames.put(None))
        if self._cancelled:  # meanwhile
            work.cancel()
        try:
            while (frame := frames.get()) is not None:
                yield frame
                if isinstance(frame, protocol.Done):
                    return
        finally:
            work.cancel()
        if not self._cancelled:
            raise LinkError("the engine of this process was stopped: ask again")
        yield protocol.Done(1, "cancelled")

    def cancel(self) -> None:
        self._cancelled = True
        if self._work is not None:
            self._work.cancel()
