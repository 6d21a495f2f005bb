"""Several models behind one gateway."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine.base import Abilities, EngineError, Request, Role
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.host.edits import edit_host
from jupyter_fastgen.host.settings import Settings
from jupyter_fastgen.hub.dispatch import Dispatcher
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.hub.models import ROLES, Model, read_offers
from jupyter_fastgen.hub.quota import Quotas
from jupyter_fastgen.hub.sources import id_of
from jupyter_fastgen.images import MARK
from jupyter_fastgen.policy import Policy, Rules

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..tiny_vision import png
from ..waiting import until
from .running import HeldEngine, Running, ask, receive, running, send

SMALL = Policy(everyone=Rules(models=("m",)), groups={"ai-users": Rules(models=("m", "big"))})


def model(
    id: str,
    engine: ScriptedEngine,
    policy: Policy = Policy(),  # noqa: B008  # immutable
    roles: tuple[Role, ...] = ROLES,
) -> Model:
    dispatcher = Dispatcher(engine, id, 1, Quotas(Limits()), lambda: policy, {}, b"secret")
    made = Model(engine, dispatcher, roles)
    made.set_loaded(Abilities(chat="chatml"))
    return made


def two(
    policy: Policy = Policy(),  # noqa: B008  # immutable
    roles: tuple[Role, ...] = ROLES,
) -> AbstractAsyncContextManager[Running]:
    big = model("big", ScriptedEngine("from big"), policy, roles)
    return running(ScriptedEngine("from m"), policy=policy, others=[big])


async def written(at: Running, fragment: str = "", role: Role = "completion") -> str:
    remote = RemoteEngine(at.url + fragment, "alice-token", role=role)
    at.remotes.append(remote)
    await remote.ready()
    return (await collect(remote.stream(ask())))[0]


async def test_a_server_asks_the_first_model_or_the_one_that_its_url_names():
    async with two() as at:
        assert await written(at) == "from m"
        assert await written(at, "#big") == "from big"
        with pytest.raises(EngineError, match=r"no model 'other'.*it has m, big"):
            await written(at, "#other")


async def test_edits_go_to_the_model_that_is_for_them():
    async with two(roles=("edit",)) as at:
        at.gateway.models.find(at.auth.users["alice-token"], "m").roles = ("completion",)
        assert await written(at) == "from m"
        assert await written(at, role="edit") == "from big"


async def test_an_edit_may_name_a_model_of_the_gateway():
    async with two() as at:
        settings = Settings(model=f"fastgen+{at.url}#m", api_key="alice-token")
        host = edit_host(settings, Allowed(), "big")
        await host.ready()
        assert host.status.model == "big"
        await host.close()


async def test_a_server_learns_what_each_model_can():
    async with two() as at:
        remote = RemoteEngine(f"{at.url}#big", "alice-token")
        at.remotes.append(remote)
        await remote.ready()
        assert remote.loaded.model == "big"
        assert remote.loaded.abilities is not None
        assert remote.loaded.abilities.chat == "chatml"


async def test_the_policy_says_by_group_which_models_there_are():
    async with two(SMALL) as at:
        for token, names in (("alice-token", ["m", "big"]), ("bob-token", ["m"])):
            socket = await at.socket(token)
            await send(socket, frames.Hello(frames.VERSION))
            welcome = await receive(socket)
            assert isinstance(welcome, frames.Welcome)
            assert [offered.id for offered in welcome.models] == names
            listed = json.loads((await at.fetch("v1/models", token)).body)
            assert [one["id"] for one in listed["data"]] == names
        socket = await at.greeted("bob-token")
        await send(socket, frames.Start.of(frames.Ask(1, "x", model="big")))
        said = await receive(socket)
        assert isinstance(said, frames.Failed)
        assert "big is not among those that are allowed" in said.reason


async def test_who_may_use_no_model_is_told_so():
    async with running(ScriptedEngine("x"), policy=Policy(everyone=Rules(models=()))) as at:
        with pytest.raises(EngineError, match=r"no model for this user.*administrator"):
            await at.remote()


@pytest.mark.parametrize("id", ["../m", "m/../big", "m\0", "", "m" * 65, "m\n", "/etc/passwd"])
async def test_an_id_is_no_path(id: str):
    async with two() as at:
        socket = await at.greeted()
        start = {"type": "start", "request": {"id": 1, "prompt": "x", "model": id}}
        await socket.write_message(msgspec.msgpack.encode(start), binary=True)
        assert isinstance(await receive(socket), frames.Failed)
        body = json.dumps({"prompt": "x", "model": id or "none"})
        answer = await at.fetch("v1/completions", method="POST", body=body)
        assert answer.code == 404


async def test_who_uses_one_model_takes_nothing_from_those_who_use_another():
    held, free = HeldEngine(), ScriptedEngine("free")
    async with running(held, slots=1, others=[model("free", free)]) as at:
        socket = await at.greeted("bob-token")
        for id in (1, 2):
            await send(socket, frames.Start.of(frames.Ask(id, "x", document=f"d{id}")))
        await until(lambda: at.scheduler.running == at.scheduler.waiting == 1)
        assert await written(at, "#free") == "free"
        await send(socket, frames.Stop(2))
        held.let_go.set()


async def test_a_request_of_any_model_is_cancelled_by_its_id():
    held = HeldEngine()
    async with running(ScriptedEngine("x"), others=[model("held", held)]) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(7, "x", model="held")))
        await receive(socket)
        await send(socket, frames.Stop(7))
        await until(lambda: held.cancelled)


async def test_tools_name_a_model_and_health_tells_of_each():
    async with two() as at:
        body = json.dumps({"prompt": "x", "model": "big"})
        answer = await at.fetch("v1/completions", method="POST", body=body)
        assert json.loads(answer.body)["model"] == "big"
        health = json.loads((await at.fetch("health", "")).body)
        assert health["models"] == {"m": "ok", "big": "ok"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"../x": {"model": "m"}}, "regex"),
        ({"x": {"path": "m"}}, "unknown field"),
        ({"x": {"model": "m", "roles": []}}, "length"),
        ({"x": {"model": "m", "slots": 0}}, "slots"),
        ({"x": {}}, "model"),
    ],
)
def test_a_list_that_can_not_be_used_is_refused(table: dict[str, Any], said: str):
    with pytest.raises(FastgenError, match=rf"GatewayApp\.models.*{said}"):
        read_offers(table)


@pytest.mark.parametrize(
    ("where", "id"),
    [
        ("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b"),
        ("/models/my model.gguf", "my-model"),
        ("/models/exl2/", "exl2"),
        ("http://gpu:8000/v1#org/Model-7B", "org-Model-7B"),
        ("http://gpu:8000/v1", "gpu-8000"),
    ],
)
def test_a_single_model_is_called_by_what_it_is(where: str, id: str):
    assert id_of(where) == id


# --- pictures and adapters ---------------------------------------------------


def picture(**options: Any) -> Request:
    options = {"images": (png(),), "prompt": f"{MARK} ", "priority": "explicit"} | options
    return ask(**options)


async def test_a_picture_reaches_a_model_that_sees():
    engine = ScriptedEngine("a cat")
    engine.sees = "prompt"
    async with running(engine) as at:
        assert (await collect((await at.remote()).stream(picture())))[0] == "a cat"
        assert engine.requests[0].images == (png(),)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"priority": "ghost"}, "only for what a person asks"),
        ({"images": (b"GIF89a",)}, "no PNG"),
        ({"images": (png(), png())}, "not as many places"),
        ({"images": (png() + b"x" * 300_000,)}, r"300 kB, and the gateway takes 262 kB"),
        ({"images": (), "adapter": "own"}, "no adapters"),
    ],
)
async def test_what_can_not_be_shown_is_refused_with_a_word(options: dict[str, Any], said: str):
    engine = ScriptedEngine("x")
    engine.sees = "prompt"
    async with running(engine) as at:
        with pytest.raises(EngineError, match=said):
            await collect((await at.remote()).stream(picture(**options)))
        assert engine.requests == []


async def test_a_model_that_is_blind_is_shown_nothing():
    async with running(ScriptedEngine("x")) as at:
        with pytest.raises(EngineError, match="can't see"):
            await collect((await at.remote()).stream(picture()))
