"""The gateway's other doors, and what is told of its work."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jupyter_events import EventLogger

from jupyter_fastgen.diagnosis.server import server_of_others
from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine.base import Abilities, EngineError
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.hub.seeing import Audit
from jupyter_fastgen.telemetry.seen import ID, SCHEMAS

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .running import ask, receive, running


async def complete(at: Any, token: str = "alice-token", **body: Any) -> Any:
    text = json.dumps({"prompt": "x = ", **body})
    return await at.fetch("v1/completions", token, method="POST", body=text)


async def test_completions_answer_as_openai_does():
    engine = ScriptedEngine("1 + 1")
    async with running(engine) as at:
        told = json.loads((await complete(at, max_tokens=7, stop="\n", model="m")).body)
        assert told["choices"][0]["text"] == "1 + 1"
        assert told["choices"][0]["finish_reason"] == "stop"
        assert told["usage"]["completion_tokens"] == 2
        assert engine.requests[0].max_tokens == 7
        assert engine.requests[0].stop[0] == "\n"
        await complete(at, suffix="\nprint(x)")
        middle = "<|fim_prefix|>x = <|fim_suffix|>\nprint(x)<|fim_middle|>"
        assert engine.requests[1].prompt == middle


async def test_completions_stream_as_openai_does():
    async with running(ScriptedEngine("1 + 1")) as at:
        answer = await complete(at, stream=True)
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = answer.body.decode().strip().split("\n\n")
        assert lines[-1] == "data: [DONE]"
        told = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
        assert "".join(event["choices"][0]["text"] for event in told) == "1 + 1"
        assert told[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"n": 2}, 400),
        ({"prompt": ["a", "b"]}, 400),
        ({"temperature": 9}, 400),
        ({"model": "../other"}, 404),
        ({"prompt": "x" * 20_000}, 502),
    ],
)
async def test_what_is_asked_wrongly_is_refused(body: dict[str, Any], code: int):
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        answer = await complete(at, **body)
        assert answer.code == code
        assert json.loads(answer.body)["error"]["message"]
        assert engine.requests == []


async def test_a_busy_gateway_answers_429_before_anything_else():
    async with running(ScriptedEngine("x"), limits=Limits(rate=0.5, burst=1)) as at:
        assert (await complete(at)).code == 200
        answer = await complete(at, stream=True)
        assert answer.code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await complete(at, "bob-token")).code == 200


async def test_health_is_open_and_tells_of_nobody():
    async with running(ScriptedEngine("x")) as at:
        answer = await at.fetch("health", "")
        assert json.loads(answer.body) == {"status": "ok", "models": {"m": "ok"}}


async def test_while_the_model_loads_clients_wait_and_health_says_so():
    async with running(ScriptedEngine("x")) as at:
        (model,) = at.gateway.models
        model.loaded.clear()
        model.tried.clear()
        assert (await at.fetch("health", "")).code == 503
        waiting = asyncio.create_task(at.remote())
        await until(lambda: at.gateway.sockets["alice"])
        model.set_loaded(Abilities())
        assert (await collect((await waiting).stream(ask())))[0] == "x"


async def test_the_doctor_asks_a_gateway():
    async with running(ScriptedEngine("x")) as at:
        url = f"fastgen+{at.url}"
        found = await asyncio.to_thread(server_of_others, "engine", url, "alice-token")
        assert found.verdict == "ok"
        assert "m on " in found.text
        found = await asyncio.to_thread(server_of_others, "engine", url, "wrong")
        assert found.verdict == "failed"
        assert "administrator" in found.mend


async def test_metrics_count_and_know_no_users():
    async with running(ScriptedEngine("x")) as at:
        remote = await at.remote()
        for account in at.accounts:
            at.gateway.metrics.take(account)
        await collect(remote.stream(ask()))
        at.gateway.metrics.take(at.accounts[0])
        told = (await at.fetch("metrics")).body.decode()
        requests = 'requests_total{class="ghost",model="m",status="stop"} 1.0'
        assert f"jupyter_fastgen_gateway_{requests}" in told
        assert "jupyter_fastgen_gateway_sockets 1.0" in told
        assert "alice" not in told


async def test_a_row_is_an_event_and_who_asked(tmp_path: Path):
    audit = Audit(tmp_path / "audit.jsonl")
    async with running(ScriptedEngine("x"), limits=Limits(rate=0.1, burst=1)) as at:
        remote = await at.remote()
        await collect(remote.stream(ask()))
        with pytest.raises(EngineError):
            await collect(remote.stream(ask(priority="prefetch")))
        with pytest.raises(EngineError):
            await collect((await at.remote("bob-token")).stream(ask(prompt="x" * 10**5)))
        for account in at.accounts:
            audit.take(account)
    audit.close()
    schemas = EventLogger().schemas
    schemas.register((SCHEMAS / "completion.v1.yaml").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [row["user"] for row in rows] == ["alice", "alice", "bob"]
    assert [row["status"] for row in rows] == ["answered", "busy", "refused"]
    assert rows[0]["groups"] == ["ai-users"]
    assert len({row["request_id"] for row in rows}) == 3
    for row in rows:
        own = {"time", "user", "groups", "end", "prompt_chars", "wait_ms"}
        schemas.validate_event(ID.format("completion"), {k: row[k] for k in row.keys() - own})


async def test_what_is_counted_is_counted_by_named_groups_and_models():
    async with running(ScriptedEngine("x")) as at:
        for token in ("alice-token", "bob-token", "bob-token"):
            await collect((await at.remote(token)).stream(ask(prompt="x" * 40)))
        for account in at.accounts:
            at.gateway.metrics.take(account)
        told = (await at.fetch("metrics")).body.decode()
        tokens = {account.user: account.new_tokens for account in at.accounts}
        assert f'group_tokens_total{{group="ai-users"}} {tokens["alice"]:.1f}' in told
        assert 'group="(other)"' in told
        assert 'jupyter_fastgen_gateway_slots{model="m"} 4.0' in told
        assert 'jupyter_fastgen_gateway_model_up{model="m"} 1.0' in told


async def test_no_text_is_found_in_any_log_metric_or_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    canary = "zanzibar_confidential"
    caplog.set_level(logging.DEBUG)
    audit = Audit(tmp_path / "audit.jsonl")
    async with running(ScriptedEngine(canary)) as at:
        remote = await at.remote()
        text, _ = await collect(
            remote.stream(ask(prompt=canary, document=canary, stop=(canary[:3],)))
        )
        assert text == ""
        assert (await collect(remote.stream(ask(prompt=canary))))[0] == canary
        await complete(at, prompt=canary)
        await complete(at, prompt=canary, n=2)
        await complete(at, prompt=canary, model=canary)
        await at.fetch(f"v1/{canary}")
        with pytest.raises(EngineError):
            await collect(remote.stream(ask(prompt=canary * 1000)))
        socket = await at.greeted()
        start = {"type": "start", "request": {"id": 1, "prompt": canary, "priority": canary}}
        await socket.write_message(msgspec.msgpack.encode(start), binary=True)
        assert isinstance(await receive(socket), frames.Failed)
        for account in at.accounts:
            at.gateway.metrics.take(account)
            audit.take(account)
        told = (await at.fetch("metrics")).body.decode()
    audit.close()
    rows = (tmp_path / "audit.jsonl").read_text()
    assert len(rows.splitlines()) == len(at.accounts) == 4
    assert json.loads(rows.splitlines()[0])["user"] == "alice"
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0
    for said in (told, rows, caplog.text):
        assert canary not in said
