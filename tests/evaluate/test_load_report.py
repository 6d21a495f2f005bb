from __future__ import annotations

from dataclasses import replace

import msgspec

from jupyter_fastgen.evaluate.speed.load import Assumptions, simulate
from jupyter_fastgen.evaluate.speed.load_report import Loads, load_goals, write_loads
from jupyter_fastgen.evaluate.speed.served import Served
from jupyter_fastgen.evaluate.stats import spread

GOOD = Served(
    users=600,
    requests=1000,
    per_second=180.0,
    busy=0,
    errors=0,
    connected_s=4.0,
    checks=600,
    parallel=16,
    first=spread([66.0, 68.0]),
    over=spread([2.0, 3.0]),
    floor=spread([1.0, 2.0]),
    quiet=spread([65.0, 66.0]),
    cpu_ms=1.2,
    memory_mb=60.0,
    goodput=0.95,
    oldest_ms=299.0,
    simulated=simulate(Assumptions(users=1, seconds=20.0)),
)

LOADS = Loads(GOOD, GOOD, GOOD, GOOD, GOOD)


def test_promises_that_are_kept():
    assert all(goal.met for goal in load_goals(LOADS))


def test_promises_that_are_not_kept():
    bad = msgspec.structs.replace(
        GOOD,
        errors=1,
        connected_s=21.0,
        parallel=17,
        quiet=spread([40.0]),
        cpu_ms=2.1,
        goodput=0.7,
        oldest_ms=500.0,
    )
    assert not any(goal.met for goal in load_goals(Loads(bad, bad, bad, bad, bad)))
    slow = msgspec.structs.replace(GOOD, over=spread([12.0]))
    met = [goal.met for goal in load_goals(replace(LOADS, direct=slow, proxied=slow))]
    assert met[:2] == [True, False]
    # Where the hub was not asked, nothing is known of how.
    unasked = msgspec.structs.replace(GOOD, checks=0, parallel=0)
    assert not load_goals(replace(LOADS, herd=unasked))[4].met


def test_the_page_names_its_command_and_the_promises():
    page = write_loads(LOADS)
    assert "`jupyter fastgen bench load --out docs/hub-benchmarks.md`" in page
    assert page.count("| yes |") == len(load_goals(LOADS))
