"""The dashboard and the alerts: they use what a gateway tells, and say what they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from jupyter_fastgen.hub.auth import Found
from jupyter_fastgen.hub.scheduler import RANK
from jupyter_fastgen.hub.seeing import ENDS

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from .running import ask, running

DEPLOY = Path(__file__).parents[2] / "deploy"

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))

ALERTS = DEPLOY / "prometheus-alerts.yml"

RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]

EXPRESSIONS = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *(rule["expr"] for rule in RULES),
]

VALUES: dict[str, set[str]] = {
    "status": set(ENDS),
    "class": {*RANK},
    "found": {*get_args(Found)},
    "kind": {"prompt", "cached", "new"},
}
"""What labels may be."""

has_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed (Debian's package prometheus): what needs no promtool runs",
)


async def told_by_a_gateway() -> tuple[str, dict[str, set[str]]]:
    """What /metrics shows after a request, and the labels of each sample by its name."""
    async with running(ScriptedEngine("x")) as at:
        await collect((await at.remote()).stream(ask()))
        at.gateway.metrics.take(at.accounts[0])
        at.gateway.metrics.found("known", 0.01)
        text = (await at.fetch("metrics")).body.decode()
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return text, labels


async def test_what_is_asked_for_is_what_a_gateway_tells():
    _, labels = await told_by_a_gateway()
    assert len(EXPRESSIONS) >= 20
    for expression in EXPRESSIONS:
        names = re.findall(r"jupyter_fastgen_\w+", expression)
        assert names, expression
        known = set.union(*(labels[name] for name in names))
        for by in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in by.split(",")} <= known, expression
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', expression):
            assert label in known, expression
            assert set(values.split("|")) <= VALUES[label], expression


async def test_legends_name_labels_that_are_left():
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            by = re.search(r"by \(([^)]*)\)", target["expr"])
            left = {label.strip() for label in by[1].split(",")} if by else set[str]()
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= left, target


def test_grafana_finds_what_it_needs():
    assert DASHBOARD["title"]
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["schemaVersion"] >= 36
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in ("stat", "timeseries")
        assert panel["title"]
        assert panel["description"]
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        taken |= cells
        refs = [target["refId"] for target in panel["targets"]]
        assert refs == sorted(set(refs))
        for target in [panel, *panel["targets"]]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_alert_says_what_is_wrong_and_how_bad_that_is():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) >= 5
    for rule in RULES:
        assert rule["for"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"].keys() == {"summary", "description"}


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    done = subprocess.run(
        ["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@has_promtool
async def test_promtool_understands_the_rules_and_the_metrics():
    assert f"{len(RULES)} rules found" in promtool("check", "rules", ALERTS)
    text, _ = await told_by_a_gateway()
    promtool("check", "metrics", stdin=text)


GATEWAY = "jupyter_fastgen_gateway"

REQUESTS = f"{GATEWAY}_requests_total"

SERIES: dict[str, dict[str, str]] = {
    "FastgenGatewayDown": {},
    "FastgenModelDown": {f'{GATEWAY}_model_up{{model="m"}}': "0x60"},
    "FastgenFirstTextSlow": {
        f'{GATEWAY}_first_text_seconds_bucket{{class="ghost",le="1"}}': "0+1x60",
        f'{GATEWAY}_first_text_seconds_bucket{{class="ghost",le="2"}}': "0+10x60",
        f'{GATEWAY}_first_text_seconds_bucket{{class="ghost",le="+Inf"}}': "0+10x60",
    },
    "FastgenShedding": {
        f'{REQUESTS}{{model="m",status="stop"}}': "0+70x60",
        f'{REQUESTS}{{model="m",status="busy"}}': "0+20x60",
        f'{REQUESTS}{{model="m",status="expired"}}': "0+10x60",
    },
    "FastgenHubAuthFailing": {f'{GATEWAY}_auth_total{{found="failed"}}': "0+1x60"},
    "FastgenEngineFailing": {
        f'{REQUESTS}{{model="m",status="stop"}}': "0+90x60",
        f'{REQUESTS}{{model="m",status="failed"}}': "0+10x60",
    },
    "FastgenPaused": {f"{GATEWAY}_paused": "1x90"},
}
"""What makes each alert fire, beside a gateway that is well."""

WELL = {
    f"{GATEWAY}_sockets": "5x90",
    f'{GATEWAY}_model_up{{model="well"}}': "1x90",
    f'{REQUESTS}{{model="well",status="superseded"}}': "0+1x90",
    f'{GATEWAY}_auth_total{{found="known"}}': "0+1x90",
    f'{GATEWAY}_first_text_seconds_bucket{{class="explicit",le="+Inf"}}': "0+1x90",
}


@has_promtool
def test_each_alert_fires_for_what_it_is_for_and_no_other(tmp_path: Path):
    assert [rule["alert"] for rule in RULES] == list(SERIES)
    tests: list[dict[str, Any]] = []
    for fires, series in [*SERIES.items(), ("", dict[str, str]())]:
        well = {} if fires == "FastgenGatewayDown" else WELL
        given = [{"series": name, "values": values} for name, values in (well | series).items()]
        # What it says is looked at by a person; here only whether it is said.
        count = [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                "eval_time": "75m" if fires == "FastgenPaused" else "40m",
                "exp_samples": [{"labels": "{}", "value": int(name == fires)}],
            }
            for name in SERIES
        ]
        tests.append({"interval": "1m", "input_series": given, "promql_expr_test": count})
    told = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump(told))
    promtool("test", "rules", file)
