"""`docs/hub-benchmarks.md`: what many people at one gateway meet, measured in one go."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

from msgspec.structs import replace

from ... import computer
from ...engine import machine
from ...hub.limits import Limits
from ..stats import Spread
from ..tables import markdown_table, number, percent, spread
from .load import Assumptions
from .load_tables import served_rows
from .report import Goal, goal_row
from .served import Served, measure, overloaded

TIMERS_MS = 50.0
"""How late a wait may be ended where the clients compute on the same cores."""


@dataclass(frozen=True)
class Loads:
    """All that was measured."""

    direct: Served
    proxied: Served
    herd: Served
    noisy: Served
    overload: Served


def measure_loads(seed: int, say: Callable[[str], None]) -> Loads:
    """One after the other; takes about six minutes. Raises `FastgenError`."""

    def people(users: int, seconds: float) -> Assumptions:
        return Assumptions(users=users, seconds=seconds, warm_up_s=seconds / 3, seed=seed)

    say("600 connections")
    direct = measure(people(600, 20))
    say("200 connections through a JupyterHub's proxy")
    proxied = measure(people(200, 20), through_hub=True)
    say("600 connections at once, of users that the hub must be asked about")
    herd = measure(people(600, 5), through_hub=True)
    say("a noisy user among 50")
    noisy = measure(replace(people(50, 60), slots=4, noisy=50.0))
    say("three times what the engine can do")
    overload = measure(overloaded(replace(people(1, 20), slots=16), 3.0))
    return Loads(direct, proxied, herd, noisy, overload)


def load_goals(found: Loads) -> list[Goal]:
    """The promises."""
    direct, proxied, herd = found.direct, found.proxied, found.herd
    noise, patience = found.noisy.noise, 1000 * Limits().ghost.wait_s
    return [
        _soon("200 connections through a hub's proxy, 60 requests a second", proxied, 15),
        _soon("600 connections, 180 requests a second", direct, 10),
        Goal(
            "The gateway takes at most 200 MiB and 2 ms of a processor for a request",
            f"{direct.memory_mb:.0f} MiB, {direct.cpu_ms:.2f} ms",
            direct.memory_mb <= 200 and direct.cpu_ms <= 2,
        ),
        Goal(
            "600 connections at once, of users that nobody has asked about, are open within 20 s",
            number(herd.connected_s, "s"),
            herd.connected_s <= 20,
        ),
        Goal(
            "The hub is asked about at most 16 of them at once",
            f"{herd.parallel}, {herd.checks:,} in all",
            herd.checks >= herd.users and herd.parallel <= 16,
        ),
        Goal(
            "One user who asks 50 times as often as 50 others makes their p95 at most 20 % worse",
            f"{percent(noise)} of {number(found.noisy.quiet and found.noisy.quiet.p95, 'ms')}",
            noise is not None and noise <= 1.2,
        ),
        Goal(
            "Asked three times what it can do, the engine spends at least 80 % on whole answers",
            percent(found.overload.goodput),
            found.overload.goodput >= 0.8,
        ),
        Goal(
            f"Then a wait ends at its deadline of {patience:.0f} ms, or {TIMERS_MS:.0f} ms later",
            number(found.overload.oldest_ms, "ms"),
            found.overload.oldest_ms <= patience + TIMERS_MS,
        ),
    ]


def _soon(who: str, found: Served, limit: float) -> Goal:
    return Goal(
        f"{who}: the first text comes at most {limit} ms later than the engine's (p95), no errors",
        f"{_p95(found.over)}, {found.errors} errors; without a gateway {_p95(found.floor)}",
        found.errors == 0 and found.over.p95 is not None and found.over.p95 <= limit,
    )


def _p95(figures: Spread) -> str:
    return number(figures.p95, "ms")


def write_loads(found: Loads) -> str:
    """The Markdown."""
    packages = ("jupyter-fastgen", "jupyterhub", "tornado", "msgspec")
    return _PAGE.format(
        date=date.today().isoformat(),
        machine=f"{computer.processor()}, {machine.physical_cores()} cores",
        versions=", ".join(f"{name} {version(name)}" for name in packages)
        + f", Python {platform.python_version()}",
        goals=markdown_table(
            ["promise", "measured", "kept"], [goal_row(goal) for goal in load_goals(found)]
        ),
        quiet=spread(found.noisy.quiet, "ms") if found.noisy.quiet else number(None),
        **{
            name: markdown_table(["", "measured"], served_rows(getattr(found, name)))
            for name in ("direct", "proxied", "herd", "noisy", "overload")
        },
    )


_PAGE = """\
# What a gateway costs

Written by `jupyter fastgen bench load --out docs/hub-benchmarks.md` on {date}, on
{machine}:
{versions}.
To change this page, change the command.

A real gateway runs before an engine that computes nothing and only takes its time: 45 ms to read
what of a prompt is not in its cache, and 5 ms to write a token, four of which come at once. The
people ask every 3.4 seconds on average, each on a websocket of their own, with prompts of 5,000
characters. They share the machine with the gateway: what of the times is theirs is told by the same
people asking the same engine on sockets without a gateway.

## What we promise

{goals}

## 600 connections

`jupyter fastgen bench load --users 600 --seconds 20`

{direct}

## 200 connections through a JupyterHub's proxy

`jupyter fastgen bench load --hub --users 200 --seconds 20`

A real hub with configurable-http-proxy; each user has a token of the hub.

{proxied}

## 600 connections at once

`jupyter fastgen bench load --hub --users 600 --seconds 5`

All of them connect in the same moment, with tokens that the gateway has not seen.

{herd}

## A noisy user

`jupyter fastgen bench load --users 50 --slots 4 --noisy 50 --seconds 60`

One more user asks 50 times as often as the others, each time for another document. The engine
writes four answers at once, and is busy for two thirds of its time without that user.

{noisy}

## Three times what the engine can do

`jupyter fastgen bench load --overload 3 --slots 16 --seconds 20`

{overload}
"""
