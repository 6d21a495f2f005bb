"""The live answer below a cell: state and text for the view in the page (`src/magic/`)."""

# ipywidgets and IPython have no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextvars
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets
from IPython.display import display, update_display
from traitlets import Bunch, Dict, Float, HasTraits, Int, List, Unicode

from ..errors import FastgenError
from ..protocol import Hunk
from .changes import Target, lines_of, sure, write
from .job import End, Job

MIME = "application/vnd.jupyter-fastgen.answer+json"

PROGRESS_PERIOD = 0.1
"""Seconds between two messages about one phase, at least."""


class FastgenAnswer(ipywidgets.DOMWidget):
    """What the view shows. `text` grows by messages: it is never sent again as a whole."""

    _model_name = Unicode("FastgenAnswerModel").tag(sync=True)
    _model_module = Unicode("jupyter_fastgen").tag(sync=True)
    _model_module_version = Unicode("^0.1.0").tag(sync=True)
    _view_name = Unicode("FastgenAnswerView").tag(sync=True)
    _view_module = Unicode("jupyter_fastgen").tag(sync=True)
    _view_module_version = Unicode("^0.1.0").tag(sync=True)

    phase = Unicode("queued").tag(sync=True)
    progress = Float(None, allow_none=True).tag(sync=True)
    place = Int(0).tag(sync=True)
    language = Unicode("python").tag(sync=True)
    prompt = Unicode("").tag(sync=True)
    why = Unicode("").tag(sync=True)
    tokens = Int(0).tag(sync=True)
    rate = Float(0.0).tag(sync=True)
    by = Unicode("").tag(sync=True)
    image = Unicode("").tag(sync=True)
    job = Unicode("").tag(sync=True)
    cell = Unicode("").tag(sync=True)
    target = Unicode("").tag(sync=True)
    wish: Any = Dict().tag(sync=True)
    path = Unicode("").tag(sync=True)
    hunks: Any = List().tag(sync=True)
    text = Unicode("").tag(sync=True)

    def notify_change(self, change: Bunch) -> None:
        """Tell the page of a change, but not of all the text: it has that from messages."""
        if change["name"] == "text":
            HasTraits.notify_change(self, change)
        else:
            super().notify_change(change)

    def __init__(self, **traits: Any) -> None:
        # A page that asks for the state must get text and messages in step.
        self._order = threading.RLock()
        super().__init__(**traits)

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """All of it, or these traits."""
        with self._order:
            super().send_state(key)

    def append(self, more: str) -> None:
        """More text."""
        with self._order:
            self.text += more
            self.send({"t": more})

    def clear(self) -> None:
        """No text any more."""
        with self._order:
            self.text = ""
            self.send({"clear": True})


class Live:
    """An answer in a notebook's page. Its job runs in a thread; the cell ends at once."""

    def __init__(
        self,
        widget: FastgenAnswer,
        ask: Callable[[str], Job] | None = None,
        ended: Callable[[End, str], object] | None = None,
        target: Target | None = None,
        writes: bool = False,
    ) -> None:
        """`ask` makes the job of another description, `ended` gets the text in the end.

        `target` is the file that hunks are of. If it `writes`, those that are sure are taken in
        the end, without being asked for.
        """
        self.lock = threading.RLock()
        """Held while anything of an answer is shown."""
        # What is shown belongs to the cell that asks, whichever runs then.
        self._context = contextvars.copy_context()
        self._widget = widget
        self._ask = ask
        self._ended = ended
        self._target = target
        self._writes = writes
        self._job: Job | None = None
        self._hunks: tuple[Hunk, ...] = ()
        self._told = 0.0
        self._display_id = f"fastgen-{widget.model_id}"
        widget.on_msg(self._on_message)

    def show(self) -> None:
        """Put it below the cell."""
        display(self._bundle(), raw=True, display_id=self._display_id)

    def start(self, job: Job) -> None:
        """Show its answer, and return at once."""
        self._job = job
        self._widget.job = job.name
        shown = _Current(self, job)
        run = self._context.copy().run
        threading.Thread(target=run, args=(job.run, shown), name="fastgen", daemon=True).start()

    # --- what the job tells; of one that was replaced, nothing ---

    def is_current(self, job: Job) -> bool:
        """Whether this job's answer is the one that is shown."""
        return job is self._job

    def progress(self, phase: str, fraction: float | None, place: int = 0) -> None:
        """Shown at most ten times a second."""
        now = time.monotonic()
        if phase == self._widget.phase and now - self._told < PROGRESS_PERIOD:
            return
        self._told = now
        with self._widget.hold_sync():
            self._widget.phase = phase
            self._widget.progress = fraction
            self._widget.place = place

    def text(self, more: str) -> None:
        """More of it."""
        if self._widget.phase != "writing":
            self.progress("writing", None)
        self._widget.append(more)

    def end(self, end: End) -> None:
        """All of it, also for those who read the notebook later."""
        widget = self._widget
        self._hunks = end.hunks
        # First, for who reads that it is done may use it in the next cell at once.
        if self._ended is not None:
            self._ended(end, widget.text)
        with widget.hold_sync():
            widget.progress = None
            widget.tokens = end.tokens
            widget.rate = end.rate
            widget.by = end.by
            widget.why = end.why
            widget.hunks = [self._in_full(hunk) for hunk in end.hunks]
            widget.phase = end.phase
        if self._writes:
            self._take(sure(end.hunks))
        update_display(self._bundle(), raw=True, display_id=self._display_id)

    def _in_full(self, hunk: Hunk) -> dict[str, Any]:
        """A hunk for the page, with the lines that go."""
        old = lines_of(self._target, hunk) if self._target is not None else []
        return {name: getattr(hunk, name) for name in hunk.__struct_fields__} | {"old": old}

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """The person pressed a button."""
        wanted = content.get("do")
        if wanted == "stop" and self._job is not None:
            self._job.stop()
        elif wanted == "retry" and self._ask is not None:
            self._retry(self._ask, str(content.get("prompt", "")))
        elif wanted == "apply":
            numbers: list[int] = content.get("take", [])
            self._take([self._hunks[n] for n in numbers if 0 <= n < len(self._hunks)])

    def _retry(self, ask: Callable[[str], Job], prompt: str) -> None:
        widget = self._widget
        with self.lock:
            old, self._job = self._job, None
            widget.clear()
            with widget.hold_sync():
                widget.prompt = prompt
                widget.hunks = []
                widget.why = ""
                widget.tokens, widget.rate, widget.by = 0, 0.0, ""
                widget.phase, widget.progress = "queued", None
        if old is not None:
            old.stop()
        try:
            self.start(ask(prompt))
        except FastgenError as error:
            self.end(End("failed", str(error)))

    def _take(self, chosen: list[Hunk]) -> None:
        """Write the file with these."""
        widget = self._widget
        if self._target is None or not chosen:
            return
        try:
            write(self._target, chosen)
        except FastgenError as error:
            widget.why = str(error)
            return
        self._hunks = ()
        count = f"{len(chosen)} change{'s' if len(chosen) > 1 else ''}"
        with widget.hold_sync():
            widget.hunks = []
            widget.why = f"wrote {count} to {widget.path}"

    def _bundle(self) -> dict[str, Any]:
        widget = self._widget
        bundle: dict[str, Any] = {
            MIME: {"model": widget.model_id, "language": widget.language},
            "text/plain": widget.text or widget.why or widget.prompt,
        }
        if widget.text:
            bundle["text/markdown"] = _fenced(widget.text, widget.language)
        return bundle


def _fenced(text: str, language: str) -> str:
    """Code in Markdown, between fences that are longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.removesuffix(chr(10))}\n{fence}"


class _Current:
    """What a job shows, as long as it is the current one."""

    def __init__(self, live: Live, job: Job) -> None:
        self._live = live
        self._job = job

    def progress(self, phase: str, fraction: float | None, place: int) -> None:
        with self._live.lock:
            if self._live.is_current(self._job):
                self._live.progress(phase, fraction, place)

    def text(self, more: str) -> None:
        with self._live.lock:
            if self._live.is_current(self._job):
                self._live.text(more)

    def end(self, end: End) -> None:
        with self._live.lock:
            if self._live.is_current(self._job):
                self._live.end(end)
