"""The same people at the simulator and at a real gateway: whether they meet the same.

The simulator writes down when whom asked for what and gave it up; the same is then asked of a real
gateway in real time, over websockets, before an engine that takes the times that are assumed.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from tornado.websocket import WebSocketClosedError

from ..stats import Spread, spread
from ..tables import Row, percent
from .clients import Client, Tally
from .load import Act, Assumptions, Simulated, trace
from .served import gateway_process
from .timed_gateway import CHUNK

AGREE = 0.06
"""Share of the requests that may end otherwise: a gateway's clock is not the simulator's."""

LATER_MS = 50.0
"""That the median wait for the first text may be longer: what sockets and a busy machine add."""

KINDS = {
    "done": "answered",
    "length": "answered",
    "cancelled": "given up",
    "superseded": "given up",
    "busy": "told to come back",
    "expired": "told to come back",
    "dropped": "told to come back",
}
"""Ends of the simulator's and of a client's requests, as a person would call them: what is given up
at the next key may be told so as either."""


class Replayed(msgspec.Struct, frozen=True):
    """How requests ended, by `KINDS`, and when their first text came, in milliseconds."""

    asked: int
    simulated: dict[str, int]
    real: dict[str, int]
    first_simulated: Spread
    first_real: Spread

    @property
    def differing(self) -> float:
        """The share of the requests that ended otherwise, at least."""
        kinds = {*self.simulated, *self.real}
        moved = sum(abs(self.simulated.get(k, 0) - self.real.get(k, 0)) for k in kinds)
        return moved / 2 / max(1, self.asked)

    @property
    def later_ms(self) -> float:
        """How much later the median first text came."""
        return (self.first_real.p50 or 0.0) - (self.first_simulated.p50 or 0.0)

    @property
    def agrees(self) -> bool:
        """Whether the simulation can be believed."""
        whole = sum(self.real.values()) == self.asked
        return whole and self.differing <= AGREE and abs(self.later_ms) <= LATER_MS


def measure(assumed: Assumptions) -> Replayed:
    """Simulate, do the same with a real gateway, and tell how both went. Takes `assumed.seconds`.

    From the first second on: what the warm-up brings counts, too.
    """
    assumed = msgspec.structs.replace(assumed, warm_up_s=0.0, noisy=1.0)
    simulated, acts = trace(assumed)
    with gateway_process(assumed, secret := secrets.token_hex(8)) as (_, url):
        tally = asyncio.run(_play(acts, url, secret))
    # The real engine's first piece has some tokens, and the simulator's one.
    piece_ms = (CHUNK - 1) * assumed.token_ms
    return Replayed(
        simulated.asked,
        _by_kind(_ends(simulated)),
        _by_kind(tally.ends),
        _shifted(simulated.first, piece_ms),
        spread(tally.first),
    )


async def _play(acts: Sequence[Act], url: str, secret: str) -> Tally:
    tally = Tally()
    clients = {user: Client(f"{url}v1/engine", f"t{user}-{secret}", tally) for _, user, _ in acts}
    await asyncio.gather(*(client.connect() for client in clients.values()))
    clock = asyncio.get_running_loop().time
    began = clock()
    ids: Counter[int] = Counter()
    asked: list[asyncio.Task[None]] = []
    for when, user, kind in acts:
        if (wait := began + when - clock()) > 0:
            await asyncio.sleep(wait)
        if kind == "ask":
            ids[user] += 1
            asked.append(asyncio.create_task(clients[user].ask(ids[user])))
            await asyncio.sleep(0)
        else:
            clients[user].stop(ids[user])
    await asyncio.gather(*asked)
    for client in clients.values():
        with suppress(WebSocketClosedError):
            client.close()
    return tally


def _ends(found: Simulated) -> Counter[str]:
    """With what still ran at the end: in reality that was answered."""
    ends = Counter(found.ends)
    ends["done"] += found.asked - ends.total()
    return ends


def _by_kind(ends: Counter[str]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for end, count in ends.items():
        kinds[KINDS.get(end, end)] += count
    return dict(sorted(kinds.items()))


def _shifted(times: Spread, by: float) -> Spread:
    figures = msgspec.structs.astuple(times)[1:]
    return Spread(times.count, *(None if one is None else one + by for one in figures))


def replayed_rows(found: Replayed) -> list[Row]:
    """Beside each other."""
    kinds = sorted({*found.simulated, *found.real})
    first = (found.first_simulated, found.first_real)
    rows = [
        [kind, *(f"{e.get(kind, 0):,}" for e in (found.simulated, found.real))] for kind in kinds
    ]
    rows.append(
        [
            "first text, p50",
            *(f"{math.nan if one.p50 is None else one.p50:.0f} ms" for one in first),
        ]
    )
    rows.append(["ended otherwise", "", f"{percent(found.differing)} of {found.asked:,}"])
    return rows
