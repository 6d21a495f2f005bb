from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.engine import frames
from jupyter_fastgen.engine import remote as remote_engine
from jupyter_fastgen.engine.base import Engine, EngineError, ModelSpec, Text
from jupyter_fastgen.engine.remote import RemoteEngine

from ..hub.processes import add_users, free_port, gateway
from ..hub.running import running
from .contract import EngineContract, answer, request
from .scripted import ScriptedEngine

Loop = asyncio.AbstractEventLoop

LIMITS = {
    "rate": 1000.0,
    "burst": 1000,
    "in_flight": 4,
    "ghost": {"prompt_tokens": 16384, "new_tokens": 512, "wait_s": 60.0, "run_s": 60.0},
}


class Served(NamedTuple):
    url: str
    process: psutil.Popen
    tokens: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def served(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`jupyter fastgen gateway` with the small model, and its users' tokens."""
    folder = tmp_path_factory.mktemp("gateway")
    model, tokens = folder / "small.gguf", folder / "tokens"
    model.symlink_to(small_model)
    given, port = add_users(tokens, ("alice", "bob")), free_port()
    settings: dict[str, Any] = {
        "model": str(model),
        "slots": 2,
        "context": 2048,
        "token_file": str(tokens),
        "audit_file": str(folder / "audit.jsonl"),
        "limits": LIMITS,
    }
    with gateway(folder, port, **settings) as process:
        yield Served(f"http://127.0.0.1:{port}", process, given, folder)


def _connected(served: Served, name: str, loop: Loop) -> RemoteEngine:
    engine = RemoteEngine("")
    spec = ModelSpec("small", served.url, api_key=served.tokens[name])
    loop.run_until_complete(engine.load(spec, lambda _: None))
    return engine


@pytest.fixture(scope="module")
def engine(served: Served, jp_asyncio_loop: Loop) -> Iterator[Engine]:
    engine = _connected(served, "alice", jp_asyncio_loop)
    yield engine
    jp_asyncio_loop.run_until_complete(engine.close())


@pytest.fixture(scope="module")
def other(served: Served, jp_asyncio_loop: Loop) -> Iterator[Engine]:
    engine = _connected(served, "bob", jp_asyncio_loop)
    yield engine
    jp_asyncio_loop.run_until_complete(engine.close())


@pytest.fixture(scope="module")
def pid(served: Served) -> int:
    (child,) = served.process.children()
    return child.pid


class TestBehindAGateway(EngineContract):
    async def test_what_one_user_warmed_another_does_not_find(self, engine: Engine, other: Engine):
        prompt = "The cat sat on the mat, and looked at zanzibar. " * 8
        first = await answer(engine, request(prompt, max_tokens=1))
        again = await answer(engine, request(prompt, max_tokens=1))
        assert first.done.prompt_tokens > 60
        assert again.done.prefilled_tokens <= 2  # the measure measures
        probed = await answer(other, request(prompt, max_tokens=1, document="a"))
        assert probed.done.cached_tokens == 0
        for document in ("a", "b"):  # with two slots each user has one, whatever they ask
            own = await answer(other, request(prompt, max_tokens=1, document=document))
            assert own.done.prefilled_tokens <= 2
        kept = await answer(engine, request(prompt, max_tokens=1))
        assert kept.done.prefilled_tokens <= 2

    async def test_the_gateway_keeps_no_text(self, engine: Engine, served: Served):
        canary = "canary_of_the_mine"
        got = await answer(engine, request(f"{canary} = 1\n{canary}", max_tokens=4))
        assert got.done.new_tokens == 4
        with pytest.raises(EngineError):
            await answer(engine, request(grammar=f"{canary} ::= (", max_tokens=4))
        files = [
            path for path in served.folder.rglob("*") if path.is_file() and path.suffix != ".gguf"
        ]
        assert {"gateway.log", "audit.jsonl"} <= {path.name for path in files}
        for path in files:
            assert canary not in path.read_text()


# --- without a model ---------------------------------------------------------


async def test_a_secret_stays_here_and_comes_back_in_the_answer():
    engine = ScriptedEngine('client(key="REDACTED_1_")')
    async with running(engine) as at:
        prompt = 'api_key = "zeppelin-9931"\nclient('
        got = await answer(await at.remote(), request(prompt))
        assert got.text == 'client(key="zeppelin-9931")'
        assert engine.requests[0].prompt == 'api_key = "REDACTED_1_"\nclient('


async def test_while_a_secret_is_typed_nothing_is_asked():
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        got = await answer(await at.remote(), request('password = "', begin="zeppelin"))
        assert (got.text, got.done.reason) == ("", "stop")
        assert engine.requests == []


async def test_a_gateway_that_is_not_there_is_named_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(remote_engine, "CONNECT_SECONDS", 0.5)
    port = free_port()
    remote = RemoteEngine(f"http://127.0.0.1:{port}", "t")
    with pytest.raises(EngineError, match=rf"127\.0\.0\.1:{port}.*tried again"):
        await remote.ready()
    assert remote.state.state == "loading"
    await remote.retire()


async def test_who_is_not_let_in_is_told_so_for_good():
    async with running(ScriptedEngine("x")) as at:
        with pytest.raises(EngineError, match=r"does not let this user in.*administrator"):
            await at.remote("wrong")
        assert at.remotes[0].state.state == "error"


async def test_without_a_token_it_is_said_where_one_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    remote = RemoteEngine("http://127.0.0.1:9")
    with pytest.raises(EngineError, match="FASTGEN_TOKEN_FILE"):
        await remote.ready()


async def test_the_token_is_that_of_the_hub_or_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    async with running(ScriptedEngine("x")) as at:
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "bob-token")
        await at.remote("")
        file = tmp_path / "token"
        file.write_text("alice-token\n")
        monkeypatch.setenv("FASTGEN_TOKEN_FILE", str(file))
        await at.remote("")
        assert set(at.gateway.sockets) == {"alice", "bob"}


async def test_a_lost_connection_ends_the_answer_and_comes_back(monkeypatch: pytest.MonkeyPatch):
    async with running(ScriptedEngine("x" * 3000)) as at:
        remote = await at.remote()
        stream = remote.stream(request())
        assert isinstance(await anext(stream), Text)
        assert remote._connection is not None
        remote._connection.close()
        with pytest.raises(EngineError, match=r"lost.*comes back"):
            async for _ in stream:
                pass
        await remote.ready()
        assert (await answer(remote, request())).text == "x" * 3000


async def test_what_is_no_gateway_is_named():
    async with running(ScriptedEngine("x")) as at:
        remote = RemoteEngine(at.url + "/elsewhere", "alice-token")
        with pytest.raises(EngineError, match=r"no gateway.*c\.FastgenApp\.model"):
            await remote.ready()
        await remote.retire()


async def test_another_version_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    async with running(ScriptedEngine("x")) as at:
        remote = RemoteEngine(at.url, "alice-token")
        hello = frames.Hello(frames.VERSION + 1)
        monkeypatch.setattr(remote, "_send", lambda _: RemoteEngine._send(remote, hello))
        with pytest.raises(EngineError, match="speaks version"):
            await remote.ready()
        await remote.retire()


def test_a_gateway_without_users_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
    assert main(["gateway", "--GatewayApp.model=smollm2-135m"]) == 1
    assert "token_file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("limits=rate=0", r"GatewayApp\.limits.*rate"),
        ("limits=colour=1", r"GatewayApp\.limits.*colour"),
        ("policy_file=nowhere.toml", r"nowhere\.toml"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    option: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    tokens = tmp_path / "tokens"
    main(["gateway-user", "alice", "--file", str(tokens)])
    options = [f"--GatewayApp.token_file={tokens}", f"--GatewayApp.{option}"]
    assert main(["gateway", *options]) == 1
    assert re.search(said, capsys.readouterr().err)
