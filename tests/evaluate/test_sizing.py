from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.evaluate.speed.load import Assumptions, simulate
from jupyter_fastgen.evaluate.speed.replayed import AGREE, measure
from jupyter_fastgen.evaluate.speed.sizing import page, size

PAGE = Path(__file__).parents[2] / "docs" / "hub-sizing.md"

DOCUMENTED = Assumptions(users=200, seconds=130.0)


def test_one_slot_less_would_not_do():
    need = size(DOCUMENTED, 50.0, 2)
    assert need.replicas == -(-need.slots // 2)
    assert need.found.waited.p95 is not None
    assert need.found.waited.p95 <= 50.0
    fewer = simulate(msgspec.structs.replace(DOCUMENTED, slots=need.slots - 1))
    held_back = (fewer.debounce.p50 or 0) > DOCUMENTED.debounce_ms
    assert (fewer.waited.p95 or 0) > 50.0 or held_back or fewer.ends.get("busy", 0) > 0


def test_more_people_a_slower_engine_and_less_patience_need_more():
    least = size(DOCUMENTED, 50.0, 16).slots
    for changed in ({"users": 600}, {"token_ms": 20.0}):
        assert size(msgspec.structs.replace(DOCUMENTED, **changed), 50.0, 16).slots > least
    many = Assumptions(users=1000, seconds=60.0)
    assert size(many, 0.0, 16).slots > size(many, 50.0, 16).slots


def test_the_documented_table_is_what_the_command_writes():
    told = page([size(DOCUMENTED, 50.0, 16)], 50.0, 16, "")
    written = PAGE.read_text(encoding="utf-8")
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert len(rows) > 15
    for row in rows:
        assert row in written


def test_the_command_takes_assumptions(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assumed = tmp_path / "assumed.json"
    assumed.write_text('{"typing": 0.5}')
    options = ["--users", "20", "--seconds", "30", "--assume", str(assumed)]
    assert main(["bench", "sizing", *options]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["20", "10"]
    assumed.write_text('{"colour": 1}')
    assert main(["bench", "sizing", *options]) == 1


@pytest.mark.parametrize("slots", [2, 6])
def test_simulated_people_meet_the_same_at_a_real_gateway(slots: int):
    # A slow engine: beside its times those of a busy machine are small.
    found = measure(
        Assumptions(users=50, typing=1.0, slots=slots, read_rate=1500.0, seconds=8.0, spell_s=60.0)
    )
    assert sum(found.real.values()) == found.asked
    assert found.asked > 150
    assert min(found.simulated.values()) > 20
    if slots == 2:
        assert found.simulated["told to come back"] > 20
    assert found.differing <= AGREE, (found.simulated, found.real)
