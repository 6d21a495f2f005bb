"""A shared engine and the people who type at it, in virtual time. Pure, and the same each time.

The scheduler is the gateway's own; the engine is its slots, each with a speed. People are
keystrokes: bursts of keys with log-normal gaps, pauses between bursts, and times without typing. A
request is made when the debounce passes without a key, and withdrawn at the next key.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ...hub.limits import Limits
from ...hub.scheduler import NEW_TOKEN, Job, Scheduler, Step
from ..stats import Spread, spread


class Assumptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a simulation rests on.

    Of `users`, the share `typing` types at a moment, in spells of `spell_s` seconds on average.
    Times between the keys of a burst have mean `key_ms` and deviation `key_sd_ms`, as in
    Dhakal et al., "Observations on Typing from 136 Million Keystrokes", CHI 2018; bursts have
    `burst_keys` on average, and pauses the median `pause_s` and the sigma `pause_sigma`. The
    share `known` of requests is answered by what the client has already. Of the `prompt_tokens`
    the share `reused` is in the KV cache. Each of the engine's `slots` reads `read_rate` tokens a
    second and writes one in `token_ms`.

    What happens in the first `warm_up_s` of the `seconds` is not counted.

    With `noisy` above 1, one user more asks so many times as often as the others do, whatever
    the answers, and each time for another document.
    """

    users: int = 10_000
    typing: float = 0.05
    spell_s: float = 120.0
    key_ms: float = 239.0
    key_sd_ms: float = 112.0
    burst_keys: float = 18.0
    pause_s: float = 2.5
    pause_sigma: float = 1.1
    debounce_ms: float = 75.0
    known: float = 0.25
    prompt_tokens: int = 1500
    reused: float = 0.85
    new_tokens: int = 24
    read_rate: float = 5000.0
    token_ms: float = 5.0
    slots: int = 64
    noisy: float = 1.0
    seconds: float = 300.0
    warm_up_s: float = 10.0
    seed: int = 7

    @property
    def read_tokens(self) -> float:
        """Prompt tokens that are computed."""
        return self.prompt_tokens * (1 - self.reused)

    @property
    def read_s(self) -> float:
        """Seconds from a request's start to its first token."""
        return self.read_tokens / self.read_rate + self.token_ms / 1000

    @property
    def run_s(self) -> float:
        """Seconds that a whole answer takes."""
        return self.read_tokens / self.read_rate + self.new_tokens * self.token_ms / 1000


class Simulated(msgspec.Struct, frozen=True):
    """What came of it, after the warm-up; times in milliseconds.

    `asked` counts what reached the scheduler and `ends` how that ended; `known` is what clients
    answered themselves. `first` is from a request to its first text, of those that got one, and
    `waited` to its start; of all but the noisy user. `busy` is the share of the engine's time that
    was used, `useful` that on whole answers.
    """

    assumptions: Assumptions
    asked: int
    known: int
    ends: dict[str, int]
    first: Spread
    waited: Spread
    debounce: Spread
    busy: float
    useful: float
    noisy_ends: dict[str, int]


Kind = Literal["key", "ask", "noise", "end", "expire"]

NOISY = -1


@dataclass
class _Person:
    typing_until: float
    left: int = 0
    """Keys of the burst."""
    job: Job | None = None


@dataclass
class _Tally:
    ends: Counter[str] = field(default_factory=Counter[str])
    noisy: Counter[str] = field(default_factory=Counter[str])
    first: list[float] = field(default_factory=list[float])
    waited: list[float] = field(default_factory=list[float])
    debounce: list[float] = field(default_factory=list[float])
    asked: int = 0
    known: int = 0
    used_s: float = 0.0
    useful_s: float = 0.0


Act = tuple[float, int, Literal["ask", "stop"]]
"""When which user asked, or did not want the last answer any more; in seconds from the start."""


def trace(assumed: Assumptions, limits: Limits | None = None) -> tuple[Simulated, list[Act]]:
    """As `simulate`, and what people did, to be done again elsewhere."""
    simulation = _Simulation(assumed, limits or Limits())
    return simulation.run(), simulation.acts


def simulate(assumed: Assumptions, limits: Limits | None = None) -> Simulated:
    """Let them type for `assumed.seconds` and tell what came of it."""
    return _Simulation(assumed, limits or Limits()).run()


class _Simulation:
    def __init__(self, assumed: Assumptions, limits: Limits) -> None:
        self._assumed = assumed
        self._scheduler = Scheduler(assumed.slots, limits)
        self._random = random.Random(assumed.seed)
        self._events: list[tuple[float, int, Kind, int | Job]] = []
        self._order = itertools.count()
        self._now = 0.0
        self._tally = _Tally()
        self._mu, self._sigma = _lognormal(assumed.key_ms / 1000, assumed.key_sd_ms / 1000)
        self._ends: dict[Job, float] = {}
        self._people = [_Person(0.0) for _ in range(assumed.users)]
        self._noise = itertools.count()
        self.acts: list[Act] = []

    def run(self) -> Simulated:
        assumed, dice = self._assumed, self._random
        for index, person in enumerate(self._people):
            away = 0.0 if dice.random() < assumed.typing else self._away()
            person.typing_until = away + dice.expovariate(1 / assumed.spell_s)
            self._at(away + dice.random() * assumed.pause_s, "key", index)
        if assumed.noisy > 1:
            self._at(0.0, "noise", NOISY)
        while self._events:
            self._now, _, kind, what = heapq.heappop(self._events)
            if self._now > assumed.seconds:
                break
            self._do(kind, what)
        tally = self._tally
        whole = assumed.slots * (assumed.seconds - assumed.warm_up_s)
        return Simulated(
            assumed,
            tally.asked,
            tally.known,
            dict(sorted(tally.ends.items())),
            spread(1000 * value for value in tally.first),
            spread(1000 * value for value in tally.waited),
            spread(tally.debounce),
            round(tally.used_s / whole, 3),
            round(tally.useful_s / whole, 3),
            dict(sorted(tally.noisy.items())),
        )

    def _do(self, kind: Kind, what: int | Job) -> None:
        if isinstance(what, Job):
            if self._ends.get(what) == self._now:
                self._finish(what)
        elif kind == "key":
            self._key(what)
        elif kind == "ask":
            self._ask(what)
        elif kind == "noise":
            self._make_noise()
        else:
            self._enact(self._scheduler.expire(self._now))

    def _key(self, index: int) -> None:
        person, assumed, dice = self._people[index], self._assumed, self._random
        if person.job is not None:
            if not person.job.ended:
                self.acts.append((self._now, index, "stop"))
            self._withdraw(person.job)
            person.job = None
        if self._now > person.typing_until:
            back = self._now + self._away()
            person.typing_until = back + dice.expovariate(1 / assumed.spell_s)
            self._at(back, "key", index)
            return
        if person.left > 0:
            person.left -= 1
            gap = dice.lognormvariate(self._mu, self._sigma)
        else:
            person.left = _burst(dice, assumed.burst_keys) - 1
            gap = assumed.pause_s * dice.lognormvariate(0.0, assumed.pause_sigma)
        debounce = max(assumed.debounce_ms, self._scheduler.debounce_ms) / 1000
        if gap >= debounce:
            if dice.random() < assumed.known:
                self._tally.known += self._counts
            else:
                self._at(self._now + debounce, "ask", index)
        self._at(self._now + gap, "key", index)

    def _ask(self, index: int) -> None:
        job = Job(f"u{index}", "", "d", "ghost", self._assumed.read_tokens)
        self._people[index].job = job
        self.acts.append((self._now, index, "ask"))
        self._tally.asked += self._counts
        if self._counts:
            self._tally.debounce.append(self._scheduler.debounce_ms)
        self._enact(self._scheduler.submit(job, self._now))
        if job.started is None and not job.ended:
            self._at(job.deadline, "expire", index)

    def _make_noise(self) -> None:
        assumed = self._assumed
        job = Job("noisy", "", f"d{next(self._noise)}", "ghost", assumed.read_tokens)
        self._enact(self._scheduler.submit(job, self._now))
        if job.started is None and not job.ended:
            self._at(job.deadline, "expire", NOISY)
        keys = assumed.burst_keys + 1
        pause = assumed.pause_s * math.exp(assumed.pause_sigma**2 / 2)
        usual = (keys * assumed.key_ms / 1000 + pause) / keys
        self._at(self._now + self._random.expovariate(assumed.noisy / usual), "noise", NOISY)

    def _enact(self, steps: list[Step]) -> None:
        for step in steps:
            job = step.job
            if step.act == "start":
                self._end_at(job, self._now + self._assumed.run_s)
                if self._counts and job.user != "noisy":
                    self._tally.waited.append(self._now - job.arrived)
            else:
                self._count(job, step.act)
                if job.started is not None:
                    self._stop(job)

    def _withdraw(self, job: Job) -> None:
        if job.ended:
            return
        self._count(job, "cancelled")
        if self._scheduler.cancel(job):
            self._stop(job)

    def _stop(self, job: Job) -> None:
        """The engine stops within a token."""
        soon = self._now + self._assumed.token_ms / 1000
        self._end_at(job, min(self._ends[job], soon))

    def _finish(self, job: Job) -> None:
        assumed = self._assumed
        del self._ends[job]
        assert job.started is not None
        used = self._now - job.started
        written = max(0.0, used - assumed.read_s) * 1000 / assumed.token_ms
        self._scheduler.charge(job, assumed.read_tokens + NEW_TOKEN * written)
        if not job.ended:
            self._count(job, "done")
        if self._counts:
            self._tally.used_s += used
            self._tally.useful_s += 0.0 if job.ended else used
            if used >= assumed.read_s and job.user != "noisy":
                self._tally.first.append(job.started - job.arrived + assumed.read_s)
        self._enact(self._scheduler.finish(job, self._now))

    def _count(self, job: Job, end: str) -> None:
        if self._counts:
            (self._tally.noisy if job.user == "noisy" else self._tally.ends)[end] += 1

    @property
    def _counts(self) -> bool:
        return self._now >= self._assumed.warm_up_s

    def _away(self) -> float:
        typing = self._assumed.typing
        if typing >= 1:
            return 0.0
        return self._random.expovariate(typing / (1 - typing) / self._assumed.spell_s)

    def _end_at(self, job: Job, time: float) -> None:
        self._ends[job] = time
        self._at(time, "end", job)

    def _at(self, time: float, kind: Kind, what: int | Job) -> None:
        heapq.heappush(self._events, (time, next(self._order), kind, what))


def _lognormal(mean: float, deviation: float) -> tuple[float, float]:
    """Mu and sigma of the log-normal distribution of this mean and deviation."""
    variance = math.log1p((deviation / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _burst(dice: random.Random, mean: float) -> int:
    return max(1, int(dice.expovariate(1 / mean))) if mean else 1
