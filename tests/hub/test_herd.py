"""Everybody connects at once: what a real hub is asked then."""

from __future__ import annotations

from jupyter_fastgen.evaluate.speed.load import Assumptions
from jupyter_fastgen.evaluate.speed.served import measure
from jupyter_fastgen.hub.auth import PARALLEL


def test_a_cold_herd_asks_the_hub_a_few_at_once_and_everybody_is_served():
    found = measure(Assumptions(users=80, seconds=5.0, warm_up_s=1.0), through_hub=True)
    assert found.errors == found.busy == 0
    assert found.first.count == found.requests > 80
    assert found.checks >= 80
    assert 1 < found.parallel <= PARALLEL
