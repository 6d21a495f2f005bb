from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_fastgen.engine import machine, worker
from jupyter_fastgen.engine.base import EngineError, ModelSpec, Text
from jupyter_fastgen.engine.supervised import WorkerState
from jupyter_fastgen.engine.worker import Worker

from ..conftest import RunningServer
from .contract import answer, request

Loop = asyncio.AbstractEventLoop
SECONDS = 60
"""Longest wait for what must happen."""


class Watched(Worker):
    """A worker whose states can be awaited."""

    def __init__(self, model: Path | str, **options) -> None:
        engine = options.pop("engine", "llamacpp")
        self.states: list[WorkerState] = []
        self._changed = asyncio.Event()
        super().__init__(engine, ModelSpec("small", str(model), 512, 1), self._note, **options)

    def _note(self, state: WorkerState) -> None:
        self.states.append(state)
        self._changed.set()

    async def until(self, state: str, detail: str = "") -> WorkerState:
        async def reached() -> None:
            while self.state.state != state or detail not in self.state.detail:
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(reached(), SECONDS)
        return self.state


@pytest.fixture(scope="module")
def running(small_model: Path, jp_asyncio_loop: Loop) -> Iterator[Watched]:
    """A worker that the tests may leave in any state but closed."""
    made: list[Watched] = []

    async def make() -> None:
        made.append(Watched(small_model))
        await made[0].ready()

    jp_asyncio_loop.run_until_complete(make())
    yield made[0]
    jp_asyncio_loop.run_until_complete(made[0].close())


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until_gone(pid: int) -> None:
    while not gone(pid):  # noqa: ASYNC110 it may be no child of ours
        await asyncio.sleep(0.01)


async def test_it_tells_its_states_while_it_loads(running: Watched):
    assert running.states[0] == WorkerState("loading", progress=0.0)
    shown = [state.progress for state in running.states if state.progress is not None]
    assert shown == sorted(shown)
    assert len(shown) > 3
    assert running.states[-1] == WorkerState("ready")


async def test_the_process_yields_to_kernels(running: Watched):
    process = psutil.Process(running.pid)
    assert process.nice() >= psutil.Process().nice() + machine.NICE or process.nice() == 19
    assert os.getsid(process.pid) != os.getsid(0)


async def test_killed_mid_stream_it_heals(running: Watched):
    await running.ready()
    stream = running.stream(request(max_tokens=400))
    assert isinstance(await anext(stream), Text)
    pid = running.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineError, match=r"the engine process died \(signal SIGKILL\)"):
        async for _ in stream:
            pass
    await running.until("loading")
    await running.until("ready")
    assert running.pid not in (None, pid)
    assert (await answer(running, request(max_tokens=3))).done.new_tokens == 3


async def test_it_is_told_why_the_process_died(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "msgspec.py").write_text("raise ImportError('no msgspec on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    one = Watched(str(small_model))
    one.start()
    state = await one.until("loading", detail="died")
    why = "the engine process died (exit status 1; ImportError: no msgspec on purpose)"
    assert state.detail == f"{why}; restarting"
    await one.close()


async def test_killed_between_requests_it_heals(running: Watched):
    await running.ready()
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    await running.until("loading")
    with pytest.raises(EngineError, match=r"died.*restarting"):
        await answer(running, request())
    await running.ready()
    assert (await answer(running, request(max_tokens=3))).done.new_tokens == 3


async def test_after_restart_and_close_the_process_is_gone(running: Watched):
    await running.ready()
    pid = running.pid
    assert pid is not None
    await running.restart()
    assert gone(pid)
    await running.ready()
    pid = running.pid
    assert pid is not None
    await running.close()
    assert gone(pid)
    assert running.pid is None
    assert running.state.state == "idle"


async def test_closing_ends_the_streams(small_model: Path):
    one = Watched(small_model)
    await one.ready()
    stream = one.stream(request(max_tokens=400))
    await anext(stream)
    await one.close()
    with pytest.raises(EngineError):
        async for _ in stream:
            pass


async def test_without_work_the_memory_comes_back_until_the_next_use(small_model: Path):
    one = Watched(small_model, idle_unload=0.3)
    await one.ready()
    stream = one.stream(request(max_tokens=60))
    await anext(stream)
    async for _ in stream:  # longer than the time without work
        assert one.state.state == "ready"
    pid = one.pid
    assert pid is not None
    assert (await one.until("idle")).detail
    await until_gone(pid)
    with pytest.raises(EngineError, match="loading"):
        await answer(one, request())
    await one.ready()
    await one.close()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


async def test_who_still_holds_a_retired_worker_starts_no_process(small_model: Path):
    one = Watched(small_model)
    await one.ready()
    await one.retire()
    with pytest.raises(EngineError, match="the engine was stopped"):
        await answer(one, request("1, 2, 3"))
    with pytest.raises(EngineError, match="the engine was stopped"):
        await one.ready()
    assert one.pid is None


async def test_a_missing_model_names_the_file_and_the_way_out(tmp_path: Path):
    one = Watched(tmp_path / "gone.gguf")
    with pytest.raises(EngineError, match=r"gone\.gguf does not exist.*models pull"):
        await one.ready()
    assert one.state.state == "error"
    assert one.pid is None


@pytest.mark.parametrize("kind", ["truncated", "no GGUF", "empty", "half a header"])
async def test_a_damaged_model_names_the_file_and_the_way_out(
    tmp_path: Path, small_model: Path, kind: str
):
    with small_model.open("rb") as file:
        start = file.read(30_000_000)
    data = {"truncated": start, "no GGUF": b"#!" * 900, "empty": b"", "half a header": start[:99]}
    one = Watched(write(tmp_path / "bad.gguf", data[kind]))
    with pytest.raises(EngineError, match=r"can't load bad\.gguf.*models verify"):
        await one.ready()
    assert one.state.state == "error"
    assert one.pid is None
    # A person mends it and presses Restart.
    with pytest.raises(EngineError):
        await answer(one, request())
    await one.close()


async def test_dying_again_and_again_it_gives_up(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho start >> {tmp_path}/starts\nexit 7\n")
    script.chmod(0o755)
    monkeypatch.setattr(worker.sys, "executable", str(script))
    monkeypatch.setattr(worker, "BACKOFF", (0.01, 0.02, 0.03))
    one = Watched(small_model)
    with pytest.raises(EngineError, match=r"exit status 7.*Restart"):
        await one.ready()
    assert one.state.state == "error"
    assert (tmp_path / "starts").read_text().count("start") == 4
    monkeypatch.undo()
    await one.restart()
    await one.until("ready")
    await one.close()


QUIET = """
import asyncio, sys
from jupyter_fastgen.engine.base import ModelSpec, Request
from jupyter_fastgen.engine.worker import Worker

async def main():
    spec = ModelSpec("small", sys.argv[1], 512, 1)
    worker = Worker("llamacpp", spec, quiet=sys.argv[2] == "quiet")
    await worker.ready()
    async for event in worker.stream(Request(1, "A secret prompt", max_tokens=3)):
        pass
    print(worker.pid, flush=True)
    if sys.argv[3] == "stay":
        await asyncio.sleep(1000)
    await worker.close()

asyncio.run(main())
"""


def test_nothing_of_the_engine_is_on_the_console_unless_asked(small_model: Path):
    command = [sys.executable, "-c", QUIET, str(small_model)]
    quiet = subprocess.run([*command, "quiet", "go"], capture_output=True, text=True, check=True)
    assert quiet.stdout.strip().isdigit()
    assert quiet.stderr == ""
    loud = subprocess.run([*command, "loud", "go"], capture_output=True, text=True, check=True)
    assert loud.stdout.strip().isdigit()
    assert "secret" not in loud.stderr


async def test_the_engine_ends_when_the_server_is_killed(small_model: Path):
    command = [sys.executable, "-c", QUIET, str(small_model), "quiet", "stay"]
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    assert not gone(pid)
    server.kill()
    await server.wait()
    await until_gone(pid)


async def test_a_llama_server_by_url_runs_behind_the_same_worker(llama_server: RunningServer):
    one = Watched(llama_server.url, engine="url")
    await one.ready()
    assert (await answer(one, request(max_tokens=3))).done.new_tokens == 3
    await one.close()
    assert psutil.Process(llama_server.pid).is_running()


async def test_a_wrong_url_names_it_and_the_way_out():
    one = Watched("http://127.0.0.1:9", engine="url")
    with pytest.raises(EngineError, match=r"no server answers at http://127\.0\.0\.1:9"):
        await one.ready()
