"""Many clients of a real gateway whose engine only waits: what the gateway itself costs."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field

import msgspec
import psutil

from ...engine.base import BusyError, EngineError, Request, Text
from ...engine.remote import RemoteEngine
from ..stats import Spread, spread
from .load import Assumptions, Simulated, simulate
from .timed_gateway import CHUNK

PROMPT_CHARS = 5000


class Served(msgspec.Struct, frozen=True):
    """What a gateway did for `users` sockets, beside what the simulator says of the same people.

    `over` is how much later than from the engine alone the first text came, in milliseconds;
    `connected_s` how long all took to connect; `cpu_ms` the gateway's own work for a request.
    """

    users: int
    requests: int
    per_second: float
    busy: int
    errors: int
    connected_s: float
    over: Spread
    cpu_ms: float
    memory_mb: float
    simulated: Simulated


@dataclass
class _Tally:
    over: list[float] = field(default_factory=list[float])
    requests: int = 0
    busy: int = 0
    errors: int = 0


def steady(assumed: Assumptions) -> Assumptions:
    """The same, but everybody asks now and then, as after a pause, and reads every answer."""
    return msgspec.structs.replace(
        assumed, typing=1.0, burst_keys=0.0, pause_sigma=0.8, debounce_ms=0.0, known=0.0
    )


def measure(assumed: Assumptions) -> Served:
    """Start a gateway, let all users of `steady(assumed)` ask it, and tell what came of it."""
    assumed = steady(assumed)
    secret = secrets.token_hex(8)
    told = msgspec.json.encode(assumed).decode()
    command = [sys.executable, "-m", "jupyter_fastgen.evaluate.speed.timed_gateway", told, secret]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            return asyncio.run(_load(assumed, url, secret, psutil.Process(process.pid)))
        finally:
            process.stdin.close()


async def _load(assumed: Assumptions, url: str, secret: str, gateway: psutil.Process) -> Served:
    tally = _Tally()
    clients = [RemoteEngine(url, f"t{number}-{secret}") for number in range(assumed.users)]
    began = time.perf_counter()
    await asyncio.gather(*(client.ready() for client in clients))
    connected = time.perf_counter() - began
    before = gateway.cpu_times()
    dice = random.Random(assumed.seed)
    end = asyncio.get_running_loop().time() + assumed.seconds
    await asyncio.gather(
        *(_ask(client, assumed, random.Random(dice.random()), end, tally) for client in clients)
    )
    after = gateway.cpu_times()
    memory = gateway.memory_info().rss
    await asyncio.gather(*(client.retire() for client in clients))
    used = after.user + after.system - before.user - before.system
    return Served(
        users=assumed.users,
        requests=tally.requests,
        per_second=round(tally.requests / assumed.seconds, 1),
        busy=tally.busy,
        errors=tally.errors,
        connected_s=round(connected, 2),
        over=spread(tally.over),
        cpu_ms=round(1000 * used / max(1, tally.requests), 2),
        memory_mb=round(memory / 2**20, 1),
        simulated=simulate(assumed),
    )


async def _ask(
    client: RemoteEngine, assumed: Assumptions, dice: random.Random, end: float, tally: _Tally
) -> None:
    clock = asyncio.get_running_loop().time
    floor = assumed.read_s + (CHUNK - 1) * assumed.token_ms / 1000
    prompt = "x" * PROMPT_CHARS
    await asyncio.sleep(dice.random() * assumed.pause_s)
    for id in itertools.count(1):
        began = clock()
        if began >= end:
            return
        tally.requests += 1
        first = None
        try:
            async for event in client.stream(Request(id, prompt, document="d")):
                if first is None and isinstance(event, Text):
                    first = clock()
                    tally.over.append(1000 * (first - began - floor))
        except BusyError:
            tally.busy += 1
        except EngineError:
            tally.errors += 1
        pause = assumed.pause_s * dice.lognormvariate(0.0, assumed.pause_sigma)
        await asyncio.sleep(max(0.0, began + pause - clock()))
