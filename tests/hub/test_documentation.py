from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from jupyter_fastgen.hub.app import GatewayApp
from jupyter_fastgen.hub.limits import Bounds, Limits
from jupyter_fastgen.hub.policy import PRESETS, Feature
from jupyter_fastgen.hub.scheduler import Scheduler
from jupyter_fastgen.hub.seeing import Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "hub.md").read_text(encoding="utf-8")

ROWS = {
    cells[1].strip(" `"): [cell.strip(' `"') for cell in cells[2:]]
    for line in PAGE.splitlines()
    if line.startswith("|") and (cells := line.split("|"))
}


def test_every_setting_is_documented_with_its_default():
    own = GatewayApp.class_own_traits(config=True)
    assert len(own) >= 15
    for name, trait in own.items():
        default = trait.default()
        assert ROWS[name][0] == (f"{default:g}" if isinstance(default, float) else str(default))


def test_every_limit_is_documented_with_its_default():
    for field in msgspec.structs.fields(Limits):
        value = getattr(Limits(), field.name)
        if isinstance(value, Bounds):
            told = [str(one) for one in msgspec.structs.astuple(value)]
            assert ROWS[field.name][:4] == told
        else:
            assert ROWS[field.name][0] == str(value)


def test_every_feature_and_preset_is_documented():
    for name in (*get_args(Feature), *filter(None, PRESETS)):
        assert f"`{name}`" in PAGE


def test_every_metric_is_documented():
    told = Metrics(Scheduler(1, Limits()), "m").text().decode()
    names = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")}
    assert len(names) >= 9
    for name in names:
        assert name.endswith("_created") or f"`{name}`" in PAGE
