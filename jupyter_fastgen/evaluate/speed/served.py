"""Many clients of a real gateway whose engine only waits: what the gateway itself costs."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import msgspec
import psutil

from ...engine import frames
from ..stats import Spread, spread
from .clients import Client, Tally, make_noise, mean_pause, type_on
from .load import Assumptions, Simulated, simulate
from .local_hub import LocalHub, local_hub
from .timed_gateway import CHUNK, ECHO, Inside

FLOOR_S = 10.0
"""Seconds for which the same people ask no gateway."""


class Served(msgspec.Struct, frozen=True):
    """What a gateway did for `users` sockets, beside what the simulator says of the same people.

    `first` is the time to the first text, and `over` how much of it is not the engine's, in
    milliseconds; `floor` is the same where the engine answers on a socket without a gateway: the
    client's own part, and the machine's. With a noisy user, `quiet` is `first` without.
    `connected_s` is how long all took to connect, from the start, when the hub was asked `checks`
    times whose a token is, `parallel` ones at once at most; `cpu_ms` the gateway's own work for a
    request; `goodput` the share of what the engine can do that went into whole answers; and
    `oldest_ms` the longest that a request waited.
    """

    users: int
    requests: int
    per_second: float
    busy: int
    errors: int
    connected_s: float
    checks: int
    parallel: int
    first: Spread
    over: Spread
    floor: Spread
    quiet: Spread | None
    cpu_ms: float
    memory_mb: float
    goodput: float
    oldest_ms: float
    simulated: Simulated

    @property
    def noise(self) -> float | None:
        """The p95 beside a noisy user, as a share of that without; None if nobody is."""
        if self.quiet is None or self.first.p95 is None or not self.quiet.p95:
            return None
        return self.first.p95 / self.quiet.p95


def steady(assumed: Assumptions) -> Assumptions:
    """The same, but everybody asks now and then, as after a pause, and reads every answer."""
    return msgspec.structs.replace(
        assumed, typing=1.0, burst_keys=0.0, pause_sigma=0.8, debounce_ms=0.0, known=0.0
    )


def overloaded(assumed: Assumptions, times: float) -> Assumptions:
    """As many people as ask for so many times what the engine can do."""
    assumed = steady(assumed)
    users = round(times * assumed.slots / assumed.run_s * mean_pause(assumed))
    return msgspec.structs.replace(assumed, users=users)


def measure(assumed: Assumptions, through_hub: bool = False) -> Served:
    """Start a gateway, let all users of `steady(assumed)` ask it, and tell what came of it.

    With `through_hub` they come through the proxy of a real JupyterHub, with tokens of its users.
    """
    assumed = steady(assumed)
    with ExitStack() as stack:
        hub = stack.enter_context(local_hub()) if through_hub else None
        secret = "" if hub else secrets.token_hex(8)
        process, url = stack.enter_context(gateway_process(assumed, secret, hub))
        tokens = [f"t{number}-{secret}" for number in range(assumed.users + 1)]
        if hub is not None:
            stack.enter_context(hub.running())
            tokens = hub.tokens(assumed.users + 1)
        load = _Load(assumed, tokens, psutil.Process(process.pid))
        rounds = asyncio.run(_rounds(load, hub.url if hub else url, url))
        checks = hub.checks if hub else (0, 0)
        # Its standard input ends, and so it tells.
        inside = msgspec.json.decode(process.communicate()[0], type=Inside)
    return _served(assumed, rounds, inside, checks)


async def _rounds(load: _Load, url: str, direct: str) -> _Rounds:
    """Ask without a gateway, then the gateway, and then again beside somebody noisy, if so."""
    seconds, noisy = load.assumed.seconds, load.assumed.noisy > 1
    floor = await load.round(direct + ECHO, min(FLOOR_S, seconds))
    first = await load.round(url + frames.PATH, seconds)
    loud = await load.round(url + frames.PATH, seconds, noisy) if noisy else first
    return _Rounds(floor, first, loud)


@contextmanager
def gateway_process(
    assumed: Assumptions, secret: str, hub: LocalHub | None = None
) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A process with a gateway before an engine that only waits, and its URL."""
    told = msgspec.json.encode(assumed).decode()
    command = [sys.executable, "-m", "jupyter_fastgen.evaluate.speed.timed_gateway", told, secret]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (hub.environment if hub else {}),
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@dataclass(frozen=True)
class _Round:
    """What came of everybody's asking once; times in seconds, memory in bytes."""

    tally: Tally
    connected_s: float
    asked_s: float
    cpu_s: float
    memory: int


@dataclass(frozen=True)
class _Rounds:
    """`floor` asks no gateway; `loud` is `first` where nobody is noisy."""

    floor: _Round
    first: _Round
    loud: _Round


@dataclass(frozen=True)
class _Load:
    """All who ask, and the process that is asked."""

    assumed: Assumptions
    tokens: Sequence[str]
    gateway: psutil.Process

    async def round(self, url: str, seconds: float, noisy: bool = False) -> _Round:
        """Let everybody connect at once, and ask for so many seconds."""
        assumed, clock = self.assumed, asyncio.get_running_loop().time
        tally, dice = Tally(), random.Random(self.assumed.seed)
        clients = [Client(url, token, tally) for token in self.tokens[: assumed.users]]
        loud = [Client(url, self.tokens[-1], Tally())] if noisy else []
        began = clock()
        await asyncio.gather(*(client.connect() for client in clients + loud))
        connected = clock()
        before = self.gateway.cpu_times()
        noise = [asyncio.create_task(make_noise(client, assumed, dice)) for client in loud]
        await asyncio.gather(
            *(
                type_on(client, assumed, random.Random(dice.random()), connected + seconds)
                for client in clients
            )
        )
        asked, after = clock() - connected, self.gateway.cpu_times()
        memory = self.gateway.memory_info().rss
        for task in noise:
            task.cancel()
        for client in clients + loud:
            client.close()
        used = after.user + after.system - before.user - before.system
        return _Round(tally, connected - began, asked, used, memory)


def _served(
    assumed: Assumptions, rounds: _Rounds, inside: Inside, checks: tuple[int, int]
) -> Served:
    loud, ends = rounds.loud, rounds.loud.tally.ends
    floor_ms = 1000 * (assumed.read_s + (CHUNK - 1) * assumed.token_ms / 1000)
    whole = ends["length"] * assumed.run_s
    return Served(
        users=assumed.users,
        requests=ends.total(),
        per_second=round(ends.total() / loud.asked_s, 1),
        busy=ends["busy"],
        errors=ends["failed"] + ends["lost"],
        connected_s=round(rounds.first.connected_s, 2),
        checks=checks[0],
        parallel=checks[1],
        first=spread(loud.tally.first),
        over=spread(value - floor_ms for value in loud.tally.first),
        floor=spread(value - floor_ms for value in rounds.floor.tally.first),
        quiet=spread(rounds.first.tally.first) if assumed.noisy > 1 else None,
        cpu_ms=round(1000 * loud.cpu_s / max(1, ends.total()), 2),
        memory_mb=round(loud.memory / 2**20, 1),
        goodput=round(whole / (assumed.slots * loud.asked_s), 3),
        oldest_ms=inside.oldest_ms,
        simulated=simulate(assumed),
    )
