"""What typing costs a computing kernel, and what the kernel costs the ghost text.

Every core runs a counting loop. In turns, a typist types beside it or nobody
does; the ratio of the loops' counts is the slow-down of a compute-bound cell.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from contextlib import aclosing

import msgspec

from ...engine.base import ModelSpec, Request, Text
from ...engine.machine import physical_cores
from ...engine.worker import Worker
from ...models.catalog import load_catalog
from ...models.store import ModelStore

KEY_INTERVAL = 0.15
"""Seconds between two keys."""

KEYS_PER_REQUEST = 5
"""Of five keys four are typed through or wait for an answer that runs, as `bench ui` counts."""

_LOOP = """
import sys, time
end = time.perf_counter() + float(sys.argv[1])
count = 0
while time.perf_counter() < end:
    for _ in range(20000):
        count += 1
print(count)
"""

_CODE = "def mean(values):\n    return sum(values) / len(values)\n\n" * 12


class Politeness(msgspec.Struct, frozen=True):
    """`slowdown` is the share of the loops' speed lost, 0.05 for 5 %; times in milliseconds.

    `answered` of `keys` had a first text before the next key was due; `first_ms` are the times
    of those keys that waited for it to the end.
    """

    cores: int
    slowdown: float
    keys: int
    answered: int
    first_p50_ms: float
    first_max_ms: float
    quiet_first_p50_ms: float


def default_model() -> ModelSpec:
    """The catalog's default, which is pulled if it is missing."""
    entry = load_catalog().default
    return ModelSpec(entry.name, str(ModelStore().pull(entry)))


async def measure(spec: ModelSpec, seconds: float = 5.0, rounds: int = 5) -> Politeness:
    """Compare `rounds` times, `seconds` each, with a `Worker` on `spec`."""
    worker = Worker("llamacpp", spec)
    await worker.load(spec, lambda progress: None)
    try:
        await _first(worker, 0)
        quiet = [await _first(worker, key) for key in range(1, 6)]
        alone: list[int] = []
        beside: list[int] = []
        firsts: list[float] = []
        for _ in range(rounds):
            alone.append(await _loops(seconds))
            loops = asyncio.create_task(_loops(seconds))
            while not loops.done():
                due = asyncio.create_task(asyncio.sleep(KEYS_PER_REQUEST * KEY_INTERVAL))
                firsts.append(await _first(worker, len(firsts)))
                await due
            beside.append(await loops)
    finally:
        await worker.close()
    return Politeness(
        cores=physical_cores(),
        slowdown=1 - statistics.median(b / a for a, b in zip(alone, beside, strict=True)),
        keys=len(firsts),
        answered=sum(first <= KEY_INTERVAL * 1000 for first in firsts),
        first_p50_ms=statistics.median(firsts),
        first_max_ms=max(firsts),
        quiet_first_p50_ms=statistics.median(quiet),
    )


async def _first(worker: Worker, key: int) -> float:
    """Milliseconds to the first text of one request; eight tokens are decoded, as a line has."""
    start = time.perf_counter()
    first = 0.0
    prompt = f"{_CODE}def total_{'x' * (key % 7)}"
    request = Request(key + 1, prompt, max_tokens=8, document="d")
    async with aclosing(worker.stream(request)) as events:
        async for event in events:
            if isinstance(event, Text) and not first:
                first = (time.perf_counter() - start) * 1000
    return first


async def _loops(seconds: float) -> int:
    """The sum of what a loop on each core counts."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _LOOP, str(seconds), stdout=subprocess.PIPE
        )
        for _ in range(physical_cores())
    ]
    outputs = [await process.communicate() for process in processes]
    return sum(int(stdout) for stdout, _ in outputs)
