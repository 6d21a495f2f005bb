"""An engine that answers what a test tells it to, and what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from jupyter_fastgen.link import LinkError
from jupyter_fastgen.magic.job import Pace
from jupyter_fastgen.protocol import (
    Chunk,
    Counts,
    Done,
    FromServer,
    Generate,
    Hunk,
    Hunks,
    Progress,
    Rewrite,
    Status,
)

DONE = Done(1, "stop", counts=Counts(new_tokens=50, decode_ms=1000.0))

Step = FromServer | float | Exception
"""A frame, seconds to wait, or an error to raise."""


class ScriptedStream:
    """Ends early when it is cancelled."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self.cancelled = threading.Event()
        self.ended = threading.Event()

    def __iter__(self) -> Iterator[FromServer]:
        try:
            for step in self._steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, (float, int)):
                    self.cancelled.wait(step)
                if self.cancelled.is_set():
                    yield Done(1, "cancelled")
                    return
                if not isinstance(step, (float, int)):
                    yield step
        finally:
            self.ended.set()

    def cancel(self) -> None:
        self.cancelled.set()


class ScriptedLink:
    where = "an engine of the tests"

    def __init__(self, *steps: Step) -> None:
        self.steps: Sequence[Step] = steps
        self.asked: list[Generate | Rewrite] = []
        """Without the names of the jobs, which are drawn."""
        self.jobs: list[str] = []
        self.streams: list[ScriptedStream] = []
        self.closed = False
        self.found: list[tuple[str, str]] = []
        """The URLs and tokens that it was looked for with."""

    def generate(self, asked: Generate) -> ScriptedStream:
        return self._answer(asked)

    edit = generate

    def _answer(self, asked: Generate | Rewrite) -> ScriptedStream:
        self.asked.append(msgspec.structs.replace(asked, job=""))
        self.jobs.append(asked.job)
        self.streams.append(ScriptedStream(self.steps))
        return self.streams[-1]

    def status(self) -> Status:
        return Status("ready", model="small", engine="llamacpp")

    def models(self) -> list[dict[str, Any]]:
        return [{"name": "small", "state": "present", "size": 98_000_000, "licence": "MIT"}]

    def close(self) -> None:
        self.closed = True


def code(*pieces: str) -> list[Step]:
    """An answer of these pieces."""
    return [
        Progress(1, "loading", 0.5),
        Progress(1, "reading"),
        *(Chunk(1, piece) for piece in pieces),
        DONE,
    ]


def changes(*hunks: Hunk) -> list[Step]:
    """An answer of these hunks."""
    return [Hunks(1, [*hunks][:1]), Hunks(1, [*hunks], final=True), DONE]


def until(wanted: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


GONE = LinkError("the server at http://localhost:1 is gone; start it again")


def paced(arrivals: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """When what is shown of texts that arrive at these seconds."""
    pace, shown, now = Pace(), [], 0.0
    for at, text in [*arrivals, (1e9, "")]:
        while (wait := pace.wait(now)) is not None and now + wait < at:
            now += wait
            shown.append((round(now, 3), pace.take(now)))
        if text:
            now = max(now, at)
            pace.add(text, now)
    return shown
