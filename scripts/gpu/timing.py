"""How fast a loaded model is, pass by pass. Times are in milliseconds, medians of several."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal

import torch

from jupyter_fastgen.engine.base import Done, Engine, Request
from jupyter_fastgen.engine.exllamav2 import library
from jupyter_fastgen.engine.exllamav2.copying import MATCH, WIDTHS, Copier
from jupyter_fastgen.engine.exllamav2.memory import PAGE
from jupyter_fastgen.engine.exllamav2.warming import PASSES, Warming

library.import_library()  # first: it decides which attention there is

from jupyter_fastgen.engine.exllamav2.generator import Generator, Job  # noqa: E402
from jupyter_fastgen.engine.exllamav2.loading import Loaded  # noqa: E402

Tokens = list[int]


class Scripted:
    """Writes `text` whatever the model says: what an edit costs does not depend on its sense."""

    def __init__(self, text: Sequence[int], original: Sequence[int] | None) -> None:
        self._text = text
        self._copier = Copier(original, MATCH, 0) if original is not None else None
        self._written = 0
        self.left = len(text)
        self.drafted = 0
        self.reason: Literal["stop", "length"] | None = None

    def choose(self, logits: object) -> int:
        token = self._text[self._written]
        self._written += 1
        self.left -= 1
        if self._copier:
            self._copier.push(token)
        if not self.left:
            self.reason = "length"
        return token

    def draft(self, most: int) -> Tokens:
        return (
            self._copier.draft(min(most, self.left - 1)) if self._copier and self.left > 1 else []
        )


def words(seed: int, count: int) -> Tokens:
    """A prompt that no other begins like."""
    return random.Random(seed).choices(range(1, 250), k=count)


def forward(loaded: Loaded, ids: Tokens, chunk: int = PAGE) -> torch.Tensor:
    """The logits of all tokens, (tokens, vocabulary), computed in chunks over the cache."""
    generator = loaded.generator()
    table = torch.arange(-(-len(ids) // PAGE), dtype=torch.int32)[None]
    rows: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(ids), chunk):
            part = ids[start : start + chunk]
            pages = -(-(start + len(part)) // PAGE)
            params = generator.get_paged_params(
                1, table[:, :pages], torch.tensor([start], dtype=torch.int32), len(part)
            )
            out = loaded.model.forward_chunk(
                input_ids=torch.tensor([part]), attn_params=params, cache=loaded.cache
            )
            rows.append(out["logits"][0].float().cpu())
    return torch.cat(rows)


def run(generator: Generator, jobs: Sequence[Job]) -> list[float]:
    """Run jobs to their end; gives the times of the rounds."""
    for job in jobs:
        generator.enqueue(job)
    times: list[float] = []
    while generator.num_remaining_jobs():
        started = time.perf_counter()
        generator.iterate()
        times.append(1000 * (time.perf_counter() - started))
    return times


def first_token(loaded: Loaded, lengths: Sequence[int]) -> dict[str, dict[str, float]]:
    """The time to the first token of prompts, with nothing of them in the cache, and all of it."""
    told: dict[str, dict[str, float]] = {}
    for length in lengths:
        generator = loaded.generator()
        cold, cached = [], []
        for seed in range(3):
            prompt = words(length + seed, length)
            for times in (cold, cached, cached):
                times.append(sum(run(generator, [Job(Scripted([1], None), prompt)])))
        told[str(length)] = {
            "cold": statistics.median(cold),
            "cached": statistics.median(cached),
        }
    return told


def passes(loaded: Loaded, counted: int = 100) -> dict[str, float]:
    """The time of a pass over each number of rows, once its kernels are chosen."""
    told: dict[str, float] = {}
    for width in (0, *WIDTHS):
        answer = Warming(width)
        answer.left = PASSES + counted
        times = run(loaded.generator(), [Job(answer, words(width, 600))])
        told[str(width + 1)] = statistics.median(times[-counted:])
    return told


def batches(loaded: Loaded, sizes: Sequence[int], counted: int = 100) -> dict[str, float]:
    """The time of a pass that writes a token of each of so many answers."""
    told: dict[str, float] = {}
    for size in sizes:
        jobs = [
            Job(Scripted([1] * (PASSES + counted), None), words(1000 * size + at, 600))
            for at in range(size)
        ]
        times = run(loaded.generator(), jobs)
        told[str(size)] = statistics.median(times[-counted:])
    return told


def edit(loaded: Loaded, lines: int) -> dict[str, float]:
    """A rewrite of so many lines of ten tokens, every twentieth changed, plain and with a draft.

    The prompt, which has the lines, is known before.
    """
    source = words(0, 10 * lines)
    text = [255 if at % 200 == 100 else token for at, token in enumerate(source)]
    prompt = [*words(1, 100), *source]
    told: dict[str, float] = {}
    for name, original in (("plain", None), ("drafted", source)):
        generator = loaded.generator()
        run(generator, [Job(Scripted([1], None), prompt)])
        times = run(generator, [Job(Scripted(text, original), prompt)])
        told[f"{name}_ms"] = sum(times)
        told[f"{name}_tokens_per_pass"] = len(text) / len(times)
    told["faster"] = told["plain_ms"] / told["drafted_ms"]
    return told


def kernels(loaded: Loaded, counted: int = 50) -> dict[str, Any]:
    """Of passes that write a token each: how long the GPU works in one, and at what the most."""
    generator = loaded.generator()
    job = Job(Scripted([1] * (counted + 10), None), words(2, 600))
    generator.enqueue(job)
    for _ in range(5):
        generator.iterate()  # the prompt, and a few
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(counted):
            generator.iterate()
    generator.cancel(job)
    # Beside kernels there are their launches, which take no time of the GPU.
    ran = [one for one in profile.key_averages() if one.self_device_time_total > 0]
    times = {one.key: one.self_device_time_total / 1000 / counted for one in ran}
    most = sorted(times, key=times.__getitem__, reverse=True)[:10]
    return {
        "gpu_ms": sum(times.values()),
        "kernels": sum(one.count for one in ran) / counted,
        "most_ms": {name[:80]: times[name] for name in most},
    }


def logits_copies(loaded: Loaded) -> dict[str, float]:
    """The time to bring the widest draft's logits to the processor, into two kinds of memory."""
    shape = (1, WIDTHS[-1] + 1, loaded.model.config.vocab_size)
    logits = torch.zeros(shape, dtype=torch.half, device="cuda")
    told: dict[str, float] = {}
    for kind in ("pageable", "pinned"):
        target = torch.empty(shape, pin_memory=kind == "pinned")
        times: list[float] = []
        for _ in range(20):
            started = time.perf_counter()
            target.copy_(logits)
            times.append(1000 * (time.perf_counter() - started))
        told[kind] = statistics.median(times)
    return told


def bandwidth(size: int = 2**31) -> float:
    """GB/s that the GPU's memory reads and writes, copying `size` bytes."""
    source = torch.empty(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    times: list[float] = []
    for _ in range(10):
        torch.cuda.synchronize()
        started = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    del source, target
    torch.cuda.empty_cache()
    return 2 * size / min(times) / 1e9


_ids = itertools.count(1)


async def warmed(engine: Any, seconds: float = 200.0) -> None:
    """Wait until an idle engine has chosen the kernels of every width."""
    end = time.perf_counter() + seconds
    while engine._scheduler._cold:
        if time.perf_counter() > end:
            raise RuntimeError(f"it was not warm after {seconds:g} s")
        await asyncio.sleep(0.05)


async def typists(
    engine: Engine, text: Callable[[int], str], count: int, keys: int, pause: float = 0.15
) -> dict[str, float]:
    """So many people who type a key each `pause` seconds; the time to each first text.

    An answer goes on until the next key, which ends it; one without text till then counts as long
    as it took.
    """
    times: list[float] = []

    async def answer(request: Request, measured: bool = True) -> None:
        started, waits = time.perf_counter(), measured
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                if waits and (isinstance(event, Done) or event.text):
                    times.append(1000 * (time.perf_counter() - started))
                    waits = False

    async def type_keys(person: int) -> None:
        loop = asyncio.get_running_loop()
        typed, running = text(person), list[tuple[int, asyncio.Task[None]]]()
        first = loop.time() + pause * person / count
        for key in range(keys):
            await asyncio.sleep(first + key * pause - loop.time())
            for id, _ in running[-1:]:
                engine.cancel(id)
            typed += "abcdefghij"[key % 10]
            request = Request(next(_ids), typed, max_tokens=16, document=str(person))
            running.append((request.id, asyncio.create_task(answer(request))))
        await asyncio.gather(*(task for _, task in running))

    people = range(count)
    known = [Request(next(_ids), text(person), max_tokens=1) for person in people]
    await asyncio.gather(*(answer(request, measured=False) for request in known))
    await asyncio.gather(*(type_keys(person) for person in people))
    times.sort()
    return {
        "typists": count,
        "keys": len(times),
        "p50_ms": times[len(times) // 2],
        "p95_ms": times[int(0.95 * len(times))],
    }


async def cancelling(engine: Engine, prompt: str, decode: bool) -> dict[str, float]:
    """The times from cancelling until that ends, and until the GPU is free.

    It is done while the prompt is read or, to `decode`, the answer written.
    """
    request = Request(next(_ids), prompt, max_tokens=3000, progress=True)
    asked = 0.0
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, Done):
                if event.reason != "cancelled":
                    raise RuntimeError(
                        f"it ended by itself ({event.reason}) before it was cancelled"
                    )
                ended = time.perf_counter()
                if torch.cuda.is_available():
                    await asyncio.to_thread(torch.cuda.synchronize)
                freed = time.perf_counter()
                return {"end_ms": 1000 * (ended - asked), "free_ms": 1000 * (freed - asked)}
            if not asked and decode == bool(event.text):
                asked = time.perf_counter()
                engine.cancel(request.id)
    raise RuntimeError("an answer without an end")
