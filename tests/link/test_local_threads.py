"""An engine of one's own as threads see it; it is a scripted one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.link import LinkError
from jupyter_fastgen.link.local import LocalLink

from ..engine.scripted import ScriptedHost

ANSWER = "def count():\n    return [1, 2, 3]\n```"
LONG = "x = 1\n" * 100_000
ASKED = protocol.Generate("count")


class Engine:
    """What the link runs: `hosts` are those that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer = ANSWER
        self.hosts: list[ScriptedHost] = []
        monkeypatch.setattr("jupyter_fastgen.link.local.edit_host", self._make)
        self.link = LocalLink()

    def _make(self, *_: object) -> Any:
        self.hosts.append(ScriptedHost(self.answer))
        return self.hosts[-1]

    @property
    def written(self) -> int:
        return self.hosts[-1].engine.written


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine(monkeypatch)
    yield engine
    engine.link.close()


def text(frames: list[protocol.FromServer]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, protocol.Chunk))


def done(frames: list[protocol.FromServer]) -> protocol.Done:
    assert isinstance(frames[-1], protocol.Done)
    return frames[-1]


def test_frames_come_in_order_and_done_last(engine: Engine):
    frames = list(engine.link.generate(ASKED))
    assert text(frames) == ANSWER.removesuffix("\n```")
    assert next(f.phase for f in frames if isinstance(f, protocol.Progress)) == "loading"
    assert done(frames).reason == "stop"
    assert engine.link.status().model == "scripted"


def test_an_edit_is_hunks(engine: Engine):
    engine.answer = "def f(x: int):\n    return x\n```"
    cell = protocol.Cell("a", "code", "def f(x):\n    return x")
    frames = list(engine.link.edit(protocol.Rewrite([cell], "add types")))
    assert any(isinstance(frame, protocol.Hunks) and frame.final for frame in frames)
    assert done(frames).reason == "stop"


@pytest.mark.parametrize("from_thread", [True, False])
def test_a_cancelled_answer_ends(engine: Engine, from_thread: bool):
    engine.answer = LONG
    stream = engine.link.generate(ASKED)
    frames: list[protocol.FromServer] = []
    cancelling = threading.Thread(target=stream.cancel)
    for frame in stream:
        frames.append(frame)
        if isinstance(frame, protocol.Chunk):
            if not from_thread:
                stream.cancel()
            elif not cancelling.ident:
                cancelling.start()
    assert done(frames) == protocol.Done(1, "cancelled")
    assert engine.written < len(LONG) // 3
    stream.cancel()  # it has ended


def test_cancelled_before_it_began_nothing_is_written(engine: Engine):
    stream = engine.link.generate(ASKED)
    stream.cancel()
    frames = list(stream)
    assert done(frames).reason == "cancelled"
    assert text(frames) == ""


def test_who_leaves_ends_the_work_and_the_next_is_answered(engine: Engine):
    engine.answer = LONG
    for frame in engine.link.generate(ASKED):
        if isinstance(frame, protocol.Chunk):
            break
    asked = threading.Thread(target=lambda: list(engine.link.generate(protocol.Generate(" "))))
    asked.start()
    asked.join(30)
    assert not asked.is_alive()
    assert engine.written < len(LONG) // 3


def test_two_threads_are_answered(engine: Engine):
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: got.append(text(list(engine.link.generate(ASKED)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [ANSWER.removesuffix("\n```")] * 4
    assert len(engine.hosts) == 1


def test_closing_ends_what_runs_and_the_engine_and_it_may_be_used_again(engine: Engine):
    engine.answer = LONG
    stream = iter(engine.link.generate(ASKED))
    next(stream)
    engine.link.close()
    with pytest.raises(LinkError, match="was stopped"):
        list(stream)
    assert engine.hosts[0].closed
    engine.answer = ANSWER
    assert done(list(engine.link.generate(ASKED))).reason == "stop"
    assert len(engine.hosts) == 2
