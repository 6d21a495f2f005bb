"""Limits by group, the day's budget, and where it is kept."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine.base import EngineError, RefusedError
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.hub import usage_file
from jupyter_fastgen.hub.app import GatewayApp
from jupyter_fastgen.hub.limits import Bounds, Limits, most_generous
from jupyter_fastgen.hub.quota import DAY, Ledger, Quotas
from jupyter_fastgen.hub.scheduler import Job, Scheduler
from jupyter_fastgen.hub.usage_file import UsageFile

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .running import HeldEngine, ask, receive, running, send

NOON = 20_000 * DAY + DAY // 2


def test_of_several_groups_the_most_generous_counts_in_each_respect():
    few = Limits(rate=1.0, burst=50, tokens_per_day=1000, ghost=Bounds(100, 10, 0.3, 20.0))
    slow = Limits(rate=9.0, burst=5, tokens_per_day=2000, ghost=Bounds(50, 20, 0.3, 20.0))
    most = most_generous([few, slow])
    assert (most.rate, most.burst, most.tokens_per_day) == (9.0, 50, 2000)
    assert most.ghost == Bounds(100, 20, 0.3, 20.0)
    assert most_generous([few, Limits()]).tokens_per_day is None
    assert most_generous([few]) == few


def test_the_budget_begins_anew_at_midnight_utc():
    quotas = Quotas(Limits(), {"students": Limits(tokens_per_day=1000)})
    quotas.ledger.charge("alice", 700, NOON)
    quotas.ledger.charge("alice", 400, NOON + 1)
    quotas.ledger.charge("bob", 5, NOON + 1)
    budget = quotas.budget("alice", ["students", "others"], NOON + 1)
    assert budget is not None
    assert budget.is_spent
    assert (budget.used, budget.percent, budget.reset_s) == (1100, 100, DAY // 2 - 1)
    assert quotas.ledger.used("alice", NOON).requests == 2
    assert quotas.budget("bob", [], NOON) is None
    fresh = quotas.budget("alice", ["students"], NOON + DAY // 2)
    assert fresh is not None
    assert (fresh.used, fresh.reset_s) == (0, DAY)


def test_a_clock_that_is_set_back_gives_no_new_budget():
    ledger = Ledger()
    ledger.charge("alice", 700, NOON)
    assert ledger.used("alice", NOON - DAY).tokens == 700


@given(st.lists(st.integers(0, 5000)), st.integers(1, 10_000))
def test_all_is_told_as_used_only_when_it_is(costs: list[int], limit: int):
    quotas = Quotas(Limits(tokens_per_day=limit))
    for cost in costs:
        quotas.ledger.charge("u", cost, NOON)
    budget = quotas.budget("u", [], NOON)
    assert budget is not None
    assert (budget.percent == 100) == budget.is_spent == (sum(costs) >= limit)
    assert 0 <= budget.percent <= 100


def test_a_users_own_limits_hold_in_the_queue():
    scheduler = Scheduler(10, Limits(burst=1, in_flight=1))
    own = Limits(burst=3, in_flight=2)
    jobs = [Job("u", "c", f"d{n}", "ghost", 1.0, limits=own) for n in range(4)]
    acts = [[step.act for step in scheduler.submit(job, 0.0)] for job in jobs]
    assert acts == [["start"], ["start"], [], ["busy"]]
    other = [Job("v", "c", f"d{n}", "ghost", 1.0) for n in range(2)]
    assert [[s.act for s in scheduler.submit(job, 0.0)] for job in other] == [["start"], ["busy"]]


def test_a_place_in_the_queue_is_the_order_in_which_jobs_start():
    patient = Bounds(4096, 64, wait_s=1e9, run_s=1e9)
    limits = Limits(burst=100, in_flight=100, waiting=100, explicit=patient, ghost=patient)
    scheduler = Scheduler(1, limits)
    held = Job("holder", "c", "", "explicit", 1.0)
    scheduler.submit(held, 0.0)
    costs = [("a", 50.0), ("a", 50.0), ("b", 80.0), ("c", 10.0), ("b", 5.0)]
    jobs = [Job(user, "c", "", "explicit", cost) for user, cost in costs]
    jobs.append(Job("d", "c", "", "ghost", 1.0))
    for job in jobs:
        scheduler.submit(job, 0.0)
    said = {job: scheduler.position(job) for job in jobs}
    running, order = held, list[Job]()
    while scheduler.waiting:
        (running,) = [step.job for step in scheduler.finish(running, 0.0)]
        order.append(running)
    assert sorted(jobs, key=lambda job: said[job]) == order


async def test_a_spent_budget_is_refused_with_its_end_and_asked_for_once():
    engine = ScriptedEngine("abcdef")
    limits = {"ai-users": Limits(tokens_per_day=20)}
    async with running(engine, group_limits=limits) as at:
        alice, bob = await at.remote(), await at.remote("bob-token")
        while not at.gateway.quotas.ledger.used("alice", 0).tokens >= 20:
            await collect(alice.stream(ask(prompt="x" * 20)))
        served = len(engine.requests)
        said = r"the day's budget of 20 tokens is used up \(it begins anew at 00:00 UTC\)"
        for priority in ("ghost", "explicit"):
            with pytest.raises(RefusedError, match=said):
                await collect(alice.stream(ask(priority=priority)))
        assert len(engine.requests) == served
        # The user's server knew, and asked nobody; others may.
        assert [account.status for account in at.accounts] == ["stop"] * served
        await collect(bob.stream(ask()))
        told = await at.fetch("v1/completions", method="POST", body='{"prompt": "x"}')
        assert told.code == 403
        assert b"begins anew" in told.body


async def test_what_is_left_is_told_by_the_hundredth_and_not_by_the_request():
    own = Limits(burst=1000, rate=1000, tokens_per_day=50_000)
    async with running(ScriptedEngine("abc"), group_limits={"ai-users": own}) as at:
        told: list[object] = []
        alice = RemoteEngine(at.url, "alice-token", on_told=told.append)
        at.remotes.append(alice)
        await alice.ready()
        for id in range(200):
            await collect(alice.stream(ask(id, prompt="x" * 8)))
        used = at.gateway.quotas.ledger.used("alice", 0)
        percents = [one.percent for one in told if isinstance(one, frames.Budget)]
        assert used.requests == 200
        assert percents[0] == 0
        assert percents == sorted(set(percents))
        assert len(percents) <= 100 * used.tokens // 50_000 + 1 < 101


async def test_a_new_day_is_told_to_who_only_waits_for_it():
    own = Limits(tokens_per_day=10)
    async with running(ScriptedEngine("abc"), limits=own, recheck_s=0.02) as at:
        at.gateway.quotas.ledger.charge("alice", 10, time.time())
        socket = await at.greeted()
        spent = await receive(socket)
        assert isinstance(spent, frames.Budget)
        assert spent.is_spent
        at.gateway.quotas.ledger.today.users.clear()
        fresh = await receive(socket)
        assert isinstance(fresh, frames.Budget)
        assert fresh.used == 0


async def test_nobody_pays_for_an_answer_that_failed():
    async with running(ScriptedEngine("abcdef", "lost")) as at:
        with pytest.raises(EngineError):
            await collect((await at.remote()).stream(ask()))
        assert at.gateway.quotas.ledger.used("alice", 0).tokens == 0


async def test_what_waits_is_told_its_place_when_that_changes():
    engine = HeldEngine()
    async with running(engine, slots=1) as at:
        holding = asyncio.create_task(collect((await at.remote("bob-token")).stream(ask())))
        await until(lambda: engine.started)
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "x", document="d", priority="explicit")))
        await send(socket, frames.Start.of(frames.Ask(2, "x", document="e", priority="explicit")))
        assert await receive(socket) == frames.Place(1, 1)
        assert await receive(socket) == frames.Place(2, 2)
        # Looked at twice meanwhile, it has not changed, and is not told.
        await asyncio.sleep(1.1)
        engine.let_go.set()
        await holding
        said = [await receive(socket) for _ in range(6)]
        assert said.count(frames.Place(1, 0)) == said.count(frames.Place(2, 0)) == 1
        assert {one.place for one in said if isinstance(one, frames.Place)} <= {0, 1}


def test_a_restart_forgets_nothing_and_the_file_holds_only_counts(tmp_path: Path):
    path = tmp_path / "deep" / "usage.json"
    usage = UsageFile(path)
    usage.ledger.charge("alice", 700, NOON)
    usage.save()
    assert path.read_text() == ('{"day":20000,"users":{"alice":{"requests":1,"tokens":700}}}')
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    again = UsageFile(path)
    assert again.ledger.used("alice", NOON).tokens == 700
    written = path.stat().st_mtime_ns
    again.save()  # nothing is new
    assert path.stat().st_mtime_ns == written


async def test_it_is_written_now_and_then_and_only_when_something_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(usage_file, "SAVE_S", 0.01)
    written: list[bytes] = []
    monkeypatch.setattr(usage_file, "replace_file", lambda path, data: written.append(data))
    usage = UsageFile(tmp_path / "usage.json")
    keeping = asyncio.create_task(usage.keep())
    for _ in range(100):
        usage.ledger.charge("alice", 1, NOON)
    await until(lambda: written)
    await asyncio.sleep(0.1)
    keeping.cancel()
    assert len(written) == 1
    assert b'"requests":100' in written[0]


@pytest.mark.parametrize("content", [b"", b"{", b'{"day": "x"}', b"\xff"])
def test_a_broken_file_begins_anew_and_says_so(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "usage.json"
    path.write_bytes(content)
    usage = UsageFile(path)
    assert usage.ledger.used("alice", NOON).tokens == 0
    assert "counted anew" in caplog.text


def test_a_file_that_can_not_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").touch()
    usage = UsageFile(tmp_path / "file" / "usage.json")
    for _ in range(3):
        usage.ledger.charge("alice", 1, NOON)
        usage.save()
    assert caplog.text.count("c.GatewayApp.usage_file") == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"students": {"body_bytes": 1}}, "body_bytes: they are the same for all"),
        ({"students": {"tokens_per_day": 0}}, r"group_limits\['students'\] can't be used"),
        ({"students": {"tokens": 5}}, "unknown field"),
    ],
)
def test_limits_of_groups_that_can_not_be_are_named(said: dict[str, object], why: str):
    with pytest.raises(FastgenError, match=why):
        GatewayApp(group_limits=said)._limits()


def test_a_group_has_everybodys_limits_but_for_what_it_changes():
    app = GatewayApp(limits={"rate": 5.0}, group_limits={"students": {"tokens_per_day": 100}})
    everybody, groups = app._limits()
    assert everybody == Limits(rate=5.0)
    assert groups == {"students": Limits(rate=5.0, tokens_per_day=100)}
