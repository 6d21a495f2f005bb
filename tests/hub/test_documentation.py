from __future__ import annotations

from pathlib import Path

import msgspec
from prometheus_client import REGISTRY

from jupyter_fastgen.hub.limits import Bounds, Limits
from jupyter_fastgen.hub.models import Models
from jupyter_fastgen.hub.seeing import Metrics
from jupyter_fastgen.telemetry import seen

PAGE = (Path(__file__).parents[2] / "docs" / "hub.md").read_text(encoding="utf-8")

ROWS = {
    cells[1].strip(" `"): [cell.strip(' `"') for cell in cells[2:]]
    for line in PAGE.splitlines()
    if line.startswith("|") and (cells := line.split("|"))
}


def test_every_limit_is_documented_with_its_default():
    for field in msgspec.structs.fields(Limits):
        value = getattr(Limits(), field.name)
        if isinstance(value, Bounds):
            told = [str(one) for one in msgspec.structs.astuple(value)]
            assert ROWS[field.name][:4] == told
        else:
            assert ROWS[field.name][0] == str(value)


def test_every_metric_is_documented():
    told = Metrics(Models()).text().decode()
    names = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")}
    assert len(names) >= 15
    for name in names:
        assert name.endswith("_created") or name in ROWS


def test_every_metric_and_event_of_a_server_is_documented():
    told = [metric.name for metric in REGISTRY.collect() if metric.name.startswith(seen.PREFIX)]
    assert len(told) >= 5
    for name in told:
        assert f"`{name}`" in PAGE or f"`{name}_total`" in PAGE
    for path in seen.SCHEMAS.glob("*.yaml"):
        assert f"`{path.stem.replace('.', '/')}`" in PAGE
