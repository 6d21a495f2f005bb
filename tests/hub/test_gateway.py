from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tornado.httpclient import HTTPClientError

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine.base import BusyError, Done, EngineError, Text
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.hub import gateway
from jupyter_fastgen.hub.auth import Identity, Remembering
from jupyter_fastgen.hub.limits import Bounds, Limits
from jupyter_fastgen.hub.tries import WRONG, networks
from jupyter_fastgen.policy import Policy, Rules

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .running import HeldEngine, ask, receive, running, send


async def test_an_answer_streams_through_with_the_clients_own_id():
    async with running(ScriptedEngine("print(1)\n")) as at:
        remote = await at.remote()
        text, done = await collect(remote.stream(ask(77)))
        assert text == "print(1)\n"
        assert (done.id, done.reason, done.new_tokens) == (77, "stop", 3)
        assert (await remote.stats()).engine == "scripted"
        assert remote.state.state == "ready"


async def test_two_users_with_the_same_ids_and_documents_do_not_meet():
    engine = HeldEngine()
    async with running(engine) as at:
        streams = [(await at.remote(f"{name}-token")).stream(ask()) for name in ("alice", "bob")]
        tasks = [asyncio.create_task(collect(stream)) for stream in streams]
        await until(lambda: len(engine.started) == 2)
        engine.let_go.set()
        assert [(await task)[0] for task in tasks] == ["written"] * 2
        one, other = engine.started
        assert one.id != other.id
        assert one.document != other.document
        assert one.salt != other.salt
        assert "alice" not in one.salt


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("path", ["v1/completions", "v1/models", "metrics"])
async def test_without_a_good_token_nothing_opens(token: str, path: str):
    async with running(ScriptedEngine("")) as at:
        options = {"method": "POST", "body": "{}"} if path == "v1/completions" else {}
        assert (await at.fetch(path, token, **options)).code == 403
        assert (await at.fetch(f"{path}?token=alice-token", token, **options)).code == 403
        with pytest.raises(HTTPClientError, match="403"):
            await at.socket(token)


async def test_an_address_of_wrong_tokens_is_told_to_come_back():
    async with running(ScriptedEngine(""), proxies=networks(["127.0.0.1"])) as at:
        at.gateway.auth = Remembering(at.auth, 60.0, lambda: 0.0)
        elsewhere = {"X-Forwarded-For": "6.6.6.6, 10.0.0.8"}
        for number in range(int(WRONG)):
            assert (await at.fetch("v1/models", f"wrong{number}", headers=elsewhere)).code == 403
        refused = await at.fetch("v1/models", "wrong", headers=elsewhere)
        assert refused.code == 429
        assert refused.headers["Retry-After"] == "1"
        with pytest.raises(HTTPClientError, match="429"):
            await at.socket(**elsewhere)
        assert (await at.fetch("v1/models")).code == 200
        await at.greeted()


async def test_no_page_of_a_browser_gets_a_socket():
    async with running(ScriptedEngine("")) as at:
        for origin in (at.url.removesuffix("/services/fastgen"), "https://evil.example.org"):
            with pytest.raises(HTTPClientError, match="403"):
                await at.socket(Origin=origin)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xc1",
        b"\x81" * 10_000,
        frames.encode(frames.Hello(99)),
        frames.encode(frames.Stop(1)),
        frames.encode(frames.Start.of(frames.Ask(1, "x"))),
        "text",
    ],
)
async def test_who_does_not_greet_is_left(first: bytes | str):
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        socket = await at.socket()
        await socket.write_message(first, binary=isinstance(first, bytes))
        assert await receive(socket) is None
        assert socket.close_code == 1002
        assert engine.requests == []


async def test_only_what_the_schema_names_reaches_the_engine():
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        socket = await at.greeted()
        hostile = {
            "type": "start",
            "request": {
                "id": 1,
                "prompt": "p",
                "document": "d",
                "salt": "bob's",
                "user": "bob",
                "n_discard": -1,
                "max_tokens": 10**9,
                "priority": "explicit",
            },
        }
        await socket.write_message(msgspec.msgpack.encode(hostile), binary=True)
        while not isinstance(await receive(socket), Done):
            pass
        (request,) = engine.requests
        assert request.salt not in ("", "bob's")
        assert request.document.startswith("alice/")
        assert request.max_tokens == Limits().explicit.new_tokens


@pytest.mark.parametrize(
    "field",
    [
        {"id": -1},
        {"id": 2**60},
        {"temperature": float("nan")},
        {"temperature": -1.0},
        {"max_tokens": -1},
        {"stop": ["x" * 300]},
        {"stop": ["x"] * 100},
        {"document": "x" * 300},
        {"grammar": "x" * 200_001},
        {"priority": "root"},
        {"prompt": 5},
    ],
)
async def test_a_field_out_of_its_bounds_does_not_reach_the_engine(field: dict[str, Any]):
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        socket = await at.greeted()
        start = {"type": "start", "request": {"id": 1, "prompt": "p"} | field}
        await socket.write_message(msgspec.msgpack.encode(start), binary=True)
        said = await receive(socket)
        if "id" in field:
            assert said is None
        else:
            assert isinstance(said, frames.Failed)
            assert "not allowed" in said.reason
            await send(socket, frames.Start.of(frames.Ask(2, "p")))
            assert isinstance(await receive(socket), Text)
        assert len(engine.requests) == ("id" not in field)


async def test_a_prompt_that_is_too_long_is_refused_with_the_reason():
    limits = Limits(ghost=Bounds(100, 10, 1.0, 1.0))
    async with running(ScriptedEngine("x"), limits=limits) as at:
        remote = await at.remote()
        with pytest.raises(EngineError, match="401 characters, and 400 are allowed"):
            await collect(remote.stream(ask(prompt="x" * 401)))
        assert (await collect(remote.stream(ask(prompt="x" * 400))))[0] == "x"


async def test_a_frame_past_the_limit_closes_the_socket():
    async with running(ScriptedEngine("x"), limits=Limits(body_bytes=1000)) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "x" * 2000)))
        assert await receive(socket) is None


async def test_sockets_and_requests_of_a_user_are_counted():
    async with running(HeldEngine(), limits=Limits(sockets=2, documents=2)) as at:
        one = await at.greeted()
        other = await at.greeted()
        with pytest.raises(HTTPClientError, match="429"):
            await at.socket()
        await at.greeted("bob-token")
        other.close()
        await until(lambda: at.gateway.sockets["alice"] == 1)
        for id in range(3):
            await send(one, frames.Start.of(frames.Ask(id, "x", document=f"d{id}")))
        said = [await receive(one) for _ in range(3)]
        assert said.count(frames.Busy(2, 1000)) == 1


async def test_who_does_not_read_holds_no_slot(monkeypatch: pytest.MonkeyPatch):
    async with running(ScriptedEngine("x" * 600), slots=1) as at:
        socket = await at.greeted()

        async def never(*args: Any, **options: Any) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(gateway.Socket, "write_message", never)
        await send(socket, frames.Start.of(frames.Ask(1, "x")))
        await until(lambda: at.accounts)
        assert at.accounts[0].status == "stop"
        assert at.scheduler.running == 0


async def test_two_requests_of_one_id_are_told_apart():
    engine = HeldEngine()
    async with running(engine) as at:
        socket = await at.greeted()
        for document in "de":
            await send(socket, frames.Start.of(frames.Ask(1, "x", document=document)))
        said = [await receive(socket), await receive(socket)]
        assert Text(1, "written") in said
        assert any(isinstance(one, frames.Failed) and "runs already" in one.reason for one in said)


async def test_a_newer_request_of_a_document_supersedes_and_says_so():
    engine = HeldEngine()
    async with running(engine) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "x", document="d")))
        assert isinstance(await receive(socket), Text)
        await send(socket, frames.Start.of(frames.Ask(2, "xy", document="d")))
        said = [await receive(socket), await receive(socket)]
        assert frames.Superseded(1) in said
        assert Text(2, "written") in said


async def test_what_waits_for_a_slot_is_cancelled_at_once():
    engine = HeldEngine()
    patient = Limits(ghost=Bounds(4096, 64, wait_s=60, run_s=60))
    async with running(engine, slots=1, limits=patient) as at:
        first = asyncio.create_task(collect((await at.remote("bob-token")).stream(ask())))
        await until(lambda: engine.started)
        remote = await at.remote()
        waiting = asyncio.create_task(collect(remote.stream(ask(5))))
        await until(lambda: at.scheduler.waiting)
        remote.cancel(5)
        assert (await waiting)[1] == Done(5, "cancelled")
        engine.let_go.set()
        assert (await first)[1].reason == "stop"
        assert len(engine.started) == 1


async def test_what_runs_is_cancelled_by_its_client_and_by_its_leaving():
    engine = HeldEngine()
    async with running(engine) as at:
        remote = await at.remote()
        stream = remote.stream(ask(5))
        assert await anext(stream) == Text(5, "written")
        remote.cancel(5)
        assert (await anext(stream)) == Done(5, "cancelled", new_tokens=2)
        asyncio.create_task(collect(remote.stream(ask(6))))  # noqa: RUF006
        await until(lambda: len(engine.started) == 2)
        await remote.close()
        await until(lambda: engine.started[1].id in engine.cancelled)
        await until(lambda: at.scheduler.running == 0)
        assert [account.status for account in at.accounts] == ["cancelled"] * 2


async def test_a_busy_gateway_means_a_quiet_pause():
    engine = ScriptedEngine("x")
    async with running(engine, limits=Limits(rate=2.0, burst=1)) as at:
        remote = await at.remote()
        await collect(remote.stream(ask()))
        with pytest.raises(BusyError, match="pause"):
            await collect(remote.stream(ask()))
        with pytest.raises(BusyError):
            await collect(remote.stream(ask()))
        # The second refusal asked nobody.
        assert [account.status for account in at.accounts] == ["stop", "busy"]


async def test_what_a_person_waits_for_is_asked_again():
    engine = ScriptedEngine("x")
    async with running(engine, limits=Limits(rate=5.0, burst=1)) as at:
        remote = await at.remote()
        await collect(remote.stream(ask()))
        text, _ = await collect(remote.stream(ask(priority="explicit")))
        assert text == "x"


async def test_an_answer_that_takes_too_long_is_cut():
    engine = HeldEngine()
    limits = Limits(ghost=Bounds(4096, 64, wait_s=1, run_s=0.05))
    async with running(engine, limits=limits) as at:
        text, done = await collect((await at.remote()).stream(ask()))
        assert (text, done.reason) == ("written", "length")
        assert at.accounts[0].status == "timeout"


async def test_what_waits_past_its_deadline_is_told_to_come_back():
    engine = HeldEngine()
    limits = Limits(ghost=Bounds(4096, 64, wait_s=0.3, run_s=60))
    async with running(engine, slots=1, limits=limits) as at:
        held = asyncio.create_task(collect((await at.remote("bob-token")).stream(ask())))
        await until(lambda: engine.started)
        with pytest.raises(BusyError):
            await collect((await at.remote()).stream(ask()))
        assert at.accounts[0].status == "expired"
        assert len(engine.started) == 1
        engine.let_go.set()
        await held


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(everyone=Rules(preset="confidential")), "preset confidential"),
        (Policy(everyone=Rules(preset="exam")), "preset exam"),
    ],
)
async def test_the_policy_holds_at_the_gateway(policy: Policy, said: str):
    engine = ScriptedEngine("x")
    async with running(engine, policy=policy) as at:
        body = json.dumps({"prompt": "x = ", "model": "m"})
        told = await at.fetch("v1/completions", method="POST", body=body)
        assert told.code >= 400
        assert said in json.loads(told.body)["error"]["message"]
        with pytest.raises(EngineError, match=said):
            await collect((await at.remote()).stream(ask()))
        assert engine.requests == []


async def test_a_users_server_is_told_what_concerns_its_user_and_again_when_that_changes():
    off = Rules({"edits": "force-off"})
    policy = Policy(groups={"ai-users": off, "staff": Rules(models=("m",))}, courses={"cs": off})
    told: list[tuple[Policy, tuple[str, ...]]] = []
    engine = ScriptedEngine("x")
    async with running(engine, policy=lambda: policy, recheck_s=0.02) as at:
        remote = RemoteEngine(at.url, "alice-token", on_policy=lambda *said: told.append(said))
        at.remotes.append(remote)
        await remote.ready()
        rules = Policy(groups={"ai-users": off}, courses={"cs": off})
        assert told == [(rules, ("ai-users",))]
        policy = msgspec.structs.replace(policy, groups={"staff": off})  # not alice's
        await until(lambda: len(told) == 2)
        assert told[1] == (Policy(courses={"cs": off}), ("ai-users",))
        policy = msgspec.structs.replace(policy, groups={})
        await collect(remote.stream(ask()))  # the connection is the same
        await asyncio.sleep(0.1)
        assert len(told) == 2
        at.auth.users["alice-token"] = Identity("alice", ("staff",))
        await until(lambda: len(told) == 3)
        assert told[2][1] == ("staff",)


async def test_without_edits_nobody_goes_first():
    engine = ScriptedEngine("x")
    off = Rules({"edits": "force-off", "generate": "force-off"})
    async with running(engine, policy=Policy(everyone=off)) as at:
        await collect((await at.remote()).stream(ask(priority="explicit", max_tokens=2000)))
        assert engine.requests[0].priority == "ghost"
        assert engine.requests[0].max_tokens == Limits().ghost.new_tokens


async def test_a_revoked_token_closes_the_socket():
    async with running(ScriptedEngine("x"), recheck_s=0.02) as at:
        kept = await at.greeted("bob-token")
        socket = await at.greeted()
        del at.auth.users["alice-token"]
        assert await receive(socket) is None
        assert socket.close_code == frames.REVOKED
        await send(kept, frames.Start.of(frames.Ask(1, "x")))
        assert isinstance(await receive(kept), Text)


async def test_a_hub_that_is_down_lets_nobody_new_in():
    async with running(ScriptedEngine("x")) as at:
        at.auth.down = True
        assert (await at.fetch("v1/models")).code == 503
        with pytest.raises(HTTPClientError, match="503"):
            await at.socket()
