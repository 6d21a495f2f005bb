"""Who goes first on a shared engine, who waits, and who is told to come back later. Pure.

Users are served by the tokens that they have consumed, each counted by the weight of the user's
group: the one with the fewest goes first, and whoever comes back after a pause starts level with
the least served of those who wait. That is the Virtual Token Counter of Sheng et al., "Fairness in
Serving Large Language Models", OSDI 2024 (arXiv:2401.00588), a fair queueing for work whose cost is
known only once it is done. Times are seconds of any clock.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..engine.base import Priority
from .limits import Limits

RANK: dict[Priority, int] = {"explicit": 0, "ghost": 1, "prefetch": 2}
"""Lower goes first."""

NEW_TOKEN = 4.0
"""What writing a token costs, in tokens read. On two cores 160 are read and 45 written a second."""

CREDIT = 20_000.0
"""Tokens ahead of the least served that an explicit request may be and still pass ghost text: a few
edits. Who calls everything explicit waits like everybody else."""

HOLDS: dict[Priority, float] = {"explicit": 4.0, "ghost": 0.25, "prefetch": 0.25}
"""Seconds that a request keeps a slot, until that is measured."""

LEARNED = 0.05
"""Weight of the newest measurement of that."""

MOST_DEBOUNCE_MS = 350
"""At full load: with it a keystroke model asks a sixth as often as with none."""

ROOM = 0.75
"""Share of the slots that may be held before a debounce is asked for: above it every request that
is withdrawn at the next key takes time from others."""

STEP_MS = 25
"""Debounces differ by at least this, or not at all."""

SMOOTHING = 2.0
"""Seconds over which the load is averaged."""

RETRY_MS = (200, 10_000)
"""The least and the most that somebody is told to wait."""

Act = Literal["start", "superseded", "busy", "expired", "dropped"]
"""`start`: the engine is to run it. All others end it: a newer request of its document came; too
much is ahead of it, or its user asks too often; it waited past its deadline; or it was a prefetch
in the way of somebody who waits. One that runs is to be cancelled, and ended with `finish`."""


@dataclass(eq=False)
class Job:
    """One request of a user. `cost` is what it will cost, as far as is known, in tokens.

    `client` and `document` say what it supersedes, the document "" nothing; `limits` are the
    user's, None everybody's.
    """

    user: str
    client: str
    document: str
    priority: Priority
    cost: float
    weight: float = 1.0
    limits: Limits | None = None
    arrived: float = 0.0
    deadline: float = math.inf
    started: float | None = None
    ended: bool = False
    charged: float = 0.0

    @property
    def place(self) -> tuple[str, str, str]:
        """Where the latest wins."""
        return self.user, self.client, self.document


@dataclass(frozen=True)
class Step:
    """What is to be done with `job`; when to come back, where it is told to."""

    job: Job
    act: Act
    retry_ms: int = 0


@dataclass
class Bucket:
    """A token bucket: `rate` a second for long, `burst` at once."""

    rate: float
    burst: float
    level: float
    filled: float

    def take(self, now: float) -> float:
        """Take one; gives 0, or the seconds until there is one again."""
        self.level = min(self.burst, self.level + (now - self.filled) * self.rate)
        self.filled = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate


@dataclass
class _User:
    bucket: Bucket
    limits: Limits
    weight: float = 1.0
    served: float = 0.0
    """Tokens by weight."""
    running: int = 0
    waiting: list[Job] = field(default_factory=list[Job])
    """The most urgent first, and of these the oldest."""


class Scheduler:
    """Decides over the `slots` of an engine; the caller does what the steps say, in their order."""

    def __init__(self, slots: int, limits: Limits) -> None:
        self.slots = slots
        self._limits = limits
        # Who was once known stays: names come from the hub, not from requests.
        self._users: dict[str, _User] = {}
        self._waiting: dict[str, _User] = {}
        self._running: set[Job] = set()
        self._live: dict[tuple[str, str, str], list[Job]] = {}
        self._floor = 0.0
        self._holds = dict(HOLDS)
        self._load = 0.0
        self._looked = -math.inf

    @property
    def running(self) -> int:
        """Jobs that hold a slot."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Jobs that wait for one."""
        return sum(len(user.waiting) for user in self._waiting.values())

    @property
    def queue(self) -> dict[Priority, int]:
        """Of those that wait, how many are of each class, the first to go first."""
        count = Counter(job.priority for job in self._queued())
        return {priority: count[priority] for priority in RANK}

    @property
    def debounce_ms(self) -> int:
        """How long a client should wait after a key before it asks: more with the load."""
        return round(self._load * MOST_DEBOUNCE_MS / STEP_MS) * STEP_MS

    @property
    def due(self) -> float | None:
        """When `expire` has something to do."""
        return min((job.deadline for job in self._queued()), default=None)

    def submit(self, job: Job, now: float) -> list[Step]:
        """Take a new job, or refuse it."""
        steps = self._supersede(job)
        user = self._user(job, now)
        patience = user.limits.of(job.priority).wait_s
        wait = self._predict(user, job)
        if job.priority == "ghost":
            self._look(wait / patience, now)
        pause = user.bucket.take(now)
        if not pause and len(user.waiting) >= user.limits.waiting:
            pause = self._holds[job.priority]
        if not pause and wait > patience:
            pause = wait - patience
        if pause:
            job.ended = True
            return [*steps, Step(job, "busy", _retry_ms(pause))]
        job.arrived, job.deadline = now, now + patience
        if not user.waiting and not user.running:
            user.served = max(user.served, self._floor)
        at = sum(RANK[other.priority] <= RANK[job.priority] for other in user.waiting)
        user.waiting.insert(at, job)
        self._waiting[job.user] = user
        if job.document:
            self._live.setdefault(job.place, []).append(job)
        return steps + self._fill(now)

    def cancel(self, job: Job) -> bool:
        """Nobody wants it any more; whether it runs, and is to be ended with `finish`."""
        self._end(job)
        return job in self._running

    def position(self, job: Job) -> int:
        """Which of all that wait `job` is, which does: 1 is the next. As things stand now."""
        orders: dict[Job, tuple[int, float]] = {}
        for user in self._waiting.values():
            virtual = user.served
            for waiting in user.waiting:
                orders[waiting] = self._order(waiting, virtual)
                virtual += waiting.cost / waiting.weight
        return 1 + sum(order < orders[job] for order in orders.values())

    def charge(self, job: Job, tokens: float) -> None:
        """A running job has cost so much up to now."""
        self._users[job.user].served += (tokens - job.charged) / job.weight
        job.charged = tokens

    def finish(self, job: Job, now: float) -> list[Step]:
        """A running job has given its slot back."""
        assert job.started is not None
        self._end(job)
        self._running.remove(job)
        self._users[job.user].running -= 1
        held = self._holds[job.priority]
        self._holds[job.priority] = held + LEARNED * (now - job.started - held)
        return self._fill(now)

    def expire(self, now: float) -> list[Step]:
        """End what has waited too long."""
        late = [job for job in self._queued() if job.deadline <= now]
        for job in late:
            self._end(job)
        return [Step(job, "expired", _retry_ms(self._holds[job.priority])) for job in late]

    # --- inside --------------------------------------------------------------

    def _user(self, job: Job, now: float) -> _User:
        user = self._users.get(job.user)
        limits = job.limits or self._limits
        if user is None:
            user = _User(Bucket(limits.rate, limits.burst, limits.burst, now), limits)
            self._users[job.user] = user
        # Groups change, and a user's limits and weight with them.
        user.bucket.rate, user.bucket.burst = limits.rate, limits.burst
        user.limits = limits
        user.weight = job.weight
        return user

    def _queued(self) -> Iterator[Job]:
        return (job for user in self._waiting.values() for job in user.waiting)

    def _supersede(self, job: Job) -> list[Step]:
        if not job.document:
            return []
        rank = RANK[job.priority]
        old = [o for o in self._live.get(job.place, ()) if RANK[o.priority] >= rank]
        for other in old:
            self._end(other)
        return [Step(other, "superseded") for other in old]

    def _end(self, job: Job) -> None:
        """Its answer is not wanted any more; it leaves the queue, but not the slot it holds."""
        if job.ended:
            return
        job.ended = True
        if job.document:
            live = self._live[job.place]
            live.remove(job)
            if not live:
                del self._live[job.place]
        if job.started is None:
            self._leave_queue(job)

    def _leave_queue(self, job: Job) -> None:
        user = self._users[job.user]
        user.waiting.remove(job)
        if not user.waiting:
            del self._waiting[job.user]

    def _order(self, job: Job, served: float) -> tuple[int, float]:
        """What goes first is less."""
        is_ahead = served > self._floor + CREDIT
        return max(RANK[job.priority], RANK["ghost"] if is_ahead else 0), served

    def _next(self) -> _User | None:
        """The user whose first waiting job goes next."""
        if not self._waiting:
            return None
        self._floor = max(self._floor, min(user.served for user in self._waiting.values()))
        free = [u for u in self._waiting.values() if u.running < u.limits.in_flight]
        return min(free, key=lambda user: self._order(user.waiting[0], user.served), default=None)

    def _fill(self, now: float) -> list[Step]:
        steps = self.expire(now)
        while len(self._running) < self.slots and (user := self._next()):
            job = user.waiting[0]
            self._leave_queue(job)
            job.started = now
            user.running += 1
            self._running.add(job)
            self.charge(job, job.cost)
            steps.append(Step(job, "start"))
        return steps + self._drop()

    def _drop(self) -> list[Step]:
        """End prefetches that hold slots for which others wait."""
        wanted = sum(
            user.waiting[0].priority != "prefetch"
            for user in self._waiting.values()
            if user.running < user.limits.in_flight
        )
        if not wanted:
            return []
        wanted -= sum(job.ended for job in self._running)
        idle = [job for job in self._running if job.priority == "prefetch" and not job.ended]
        dropped = sorted(idle, key=lambda job: job.arrived)[: max(0, wanted)]
        for job in dropped:
            self._end(job)
        return [Step(job, "dropped", RETRY_MS[0]) for job in dropped]

    def _predict(self, user: _User, job: Job) -> float:
        """Seconds until `job`, submitted now, would start."""
        served = user.served if user.waiting or user.running else max(user.served, self._floor)
        mine = self._order(job, served)
        ahead = 0
        work = 0.0
        for other in self._waiting.values():
            virtual = other.served
            for waiting in other.waiting:
                # One's own earlier jobs of the same class go first.
                if self._order(waiting, virtual) > mine or (
                    other is user and RANK[waiting.priority] > RANK[job.priority]
                ):
                    break
                ahead += 1
                work += self._holds[waiting.priority]
                virtual += waiting.cost / other.weight
        if len(self._running) + ahead < self.slots:
            return 0.0
        # The first of n slots that are held for a mean time h is free after h / n, on average.
        held = sum(self._holds[running.priority] for running in self._running)
        return (held / max(1, len(self._running)) + work) / self.slots

    def _look(self, waits: float, now: float) -> None:
        """Note the load: of somebody's patience, how much is needed, or how full the engine is."""
        load = min(1.0, max(waits, (len(self._running) / self.slots - ROOM) / (1 - ROOM), 0.0))
        passed = now - self._looked
        self._looked = now
        self._load += (load - self._load) * -math.expm1(-passed / SMOOTHING)


def _retry_ms(seconds: float) -> int:
    least, most = RETRY_MS
    return round(min(most, max(least, 1000 * seconds)))
