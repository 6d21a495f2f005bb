from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_fastgen.engine.base import Priority
from jupyter_fastgen.hub.limits import Bounds, Limits
from jupyter_fastgen.hub.scheduler import MOST_DEBOUNCE_MS, RANK, Job, Scheduler, Step

PATIENT = Bounds(4096, 128, wait_s=1e9, run_s=1e9)
UNLIMITED = Limits(
    rate=1e9, burst=10**9, waiting=10**9, explicit=PATIENT, ghost=PATIENT, prefetch=PATIENT
)

fresh = itertools.count()


def job(
    user: str = "u",
    document: str = "",
    priority: Priority = "ghost",
    cost: float = 100.0,
    weight: float = 1.0,
) -> Job:
    return Job(user, "tab", document or f"d{next(fresh)}", priority, cost, weight)


def acts(steps: list[Step]) -> list[tuple[Job, str]]:
    return [(step.job, step.act) for step in steps]


def started(steps: list[Step]) -> list[Job]:
    return [step.job for step in steps if step.act == "start"]


def filled(slots: int = 1, limits: Limits = UNLIMITED) -> tuple[Scheduler, list[Job]]:
    """A scheduler all of whose slots are held by other users."""
    scheduler = Scheduler(slots, limits)
    holding = [job(f"holder{n}") for n in range(slots)]
    for held in holding:
        scheduler.submit(held, 0.0)
    return scheduler, holding


def test_a_free_slot_is_given_at_once():
    scheduler = Scheduler(1, Limits())
    asked = job()
    assert acts(scheduler.submit(asked, 0.0)) == [(asked, "start")]


def test_the_latest_of_a_document_supersedes_what_waits_and_what_runs():
    scheduler, (held,) = filled()
    waiting, running = job("u", "d"), job(held.user, held.document)
    assert scheduler.submit(waiting, 0.0) == []
    assert acts(scheduler.submit(job("u", "d"), 0.1)) == [(waiting, "superseded")]
    assert acts(scheduler.submit(running, 0.2)) == [(held, "superseded")]
    # The slot is free when the engine has stopped.
    assert scheduler.running == 1


def test_another_tab_and_another_user_have_documents_of_their_own():
    scheduler = Scheduler(8, UNLIMITED)
    ones = [Job(user, tab, "d", "ghost", 1.0) for user in "ab" for tab in "xy"]
    steps = [step for one in ones for step in scheduler.submit(one, 0.0)]
    assert {step.act for step in steps} == {"start"}


def test_nothing_of_less_urgency_supersedes():
    scheduler, _ = filled()
    edit = job("u", "d", "explicit")
    scheduler.submit(edit, 0.0)
    assert scheduler.submit(job("u", "d", "prefetch"), 0.1) == []
    assert not edit.ended


def test_the_more_urgent_class_goes_first():
    scheduler, (held,) = filled()
    order: list[Priority] = ["prefetch", "ghost", "explicit"]
    asked = {priority: job(priority, priority=priority) for priority in order}
    for one in asked.values():
        scheduler.submit(one, 0.0)
    for priority in reversed(order):
        (held,) = started(scheduler.finish(held, 1.0))
        assert held is asked[priority]


def test_who_calls_everything_explicit_gains_nothing_for_long():
    scheduler, (held,) = filled()
    wins = Counter[str]()
    pushy, honest = job("pushy", priority="explicit"), job("honest")
    scheduler.submit(pushy, 0.0)
    scheduler.submit(honest, 0.0)
    for turn in range(1000):
        (held,) = started(scheduler.finish(held, float(turn)))
        wins[held.user] += 1
        scheduler.submit(job(held.user, priority=held.priority), float(turn))
    assert wins["honest"] > 0.35 * wins["pushy"]


def test_a_prefetch_makes_room_for_whoever_waits():
    scheduler = Scheduler(1, UNLIMITED)
    idle, typed = job("a", priority="prefetch"), job("b")
    scheduler.submit(idle, 0.0)
    assert acts(scheduler.submit(typed, 0.1)) == [(idle, "dropped")]
    assert acts(scheduler.finish(idle, 0.2)) == [(typed, "start")]


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_users_share_tokens_by_their_weights(weight: float):
    scheduler, (held,) = filled()
    costs = {"light": 10.0, "heavy": 400.0}
    weights = {"light": 1.0, "heavy": weight}
    got = dict.fromkeys(costs, 0.0)

    def ask(user: str) -> None:
        scheduler.submit(job(user, cost=costs[user], weight=weights[user]), 0.0)

    for user in costs:
        ask(user)
        ask(user)
    for turn in range(5000):
        (held,) = started(scheduler.finish(held, float(turn)))
        got[held.user] += costs[held.user]
        ask(held.user)
    assert got["heavy"] / got["light"] == pytest.approx(weight, rel=0.1)


def test_what_an_answer_cost_in_the_end_is_what_counts():
    scheduler, (held,) = filled()
    got = Counter[str]()
    for user in ("cached", "new"):
        scheduler.submit(job(user), 0.0)
        scheduler.submit(job(user), 0.0)
    for turn in range(1000):
        scheduler.charge(held, 10.0 if held.user == "cached" else 40.0)
        (held,) = started(scheduler.finish(held, float(turn)))
        got[held.user] += 1
        scheduler.submit(job(held.user), 0.0)
    assert got["cached"] / got["new"] == pytest.approx(4, rel=0.1)


def test_a_pause_saves_nothing_up():
    scheduler, (held,) = filled()
    scheduler.submit(job("rested"), 0.0)
    (held,) = started(scheduler.finish(held, 0.0))
    scheduler.submit(job("busy"), 0.0)
    for turn in range(100):
        (held,) = started(scheduler.finish(held, float(turn)))
        scheduler.submit(job("busy"), float(turn))
    scheduler.submit(job("rested"), 100.0)
    scheduler.submit(job("rested"), 100.0)
    turns = Counter[str]()
    for turn in range(40):
        (held,) = started(scheduler.finish(held, 101.0 + turn))
        turns[held.user] += 1
        scheduler.submit(job(held.user), 101.0 + turn)
    assert abs(turns["rested"] - turns["busy"]) <= 2


def test_who_asks_too_often_is_told_when_to_come_back():
    scheduler = Scheduler(100, Limits(rate=2.0, burst=3, in_flight=100))
    for _ in range(3):
        assert started(scheduler.submit(job(), 0.0))
    (step,) = scheduler.submit(job(), 0.0)
    assert (step.act, step.retry_ms) == ("busy", 500)
    assert started(scheduler.submit(job(), 0.5))


def test_no_user_holds_more_slots_than_allowed():
    scheduler = Scheduler(4, Limits(in_flight=2))
    running = [j for _ in range(4) for j in started(scheduler.submit(job(), 0.0))]
    assert len(running) == 2
    assert started(scheduler.submit(job("other"), 0.0))


def test_a_wait_that_would_be_too_long_is_refused_at_once():
    scheduler, _ = filled(1, Limits(in_flight=1))
    asked = [job(f"u{n}") for n in range(20)]
    said = [act for one in asked for _, act in acts(scheduler.submit(one, 0.0))]
    assert said
    assert set(said) == {"busy"}
    assert 1 <= scheduler.waiting < 5


def test_what_waits_past_its_deadline_never_starts():
    scheduler, (held,) = filled(1, Limits())
    late = job("u")
    scheduler.submit(late, 0.0)
    assert scheduler.due == pytest.approx(0.3)
    assert scheduler.expire(0.29) == []
    assert acts(scheduler.finish(held, 0.31)) == [(late, "expired")]


def test_what_is_cancelled_leaves_the_queue_or_keeps_its_slot_until_it_has_stopped():
    scheduler, (held,) = filled()
    waiting = job()
    scheduler.submit(waiting, 0.0)
    assert not scheduler.cancel(waiting)
    assert scheduler.cancel(held)
    assert scheduler.running == 1
    assert scheduler.finish(held, 1.0) == []


def test_the_debounce_rises_with_the_load_and_falls_with_it():
    scheduler = Scheduler(4, Limits(rate=1e9))
    assert scheduler.debounce_ms == 0
    running: list[Job] = []
    for turn in range(200):
        running += started(scheduler.submit(job(f"u{turn}"), turn / 20))
    assert scheduler.debounce_ms == MOST_DEBOUNCE_MS
    for held in list(running):
        running += started(scheduler.finish(held, 10.0))
    for turn in range(100):
        for held in started(scheduler.submit(job(f"v{turn}"), 12.0 + turn / 10)):
            scheduler.finish(held, 12.0 + turn / 10)
    assert scheduler.debounce_ms == 0


moves = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "finish", "cancel", "wait"]),
        st.integers(0, 3),
        st.sampled_from(["", "d", "e"]),
        st.sampled_from(list(RANK)),
        st.floats(0, 0.5),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(moves, st.integers(1, 3))
def test_every_job_ends_once_and_no_bound_is_passed(moves, slots):
    limits = Limits(rate=5.0, burst=8, in_flight=2, waiting=3)
    scheduler = Scheduler(slots, limits)
    now, ends = 0.0, Counter[int]()
    asked: list[Job] = []
    running: list[Job] = []
    withdrawn: set[Job] = set()

    def take(steps: list[Step]) -> None:
        for step in steps:
            if step.act == "start":
                assert now <= step.job.deadline
                assert not step.job.ended
                running.append(step.job)
            else:
                assert step.job.ended
                ends[id(step.job)] += 1

    for kind, user, document, priority, pause in moves:
        if kind == "ask":
            one = Job(f"u{user}", "t", document, priority, 10.0 * (user + 1), weight=user + 0.5)
            asked.append(one)
            take(scheduler.submit(one, now))
        elif kind == "finish" and running:
            done = running.pop(user % len(running))
            if not done.ended:
                ends[id(done)] += 1
            take(scheduler.finish(done, now))
        elif kind == "cancel" and asked and not asked[-1].ended:
            withdrawn.add(asked[-1])
            ends[id(asked[-1])] += 1
            assert scheduler.cancel(asked[-1]) == (asked[-1] in running)
        else:
            now += pause
            take(scheduler.expire(now))
        assert scheduler.running == len(running) <= slots
        assert all(n <= limits.in_flight for n in Counter(j.user for j in running).values())
        waiting = [j for j in asked if j.started is None and not j.ended]
        assert scheduler.waiting == len(waiting)
        assert all(n <= limits.waiting for n in Counter(j.user for j in waiting).values())
        assert all(now <= j.deadline for j in waiting)
        # Nobody waits beside a free slot but who holds all that is allowed.
        if len(running) < slots:
            held = Counter(j.user for j in running)
            assert all(held[j.user] == limits.in_flight for j in waiting)
        places = Counter((j.place, j.priority) for j in asked if not j.ended and j.document)
        assert all(count == 1 for count in places.values())
    while running:
        done = running.pop()
        ends[id(done)] += not done.ended
        take(scheduler.finish(done, now))
    assert scheduler.running == scheduler.waiting == 0
    assert all(ends[id(one)] == 1 for one in asked)
