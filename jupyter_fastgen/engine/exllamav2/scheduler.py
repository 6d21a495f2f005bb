"""The thread that runs the model: commands in, tokens out, and nobody else touches the GPU.

Each round it takes commands, begins what may begin, lets the library compute one step for all jobs
(a chunk of each prompt that is not read yet, and a token of each answer, or several where a draft
is right), and tells what came of it. Cancelling waits for the round at most. The library's own
asynchronous wrapper does all this on the event loop, and hangs after the first exception.
"""

from __future__ import annotations

import heapq
import itertools
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..base import Done, EngineError, Event, Request, Text
from .answer import Answer
from .pictures import Picture
from .warming import Warming

if TYPE_CHECKING:
    from .generator import Generator, Job
    from .loading import Loaded

Tell = Callable[[Event | EngineError], None]
"""Where a request's events go; called in the thread."""

_RANKS = {"explicit": 0, "ghost": 1, "prefetch": 2}

BROKEN = 70
"""Exit status of a process whose GPU state is lost; a new one must be started."""


@dataclass(order=True)
class Run:
    """A request on its way: the more urgent one, then the older one, comes first."""

    rank: int
    number: int
    request: Request = field(compare=False)
    prompt: Sequence[int] = field(compare=False)
    answer: Answer = field(compare=False)
    tell: Tell = field(compare=False)
    pictures: Sequence[Picture] = field(default=(), compare=False)
    job: Job | None = field(default=None, compare=False)
    asked: float = field(default_factory=time.perf_counter, compare=False)
    began: float | None = field(default=None, compare=False)
    first: float | None = field(default=None, compare=False)
    shown: float | None = field(default=None, compare=False)
    cached: int | None = field(default=None, compare=False)
    accepted: int = field(default=0, compare=False)

    def done(self, reason: Literal["stop", "length", "cancelled"]) -> Done:
        """Its last event."""
        now = time.perf_counter()
        began = self.began or now
        first = self.first or now
        return Done(
            id=self.request.id,
            reason=reason,
            prompt_tokens=len(self.prompt),
            cached_tokens=self.cached or 0,
            new_tokens=len(self.answer.tokens),
            queue_ms=1000 * (began - self.asked),
            prefill_ms=1000 * (first - began),
            decode_ms=1000 * (now - first),
            first_ms=None if self.shown is None else 1000 * (self.shown - self.asked),
            starts=self.answer.starts,
            drafted=self.answer.drafted,
            accepted=self.accepted,
        )


class Scheduler:
    """Runs answers on one loaded model, all in one thread of its own."""

    def __init__(self, adapters: str) -> None:
        """`adapters` is the folder that holds the LoRA adapters; empty for none."""
        self._adapters = Path(adapters) if adapters else None
        self._loras: dict[str, Any] = {"": None}
        self._adapter = ""
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._waiting: list[Run] = []
        self._active: list[Run] = []
        self._cold: list[int] = []
        self._warming: Job | None = None
        self._ended = False

    def start(
        self, load: Callable[[], Loaded], ready: Callable[[Loaded | Exception], None]
    ) -> None:
        """Start the thread: it calls `load`, tells `ready` what came of it, and serves."""
        threading.Thread(
            target=self._serve, args=(load, ready), name="exllamav2", daemon=True
        ).start()

    def submit(
        self,
        request: Request,
        prompt: Sequence[int],
        answer: Answer,
        tell: Tell,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """Begin a request as soon as there is room; any thread may call.

        In the prompt each of the `pictures` has its ids.
        """
        rank = _RANKS[request.priority]
        run = Run(rank, next(self._numbers), request, prompt, answer, tell, pictures)
        self._commands.put(partial(heapq.heappush, self._waiting, run))

    def cancel(self, id: int) -> None:
        """End a request, if it runs or waits; any thread may call, at any time."""
        self._commands.put(partial(self._cancel, id))

    def end(self) -> None:
        """Cancel all and end the thread."""
        self._commands.put(self._end)

    # --- in the thread -------------------------------------------------------

    def _serve(
        self, load: Callable[[], Loaded], ready: Callable[[Loaded | Exception], None]
    ) -> None:
        try:
            self._loaded = load()
            self._generator: Generator = self._loaded.generator()
            self._cold = list(self._loaded.widths)
        except Exception as error:
            ready(error)
            return
        ready(self._loaded)
        while not self._ended:
            self._drain()
            try:
                self._step()
            except Exception as error:
                self._recover(error)

    def _step(self) -> None:
        if self._waiting and self._warming is not None:
            self._generator.cancel(self._warming)
            self._warming = None
        self._admit()
        if self._active:
            self._report(self._generator.iterate())
        elif self._cold and not self._waiting:
            self._warm()

    def _warm(self) -> None:
        """A pass of the next width that is not warm yet, as long as there is nothing else to do."""
        if self._warming is None:
            from .generator import Job

            self._warming = Job(Warming(self._cold[0]), [1, 1])
            self._generator.enqueue(self._warming)
        self._generator.iterate()
        if self._warming.answer.reason is not None:
            self._warming = None
            del self._cold[0]

    def _drain(self) -> None:
        """Do what was asked for meanwhile; without work, wait until something is."""
        idle = not (self._active or self._waiting or self._cold)
        while True:
            try:
                command = self._commands.get(block=idle)
            except queue.Empty:
                return
            command()
            idle = False

    def _cancel(self, id: int) -> None:
        for run in [*self._waiting, *self._active]:
            if run.request.id == id:
                self._withdraw(run)
                if run in self._waiting:
                    self._waiting.remove(run)
                    heapq.heapify(self._waiting)
                run.tell(run.done("cancelled"))
                return

    def _end(self) -> None:
        for run in [*self._waiting, *self._active]:
            self._cancel(run.request.id)
        self._ended = True

    def _admit(self) -> None:
        """Begin what waits, the most urgent first, in place of less urgent work if need be."""
        stuck = [run for run in self._active if run.job in self._generator.pending_jobs]
        if stuck and max(self._active).rank > min(stuck).rank:
            self._put_back(max(self._active))
        while self._waiting:
            first = self._waiting[0]
            if first.request.adapter != self._adapter:
                # The library changes adapters with an empty queue only.
                if self._active:
                    return
                heapq.heappop(self._waiting)
                if not self._change_adapter(first):
                    continue
                heapq.heappush(self._waiting, first)
            is_full = bool(stuck) or len(self._active) >= self._generator.max_batch_size
            if is_full and max(self._active).rank <= first.rank:
                return
            if unseen := next((p for p in first.pictures if p.embedding is None), None):
                self._look(first, unseen)
                return
            if is_full:
                self._put_back(max(self._active))
            self._begin(heapq.heappop(self._waiting))

    def _look(self, run: Run, picture: Picture) -> None:
        """Show the tower one picture: the other runs get a token before the next."""
        assert self._loaded.vision is not None
        if run.began is None:
            run.began = time.perf_counter()
        try:
            self._loaded.vision.look(picture)
        except Exception as error:
            # It is the only one that this concerns, and would fail in the next round again.
            self._waiting.remove(run)
            heapq.heapify(self._waiting)
            run.tell(reason(error))
            release_memory()

    def _put_back(self, run: Run) -> None:
        """Let it wait again. What it computed stays in the cache: it soon goes on from there."""
        self._withdraw(run)
        heapq.heappush(self._waiting, run)

    def _begin(self, run: Run) -> None:
        from .generator import Job

        run.job = Job(run.answer, [*run.prompt, *run.answer.tokens], run.request.salt, run.pictures)
        if run.began is None:
            run.began = time.perf_counter()
        self._active.append(run)
        self._generator.enqueue(run.job)

    def _withdraw(self, run: Run) -> None:
        """Take a run from the generator, if it is there."""
        if run.job is not None:
            self._generator.cancel(run.job)
            self._leave(run)

    def _leave(self, run: Run) -> None:
        """Note what a run's job came to."""
        assert run.job is not None
        if run.cached is None and run.job.time_first_prefill is not None:
            run.cached = self._cached(run.job)
        run.accepted += run.job.accepted_draft_tokens
        run.job = None
        self._active.remove(run)

    def _cached(self, job: Job) -> int:
        return job.cached_pages * self._generator.page_size + job.cached_tokens

    def _report(self, results: list[Any]) -> None:
        read = {id(r["job"]): r for r in results if r["stage"] == "prefill"}
        for run in list(self._active):
            job = run.job
            assert job is not None
            if run.first is None and job.time_first_token is not None:
                run.first = time.perf_counter()
            if run.request.progress and run.first is None and (told := read.get(id(job))):
                known = self._cached(job)
                total = told["max_progress"] - known
                if total > 0:
                    share = max(0.0, min(1.0, (told["curr_progress"] - known) / total))
                    run.tell(Text(run.request.id, "", read=share))
            text, logprobs = run.answer.take_text()
            if text:
                run.shown = run.shown or time.perf_counter()
                run.tell(Text(run.request.id, text, logprobs))
            if run.answer.reason is not None:
                self._leave(run)
                run.tell(run.done(run.answer.reason))

    def _change_adapter(self, run: Run) -> bool:
        """Answer with the run's adapter from now on; False where it failed for want of it."""
        name = run.request.adapter
        try:
            if name not in self._loras:
                self._loras[name] = self._load_adapter(name)
        except EngineError as error:
            run.tell(error)
            return False
        self._generator.set_loras(self._loras[name])
        # Pages are found by their tokens alone: those of another adapter have other keys.
        self._generator.reset_page_table()
        self._adapter = name
        return True

    def _load_adapter(self, name: str) -> Any:
        from .adapters import load_adapter

        return load_adapter(self._loaded.model, self._adapters, name)

    def _recover(self, error: Exception) -> None:
        """Fail what ran, and go on with a new generator; raises nothing."""
        failed = reason(error)
        for run in self._active:
            run.tell(failed)
        self._active.clear()
        self._adapter = ""
        self._warming = None
        self._cold.clear()
        try:
            release_memory()
            self._generator = self._loaded.generator()
        except Exception as lost:
            # After some errors CUDA answers nothing any more in this process; what is printed
            # last tells the server why it ended.
            print(lost, file=sys.stderr, flush=True)
            os._exit(BROKEN)


def reason(error: Exception) -> EngineError:
    """Why a job failed, for the person."""
    if isinstance(error, EngineError):
        return error  # of a missing torch, for one
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError):
        return EngineError(
            "the GPU ran out of memory",
            "end what else uses it, or choose a smaller KV cache, context or model",
        )
    said = next(iter(str(error).splitlines()), "")
    return EngineError(
        f"ExLlamaV2 failed: {type(error).__name__}{': ' if said else ''}{said}",
        "try again; if it recurs, run `jupyter fastgen doctor`",
    )


def release_memory() -> None:
    """Give back what a failed step left; raises if the GPU answers no more."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
