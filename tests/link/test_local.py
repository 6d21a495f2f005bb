"""An engine of one's own, with a real model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.link import SECRET, URL, Link, find

SCRIPT = """
from jupyter_fastgen import protocol
from jupyter_fastgen.link import find
for frame in find().generate(protocol.Generate("count", max_tokens=4)):
    print(type(frame).__name__, flush=True)
"""


@pytest.fixture(scope="module")
def home(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jupyter's configuration: the small model."""
    folder = tmp_path_factory.mktemp("home")
    text = f"c.FastgenApp.model = {str(small_model)!r}\n"
    (folder / "jupyter_fastgen_config.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def link(home: Path) -> Iterator[Link]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (URL, SECRET, "JPY_PARENT_PID"):
            patch.delenv(name, raising=False)
        patch.setenv("JUPYTER_CONFIG_DIR", str(home))
        link = find()
        yield link
        link.close()


def engines(of: psutil.Process) -> list[psutil.Process]:
    found = of.children(recursive=True)
    return [child for child in found if "jupyter_fastgen.engine.child" in child.cmdline()]


def count(max_tokens: int = 8) -> protocol.Generate:
    return protocol.Generate("1, 2, 3, 4, 5", max_tokens=max_tokens, temperature=1.0)


def done(frames: list[protocol.FromServer]) -> protocol.Done:
    assert isinstance(frames[-1], protocol.Done)
    return frames[-1]


def test_the_model_is_loaded_and_writes_in_another_process(link: Link):
    frames = list(link.generate(count()))
    phases = {frame.phase for frame in frames if isinstance(frame, protocol.Progress)}
    assert phases == {"loading", "reading"}
    counts = done(frames).counts
    assert counts is not None
    assert 0 < counts.new_tokens <= 8
    assert len(engines(psutil.Process())) == 1
    assert link.status().state == "ready"


def test_two_answers_at_once_come_one_after_the_other(link: Link):
    got: list[list[protocol.FromServer]] = []
    threads = [
        threading.Thread(target=lambda: got.append(list(link.generate(count())))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert {done(frames).reason for frames in got} <= {"stop", "length", "empty"}
    assert len(got) == 2


def test_a_cancelled_answer_ends_at_once_and_the_next_one_comes(link: Link):
    stream = link.generate(count(4000))
    frames: list[protocol.FromServer] = []
    for frame in stream:
        frames.append(frame)
        if isinstance(frame, protocol.Chunk):
            stream.cancel()
    assert done(frames).reason == "cancelled"
    assert sum(isinstance(frame, protocol.Chunk) for frame in frames) < 20
    assert done(list(link.generate(count()))).reason in ("stop", "length", "empty")


def test_who_leaves_ends_the_work(link: Link):
    for frame in link.generate(count(4000)):
        if isinstance(frame, protocol.Chunk):
            break
    assert done(list(link.generate(count()))).reason in ("stop", "length", "empty")


def test_killed_mid_stream_it_says_so_and_heals(link: Link):
    frames: list[protocol.FromServer] = []
    for frame in link.generate(count(4000)):
        if isinstance(frame, protocol.Chunk) and not frames:
            (engine,) = engines(psutil.Process())
            os.kill(engine.pid, signal.SIGKILL)
        frames.append(frame)
    assert done(frames).reason == "failed"
    assert "died" in done(frames).why
    assert done(list(link.generate(count()))).reason in ("stop", "length", "empty")


def test_an_edit_is_hunks(link: Link):
    cell = protocol.Cell("a", "code", "def f(x):\n    return x")
    frames = list(link.edit(protocol.Rewrite([cell], "add a docstring")))
    assert [frame.final for frame in frames if isinstance(frame, protocol.Hunks)][-1]
    assert done(frames).reason in ("stop", "empty")


def test_it_ends_with_the_process_that_uses_it(home: Path):
    env = {k: v for k, v in os.environ.items() if k not in (URL, SECRET, "JPY_PARENT_PID")}
    env["JUPYTER_CONFIG_DIR"] = str(home)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        started: list[psutil.Process] = []
        for line in process.stdout:
            if line.strip() == "Progress":
                started = engines(psutil.Process(process.pid))
                if started:
                    break
        assert len(started) == 1
        rest = process.stdout.read().split()
        assert process.wait(60) == 0
    assert rest[-1] == "Done"
    psutil.wait_procs(started, timeout=10)
    assert not any(engine.is_running() for engine in started)
