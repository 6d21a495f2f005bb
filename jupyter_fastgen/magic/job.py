"""One answer on its way from the engine to the person: read in a thread, shown at a pace."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ..errors import FastgenError
from ..protocol import Chunk, Done, FromServer, Hunk, Hunks, Progress

if TYPE_CHECKING:
    from ..link import Stream

LEAST = 24
"""Code points worth a message: what wraps it on the comm takes 43 bytes."""

PERIOD = 1 / 25
"""Seconds between two messages, at least."""

REST = 0.25
"""Seconds without a token until fewer code points are shown, too."""

POLL = 0.5
"""Seconds until a wait looks whether it was interrupted, where the system doesn't say so."""


@dataclass(frozen=True)
class End:
    """How an answer ended. `tokens` and `rate`, a second, as the engine counted them.

    `why` is a sentence about a failure, or about what is missing. `hunks` are those of an edit.
    `by` names the model and the server that wrote it, where others run that.
    """

    phase: Literal["done", "stopped", "failed"]
    why: str = ""
    tokens: int = 0
    rate: float = 0.0
    hunks: tuple[Hunk, ...] = ()
    by: str = ""


class Shown(Protocol):
    """Where an answer appears."""

    def progress(self, phase: str, fraction: float | None, place: int) -> None:
        """`phase` has begun, or is this far, 0..1; `place` is that in a queue, 0 in none."""
        ...

    def text(self, more: str) -> None:
        """To be appended."""
        ...

    def end(self, end: End) -> None:
        """Nothing follows."""
        ...


class Pace:
    """Holds text back, so that messages are few and long, and nobody waits for it."""

    def __init__(self) -> None:
        self._waiting = ""
        self._arrived = 0.0
        self._shown: float | None = None

    def add(self, text: str, now: float) -> None:
        """More text; `now` in seconds, as everywhere here."""
        self._waiting += text
        self._arrived = now

    def wait(self, now: float) -> float | None:
        """Seconds until what waits is due, 0 at once; None: nothing waits."""
        if not self._waiting:
            return None
        if self._shown is None:
            return 0.0
        due = self._shown + PERIOD
        if len(self._waiting) < LEAST:
            due = max(due, self._arrived + REST)
        return max(0.0, due - now)

    def take(self, now: float) -> str:
        """What waits; it is shown now."""
        text, self._waiting = self._waiting, ""
        self._shown = now
        return text


class Job:
    """`ask` is called in a thread of its own, for the way to an engine may be long.

    `name` is what a server calls it, which a page may ask to stop it.
    """

    def __init__(self, ask: Callable[[], Stream], name: str = "") -> None:
        self.name = name
        self._ask = ask
        self._frames: queue.SimpleQueue[FromServer] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._stopped = False

    def stop(self) -> None:
        """End it, from any thread; what has come is still shown."""
        with self._lock:
            self._stopped, stream = True, self._stream
        if stream is not None:
            stream.cancel()
        # Whoever waits need not wait for the engine.
        self._frames.put(Done(0, "cancelled"))

    def run(self, shown: Shown) -> End:
        """Show the answer until it ends, in the calling thread."""
        threading.Thread(target=self._read, name="fastgen-read", daemon=True).start()
        ended = False
        try:
            end = self._show(shown)
            ended = True
        finally:
            if not ended:
                self.stop()
        shown.end(end)
        return end

    def _show(self, shown: Shown) -> End:
        pace = Pace()
        hunks: tuple[Hunk, ...] = ()
        while True:
            wait = pace.wait(now := time.monotonic())
            if wait == 0:
                shown.text(pace.take(now))
                continue
            try:
                frame = self._frames.get(timeout=wait or POLL)
            except queue.Empty:
                continue
            if isinstance(frame, Chunk):
                pace.add(frame.text, time.monotonic())
            elif isinstance(frame, Progress):
                shown.progress(frame.phase, frame.fraction, frame.place)
            elif isinstance(frame, Hunks) and frame.final:
                hunks = tuple(frame.hunks)
            elif isinstance(frame, Done):
                if pace.wait(time.monotonic()) is not None:
                    shown.text(pace.take(time.monotonic()))
                return _end(frame, hunks)

    def _read(self) -> None:
        try:
            stream = self._ask()
            with self._lock:
                self._stream, stopped = stream, self._stopped
            if stopped:
                stream.cancel()
            for frame in stream:
                self._frames.put(frame)
            why = "the answer broke off; ask again"
        except FastgenError as error:
            why = str(error)
        except Exception as error:
            why = f"the answer broke off ({type(error).__name__}: {error}); ask again"
        self._frames.put(Done(0, "failed", why))  # after a `Done` nobody reads it


def _end(done: Done, hunks: tuple[Hunk, ...]) -> End:
    counts = done.counts
    tokens = counts.new_tokens if counts else 0
    rate = tokens / counts.decode_ms * 1000 if counts and counts.decode_ms else 0.0
    phase: Literal["done", "stopped", "failed"] = "done"
    why = done.why
    if done.reason in ("cancelled", "superseded"):
        phase = "stopped"
    elif done.reason in ("failed", "unavailable", "off"):
        phase = "failed"
    elif done.reason == "length":
        why = why or "it stops at the limit of tokens; --max-tokens N writes on"
    elif done.reason in ("empty", "held"):
        why = why or "the model had nothing to say; put it in other words"
    return End(phase, why, tokens, rate, hunks, done.by)
