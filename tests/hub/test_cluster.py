"""A gateway before two replicas of a real engine, in Ray on this machine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from jupyter_fastgen.engine.base import Done, EngineError, Event, Text
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.hub import coalescing
from jupyter_fastgen.hub.coalescing import PIECES, coalesced

from ..engine.contract import COUNTING, answer, request
from ..waiting import until
from .processes import add_users, free_port, gateway

REPLICA = "ray::ServeReplica:fastgen-"

DEPLOYMENT: dict[str, Any] = {
    "num_replicas": 2,
    "ray_actor_options": {"num_cpus": 0.1},
    # Fewer than the slots that the gateway counts on: what is too much here, Ray Serve refuses.
    "max_ongoing_requests": 1,
    "max_queued_requests": 1,
    "health_check_period_s": 1.0,
}

LIMITS: dict[str, Any] = {
    "rate": 1000.0,
    "burst": 1000,
    "in_flight": 16,
    "ghost": {"prompt_tokens": 4096, "new_tokens": 512, "wait_s": 30.0, "run_s": 60.0},
}


class Clustered(NamedTuple):
    url: str
    process: psutil.Popen
    tokens: dict[str, str]
    folder: Path

    def replicas(self) -> list[psutil.Process]:
        return [one for one in self._all() if _title(one).startswith(REPLICA)]

    def engines(self) -> list[psutil.Process]:
        return [one for one in self._all() if "jupyter_fastgen.engine.child" in _title(one)]

    def files(self) -> list[Path]:
        """All that the gateway and Ray have written."""
        folders = (self.folder, Path("/tmp/ray/session_latest/logs"))
        return [path for one in folders for path in one.rglob("*") if path.is_file()]

    def _all(self) -> list[psutil.Process]:
        return self.process.children(recursive=True)

    async def remote(self, user: str = "alice") -> RemoteEngine:
        remote = RemoteEngine(self.url, self.tokens[user])
        await remote.ready()
        return remote


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
def clustered(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """Ray is started once; when it ends nothing may be left of it."""
    folder = tmp_path_factory.mktemp("cluster")
    tokens, port = add_users(folder / "tokens", ("alice", "bob")), free_port()
    settings: dict[str, Any] = {
        "model": str(small_model),
        "cluster": "local",
        "deployment": DEPLOYMENT,
        "slots": 4,
        "context": 1024,
        "threads": 1,
        "token_file": str(folder / "tokens"),
        "limits": LIMITS,
        "audit_file": str(folder / "audit.jsonl"),
    }
    began = time.monotonic()
    with gateway(folder, port, seconds=120.0, **settings) as process:
        print(f"two replicas are ready after {time.monotonic() - began:.1f} s")
        yield Clustered(f"http://127.0.0.1:{port}", process, tokens, folder)
        started = process.children(recursive=True)
    gone, left = psutil.wait_procs(started, timeout=10)
    assert len(gone) > 6
    assert left == []


async def test_documents_go_to_both_replicas_and_each_to_one(clustered: Clustered):
    remote = await clustered.remote()
    before = {one: sum(one.cpu_times()[:2]) for one in clustered.engines()}
    assert len(before) == 2
    # On a busy machine the gateway hears of the second replica some seconds after the first.
    end, number = time.monotonic() + 90, 0
    while min(sum(one.cpu_times()[:2]) - used for one, used in before.items()) < 0.05:
        assert time.monotonic() < end
        number += 1
        asked = request(f"{number}: {COUNTING}", document=f"new {number}", max_tokens=1)
        await answer(remote, asked)
    for document in range(8):
        prompt = f"{document}: {COUNTING * 3}"
        for turn in range(3):
            told = await answer(remote, request(prompt, document=f"d{document}", max_tokens=4))
            # Were it to go elsewhere, it would have to be read once more.
            assert (told.done.cached_tokens > 100) == (turn > 0)
    await remote.retire()


async def test_who_connects_again_finds_the_same_replica(clustered: Clustered):
    remote = await clustered.remote()
    prompt = f"again: {COUNTING * 3}"
    await answer(remote, request(prompt, document="kept", max_tokens=1))
    await remote.restart()
    await remote.ready()
    told = await answer(remote, request(prompt, document="kept", max_tokens=1))
    assert told.done.cached_tokens > 100
    await remote.retire()


@pytest.mark.parametrize("how", ["cancel", "leave"])
async def test_cancelling_reaches_the_engine_also_when_the_user_is_gone(
    clustered: Clustered, how: str
):
    remote = await clustered.remote()
    streams = [remote.stream(request(document=name, max_tokens=500)) for name in "abcdef"]
    tasks = [asyncio.create_task(_some(stream, 3)) for stream in streams[:2]]
    await asyncio.gather(*tasks)
    if how == "cancel":
        for stream in streams[:2]:
            await stream.aclose()
    await remote.retire()
    # Each replica takes one at a time: a new one is answered only where the old one has gone.
    other = await clustered.remote("bob")
    for name in "abcdef":
        told = await answer(other, request(document=name, max_tokens=2))
        assert told.done.new_tokens == 2
    idle = {one: sum(one.cpu_times()[:2]) for one in clustered.engines()}
    await asyncio.sleep(0.5)
    assert all(sum(one.cpu_times()[:2]) - used < 0.25 for one, used in idle.items())
    await other.retire()


async def _some(stream: AsyncGenerator[Event, None], pieces: int) -> None:
    for _ in range(pieces):
        assert isinstance(await anext(stream), Text)


async def test_too_much_is_refused_before_a_byte_of_an_answer(clustered: Clustered):
    headers = {"Authorization": f"Bearer {clustered.tokens['alice']}"}
    body = {"prompt": COUNTING, "max_tokens": 60, "stream": True}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:

        async def ask() -> httpx.Response:
            return await client.post(f"{clustered.url}/v1/completions", json=body)

        told = await asyncio.gather(*(ask() for _ in range(8)))
    served = [one for one in told if one.status_code == 200]
    refused = [one for one in told if one.status_code != 200]
    assert served
    assert refused
    assert all(one.text.rstrip().endswith("data: [DONE]") for one in served)
    for one in refused:
        assert one.status_code == 429
        assert int(one.headers["Retry-After"]) >= 1
        assert json.loads(one.text)["error"]["message"]


async def test_a_replica_that_is_killed_is_replaced_and_the_others_go_on(clustered: Clustered):
    remote = await clustered.remote()
    stream = remote.stream(request(max_tokens=500))
    assert isinstance(await anext(stream), Text)
    before = {one.pid for one in clustered.replicas()}
    next(one for one in clustered.replicas() if _is_writing(one)).kill()
    with pytest.raises(EngineError):
        async for _ in stream:
            pass
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end
        try:
            await answer(remote, request(document="after", max_tokens=2))
            break
        except EngineError:
            await asyncio.sleep(0.1)
    while len(clustered.engines()) < 2:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    assert {one.pid for one in clustered.replicas()} != before
    await remote.retire()


def _is_writing(replica: psutil.Process) -> bool:
    (engine,) = replica.children()
    return engine.cpu_percent(0.2) > 20


async def test_no_text_is_in_any_file_of_the_gateway_or_of_ray(clustered: Clustered):
    canary = "zanzibar_confidential"
    remote = await clustered.remote()
    told = await answer(remote, request(f"{canary} = 1\n{canary}", document="c", max_tokens=4))
    assert told.done.new_tokens == 4
    with pytest.raises(EngineError):
        await answer(remote, request(grammar=f"{canary} ::= (", document="c", max_tokens=4))
    files = clustered.files()
    assert {"gateway.log", "audit.jsonl", "raylet.out"} <= {path.name for path in files}
    for path in files:
        assert canary.encode() not in path.read_bytes(), path
    await remote.retire()


# --- without a cluster -------------------------------------------------------


async def _told(*events: Event | EngineError, pause: float = 0.0) -> AsyncGenerator[Event, None]:
    for event in events:
        await asyncio.sleep(pause)
        if isinstance(event, EngineError):
            raise event
        yield event


async def test_pieces_go_together_and_the_first_at_once():
    pieces = [Text(1, name, (-1.0,)) for name in "abcdefghij"]
    got = [event async for event in coalesced(_told(*pieces, Done(1, "stop")))]
    texts = [event.text for event in got if isinstance(event, Text)]
    assert texts[0] == "a"
    assert "".join(texts) == "abcdefghij"
    assert len(texts) == 1 + -(-9 // PIECES)
    assert sum(len(event.logprobs) for event in got if isinstance(event, Text)) == 10
    assert got[-1] == Done(1, "stop")


async def test_a_piece_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coalescing, "SECONDS", 0.01)
    pieces = [Text(1, name) for name in "abc"]
    got = [event async for event in coalesced(_told(*pieces, Done(1, "stop"), pause=0.1))]
    assert got == [*pieces, Done(1, "stop")]


async def test_what_came_before_an_error_is_told():
    stream = coalesced(_told(Text(1, "a"), Text(1, "b"), EngineError("it died")))
    assert await anext(stream) == Text(1, "a")
    assert await anext(stream) == Text(1, "b")
    with pytest.raises(EngineError, match="it died"):
        await anext(stream)


async def test_leaving_leaves_the_engine():
    left = asyncio.Event()

    async def endless() -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield Text(1, "x")
                await asyncio.sleep(0.001)
        finally:
            left.set()

    stream = coalesced(endless())
    await anext(stream)
    await stream.aclose()
    await until(left.is_set)
