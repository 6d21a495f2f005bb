"""What is told of requests: events of the user's server, and its metrics."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import msgspec
import pytest
import yaml
from jupyter_events import EventLogger
from prometheus_client import REGISTRY

from jupyter_fastgen import protocol
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.hub.scheduler import RANK
from jupyter_fastgen.policy import Feature, Policy, Rules
from jupyter_fastgen.telemetry.seen import ID, SCHEMAS, Completion, Seen, Status

from ..engine.scripted import ScriptedEngine
from ..hub.page import Page, complete, page
from ..hub.running import running

Events = list[tuple[str, dict[str, Any]]]

TEXT = "print(x)\n"


def schema(name: str) -> dict[str, Any]:
    return yaml.safe_load((SCHEMAS / f"{name}.v1.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def listening() -> tuple[Seen, Events]:
    logger, heard = EventLogger(), Events()

    async def listen(logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        heard.append((schema_id.split("/")[-2], data))

    seen = Seen(logger)
    for name in ("completion", "policy", "quota"):
        logger.add_listener(schema_id=ID.format(name), listener=listen)
    return seen, heard


def statuses(events: Events) -> list[str]:
    return [data["status"] for name, data in events if name == "completion"]


async def shown(alice: Page, id: int, *outcomes: protocol.Outcome) -> str:
    """The text of a suggestion, once it has ended."""
    alice.say(complete(id, *outcomes))
    await alice.until(protocol.Done, lambda done: done.id == id)
    return "".join(f.text for f in alice.heard if isinstance(f, protocol.Chunk) and f.id == id)


def test_the_schemas_say_what_is_emitted_and_no_more():
    completion = schema("completion")["properties"]
    fields = {field.encode_name for field in msgspec.structs.fields(Completion)}
    assert set(completion) == fields
    assert completion["status"]["enum"] == list(get_args(Status))
    assert completion["class"]["enum"] == list(RANK)
    said = schema("policy")["properties"]["feature"]["description"]
    assert all(feature in said for feature in (*get_args(Feature), "model", "paused"))
    for name in ("completion", "policy", "quota"):
        told = schema(name)
        assert told["$id"] == ID.format(name)
        assert told["additionalProperties"] is False
        assert told["personal-data"] is True
        for field in told["properties"].values():
            assert field["description"]
            assert "enum" in field or "minimum" in field or "maxLength" in field


async def test_what_became_of_a_suggestion_is_told_once(listening: tuple[Seen, Events]):
    seen, events = listening
    limits = Limits(rate=1e3, burst=1000)
    async with running(ScriptedEngine(TEXT), limits=limits) as at, page(at, seen) as alice:
        text = await shown(alice, 1)
        assert events == []
        await shown(alice, 2, protocol.Outcome(1, len(text)), protocol.Outcome(1, 0))
        await shown(alice, 3, protocol.Outcome(2, 3))
        await shown(alice, 4, protocol.Outcome(3, 0))
        # The page is closed, and what became of the last is not known.
    assert statuses(events) == ["accepted", "partially_accepted", "dismissed", "shown"]
    first = events[0][1]
    assert first["class"] == "ghost"
    assert first["chars_shown"] == first["chars_accepted"] == len(text)
    assert 0 < first["ttft_ms"] <= first["total_ms"]
    assert first["output_tokens"] > 0
    assert len({data["request_id"] for _, data in events}) == 4


async def test_refusals_and_budgets_are_told_without_text(listening: tuple[Seen, Events]):
    seen, events = listening
    few = Limits(tokens_per_day=5)
    async with running(ScriptedEngine(TEXT), limits=few) as at, page(at, seen) as alice:
        await shown(alice, 1)
        await shown(alice, 2)
    names = [name for name, _ in events]
    assert names.count("quota") == 2
    assert statuses(events) == ["refused", "shown"]
    async with running(ScriptedEngine(TEXT)) as at, page(at, seen) as alice:
        at.gateway.quotas.is_paused = True
        await shown(alice, 1)
    (rule,) = [data for name, data in events if name == "policy"]
    assert (rule["feature"], rule["where"]) == ("paused", "gateway")
    assert "print" not in json.dumps(events)
    assert "x = 1" not in json.dumps(events)


async def test_what_the_server_itself_refuses_is_told(listening: tuple[Seen, Events]):
    seen, events = listening
    allowed = Allowed()
    allowed.tell("", Policy(everyone=Rules(features={"suggestions": "force-off"})))
    async with running(ScriptedEngine(TEXT)) as at, page(at, seen, allowed) as alice:
        await shown(alice, 1)
        alice.say(protocol.Edit(7, "d", 0, ["c"], "make it 2"))
        await alice.until(protocol.Done, lambda done: done.id == 7)
        assert [account.priority for account in at.accounts] == ["explicit"]
    (rule,) = [data for name, data in events if name == "policy"]
    assert (rule["feature"], rule["where"]) == ("suggestions", "server")
    assert "administrator" in rule["reason"]


async def test_a_busy_gateway_and_one_that_fails_are_told(listening: tuple[Seen, Events]):
    seen, events = listening
    slow, lost = Limits(rate=0.1, burst=1), ScriptedEngine(TEXT, "lost")
    async with running(lost, limits=slow) as at, page(at, seen) as alice:
        await shown(alice, 1)
        await shown(alice, 2)
    assert sorted(statuses(events)) == ["busy", "error"]


async def test_an_edit_is_told_when_it_has_ended(listening: tuple[Seen, Events]):
    seen, events = listening
    async with running(ScriptedEngine("x = 2\n```")) as at, page(at, seen) as alice:
        alice.say(protocol.Edit(7, "d", 0, ["c"], "make it 2"))
        await alice.until(protocol.Done, lambda done: done.id == 7)
    (_, told), *_ = [event for event in events if event[0] == "completion"]
    assert told["class"] == "explicit"
    assert told["status"] in ("answered", "empty")


async def test_where_nobody_listens_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    logger = EventLogger()
    seen = Seen(logger)
    looked: list[str] = []
    monkeypatch.setattr(logger.schemas, "validate_event", lambda id, data: looked.append(id))
    async with running(ScriptedEngine(TEXT)) as at, page(at, seen) as alice:
        await shown(alice, 1)
    assert looked == []


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"jupyter_fastgen_{name}", labels) or 0.0


async def test_the_metrics_count_what_was_shown_and_accepted():
    accepted = {"class": "ghost", "status": "accepted"}
    before = sample("requests_total", **accepted), sample("characters_total", kind="accepted")
    firsts = sample("first_text_seconds_count", **{"class": "ghost"})
    async with running(ScriptedEngine(TEXT)) as at, page(at) as alice:
        text = await shown(alice, 1)
        await shown(alice, 2, protocol.Outcome(1, len(text)))
    assert sample("requests_total", **accepted) == before[0] + 1
    assert sample("characters_total", kind="accepted") == before[1] + len(text)
    assert sample("first_text_seconds_count", **{"class": "ghost"}) == firsts + 2


async def test_a_server_shows_its_metrics_and_knows_the_events(
    jp_fetch: Callable[..., Awaitable[Any]], jp_serverapp: Any
):
    told = (await jp_fetch("metrics")).body.decode()
    for name in ("requests_total", "first_text_seconds", "request_seconds", "tokens_total"):
        assert f"# TYPE jupyter_fastgen_{name.removesuffix('_total')}" in told
    known = jp_serverapp.event_logger.schemas.schema_ids
    assert {ID.format(name) for name in ("completion", "policy", "quota")} <= set(known)


async def test_who_only_looks_is_not_active(
    jp_fetch: Callable[..., Awaitable[Any]], jp_serverapp: Any
):
    settings = jp_serverapp.web_app.settings
    settings.pop("api_last_activity", None)
    for path in ("status", "models"):
        assert (await jp_fetch("jupyter-fastgen", path)).code == 200
    assert "api_last_activity" not in settings
