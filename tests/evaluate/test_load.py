from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.evaluate.speed.load import Assumptions, simulate
from jupyter_fastgen.evaluate.speed.served import measure, overloaded
from jupyter_fastgen.hub.limits import Limits

STEADY = Assumptions(
    users=50, typing=1.0, burst_keys=0.0, pause_sigma=0.8, debounce_ms=0.0, known=0.0
)
"""Everybody asks every 3.4 s on average, and lets every answer come."""


OFTEN = Limits(rate=1e9, burst=10**9)
"""No buckets."""


def test_the_same_seed_gives_the_same_figures():
    few = Assumptions(users=200, typing=0.5, slots=8, seconds=60)
    assert simulate(few) == simulate(few)
    assert simulate(few) != simulate(msgspec.structs.replace(few, seed=8))


def test_people_type_as_often_as_assumed():
    # 122 keys a minute, and as many requests with no debounce: one a key.
    found = simulate(
        Assumptions(
            users=100, typing=1.0, spell_s=1e9, debounce_ms=0, known=0.0, slots=10**4, seconds=310
        ),
        OFTEN,
    )
    assert found.asked / 100 / 5 == pytest.approx(122, rel=0.05)


def test_on_an_idle_engine_nobody_waits():
    found = simulate(Assumptions(users=20, typing=0.5, slots=50, seconds=60), OFTEN)
    assert found.waited.worst == 0
    assert set(found.ends) <= {"done", "cancelled", "superseded"}


@pytest.mark.parametrize("slots", [4, 6, 12])
def test_a_noisy_user_hurts_nobody(slots: int):
    quiet = msgspec.structs.replace(STEADY, slots=slots, seconds=300)
    alone = simulate(quiet)
    beside = simulate(msgspec.structs.replace(quiet, noisy=50.0))
    assert sum(beside.noisy_ends.values()) > 30 * alone.asked / 50
    assert beside.ends["done"] >= 0.97 * alone.ends["done"]
    assert alone.first.p95 is not None
    assert beside.first.p95 is not None
    assert beside.first.p95 <= 1.2 * alone.first.p95


def test_by_fair_queueing_alone_a_noisy_user_takes_nobodys_answers():
    quiet = msgspec.structs.replace(STEADY, slots=4, seconds=300)
    alone = simulate(quiet, OFTEN)
    beside = simulate(msgspec.structs.replace(quiet, noisy=50.0), OFTEN)
    assert beside.ends["done"] >= 0.97 * alone.ends["done"]


def test_at_three_times_its_capacity_the_engine_goes_on_with_whole_answers():
    slots = 8
    asking = 3 * slots / STEADY.run_s  # a second, together
    users = round(asking * STEADY.pause_s * 1.377)  # the mean of the pauses is e^0.32 medians
    found = simulate(msgspec.structs.replace(STEADY, users=users, slots=slots, seconds=120))
    assert found.asked > 2.7 * 110 * slots / STEADY.run_s
    assert found.useful >= 0.8
    assert found.ends["busy"] > 0.5 * found.asked
    assert found.waited.worst is not None
    assert found.waited.worst <= 1000 * Limits().ghost.wait_s


def test_under_load_people_are_asked_to_wait_longer_after_a_key():
    typing = Assumptions(users=400, typing=0.5, seconds=60)
    idle = simulate(msgspec.structs.replace(typing, slots=400))
    loaded = simulate(msgspec.structs.replace(typing, slots=10))
    assert idle.debounce.p95 == 0
    assert loaded.debounce.p50 is not None
    assert loaded.debounce.p50 >= 100
    assert loaded.asked < 0.9 * idle.asked


def test_a_real_gateway_does_what_is_simulated():
    assumed = msgspec.structs.replace(STEADY, users=60, slots=16, seconds=8.0, warm_up_s=3.0)
    found = measure(assumed)
    assert found.errors == found.busy == 0
    assert found.over.count == found.requests
    assert found.floor.count > 0
    assert (found.checks, found.noise) == (0, None)
    simulated = found.simulated.asked / (assumed.seconds - assumed.warm_up_s)
    assert found.per_second == pytest.approx(simulated, rel=0.3)


def test_beside_somebody_noisy_a_real_gateway_answers_all_others():
    found = measure(
        msgspec.structs.replace(STEADY, users=20, slots=8, seconds=6.0, warm_up_s=2.0, noisy=50.0)
    )
    assert found.errors == found.busy == 0
    assert found.first.count == found.requests
    assert found.noise is not None


def test_a_real_gateway_asked_too_much_says_so_and_goes_on_with_whole_answers():
    few = msgspec.structs.replace(STEADY, slots=2, seconds=6.0, warm_up_s=2.0)
    found = measure(overloaded(few, 3.0))
    assert found.errors == 0
    assert found.busy > found.requests / 2
    assert found.goodput > 0.5


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assumed = tmp_path / "assumed.json"
    assumed.write_text('{"typing": 0.5, "new_tokens": 8}')
    options = ["--users", "50", "--seconds", "30", "--assume", str(assumed), "--json"]
    assert main(["bench", "load", "--simulate", *options]) == 0
    told = json.loads(capsys.readouterr().out)["simulated"]
    assert told["assumptions"]["new_tokens"] == 8
    assert told["asked"] > 50


@pytest.mark.parametrize("text", ["{", '{"colour": 1}', '{"users": "many"}'])
def test_assumptions_that_are_none_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
):
    assumed = tmp_path / "assumed.json"
    assumed.write_text(text)
    assert main(["bench", "load", "--simulate", "--assume", str(assumed)]) == 1
    assert "assumed.json" in capsys.readouterr().err
