"""What a gateway tells, as it comes to the page of a user."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_fastgen import protocol
from jupyter_fastgen.hub.limits import Bounds, Limits
from jupyter_fastgen.hub.scheduler import MOST_DEBOUNCE_MS

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .page import complete, page
from .running import HeldEngine, ask, running


async def test_the_page_is_told_to_wait_and_told_no_more_once_the_gateway_is_gone():
    engine = HeldEngine()
    patient = Limits(ghost=Bounds(4096, 64, wait_s=0.05, run_s=60))
    async with running(engine, slots=1, limits=patient) as at:
        bob = await at.remote("bob-token")
        held = asyncio.create_task(collect(bob.stream(ask(priority="explicit"))))
        await until(lambda: engine.started)
        async with page(at) as alice:
            alice.say(complete(1))
            assert (await alice.until(protocol.Hint)).debounce_ms == MOST_DEBOUNCE_MS
            # A page that is opened now is told, too.
            told: list[Any] = []
            alice.session._host.follow(told.append)()
            assert len(told) == 1
            await alice.session._host.engine().restart()
            await alice.until(protocol.Status, lambda status: status.state == "loading")
            alice.session._host.follow(told.append)()
            assert len(told) == 1
        engine.let_go.set()
        await held


async def test_the_page_sees_the_budget_and_why_there_is_nothing():
    limits = Limits(tokens_per_day=10)
    async with running(ScriptedEngine("y = 2\n"), limits=limits) as at, page(at) as alice:
        assert (await alice.until(protocol.Budget)).used == 0
        alice.say(complete(1))
        told = await alice.until(protocol.Budget)
        assert told.used >= told.limit == 10
        assert 0 < told.reset_s <= 86_400
        alice.say(complete(2))
        done = await alice.until(protocol.Done, lambda done: done.id == 2)
        assert "the day's budget of 10 tokens is used up" in done.why
        assert len(at.accounts) == 1


async def test_an_edit_says_its_place_in_the_queue():
    engine = HeldEngine()
    async with running(engine, slots=1) as at:
        held = asyncio.create_task(collect((await at.remote("bob-token")).stream(ask())))
        await until(lambda: engine.started)
        async with page(at) as alice:
            alice.say(protocol.Edit(7, "d", 0, ["c"], "make it 2"))
            queued = await alice.until(protocol.Progress, lambda told: told.phase == "queued")
            assert (queued.id, queued.place) == (7, 1)
            engine.let_go.set()
            await alice.until(protocol.Done, lambda done: done.id == 7)
            after = alice.heard[alice.heard.index(queued) + 1 :]
            phases = [told.phase for told in after if isinstance(told, protocol.Progress)]
            assert phases[0] == "reading"
            assert "queued" not in phases
        await held
