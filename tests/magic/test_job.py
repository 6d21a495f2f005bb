"""How an answer gets from the engine to where it is shown."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

import pytest

from jupyter_fastgen.magic import job
from jupyter_fastgen.magic.job import End, Job
from jupyter_fastgen.protocol import Chunk, Counts, Done, Generate, Hunk, Hunks, Progress
from tests.magic.scripted import (
    DONE,
    GONE,
    ScriptedLink,
    ScriptedStream,
    Step,
    changes,
    code,
    paced,
    until,
)


class Seen:
    """What was shown, and when."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.times: list[float] = []
        self.phases: list[tuple[str, float | None]] = []
        self.ends: list[End] = []

    def progress(self, phase: str, fraction: float | None, place: int) -> None:
        self.phases.append((phase, fraction))

    def text(self, more: str) -> None:
        self.texts.append(more)
        self.times.append(time.monotonic())

    def end(self, end: End) -> None:
        self.ends.append(end)


def run(steps: Sequence[Step]) -> Seen:
    seen = Seen()
    Job(lambda: ScriptedStream(steps)).run(seen)
    return seen


def test_the_first_text_is_shown_at_once():
    assert paced([(1.0, "a")]) == [(1.0, "a")]


def test_a_short_text_waits_for_more_but_not_for_long():
    shown = paced([(0.0, "a"), (0.01, "b"), (0.02, "c")])
    assert shown == [(0.0, "a"), (round(0.02 + job.REST, 3), "bc")]


def test_messages_are_rare_and_long_however_fast_tokens_come():
    for rate in (20, 45, 200, 1500):
        shown = paced([(n / rate, "abc ") for n in range(rate * 4)])
        gaps = [b - a for (a, _), (b, _) in itertools.pairwise(shown)]
        assert min(gaps) >= job.PERIOD - 0.001
        assert min(len(text) for _, text in shown[1:-1]) >= job.LEAST
        assert "".join(text for _, text in shown) == "abc " * (rate * 4)
        # nobody waits longer than it takes to write what a message needs
        assert max(gaps) <= max(job.PERIOD, job.LEAST / 4 / rate) + job.REST


def test_the_first_text_is_there_within_a_tenth_of_a_second():
    start = time.monotonic()
    seen = run([0.2, Chunk(1, "d"), 0.5, DONE])
    assert seen.times[0] - start - 0.2 < 0.1


def test_an_answer_is_shown_with_what_it_cost():
    seen = run(code("def f():\n", "    return 1\n"))
    assert "".join(seen.texts) == "def f():\n    return 1\n"
    assert seen.phases == [("loading", 0.5), ("reading", None)]
    assert seen.ends == [End("done", tokens=50, rate=50.0)]


def test_the_hunks_of_an_edit_are_those_that_are_final():
    hunk = Hunk("a", 0, 1, ["x"])
    other = Hunk("a", 3, 4, ["y"])
    assert run(changes(hunk, other)).ends[0].hunks == (hunk, other)
    assert run([Hunks(1, [hunk]), DONE]).ends[0].hunks == ()


@pytest.mark.parametrize(
    ("done", "phase", "said"),
    [
        (Done(1, "length"), "done", "--max-tokens"),
        (Done(1, "empty"), "done", "other words"),
        (Done(1, "cancelled"), "stopped", ""),
        (Done(1, "unavailable", "no model is here; pull one"), "failed", "pull one"),
        (Done(1, "failed", "the engine broke; ask again"), "failed", "ask again"),
        (Done(1, "stop", "", Counts()), "done", ""),
    ],
)
def test_how_it_ended_is_told(done: Done, phase: str, said: str):
    end = run([done]).ends[0]
    assert end.phase == phase
    assert said in end.why


def test_what_was_written_stays_when_the_server_is_lost():
    seen = run([Chunk(1, "def f():"), GONE])
    assert seen.texts == ["def f():"]
    assert seen.ends == [End("failed", str(GONE))]


def test_a_stream_that_says_no_end_has_failed():
    assert run([Chunk(1, "x")]).ends[0].phase == "failed"


def test_a_defect_on_the_way_ends_the_answer():
    end = run([ZeroDivisionError("oh")]).ends[0]
    assert end.phase == "failed"
    assert "ZeroDivisionError" in end.why


def test_an_engine_that_is_not_there_is_told():
    def ask() -> ScriptedStream:
        raise GONE

    seen = Seen()
    Job(ask).run(seen)
    assert seen.ends == [End("failed", str(GONE))]


def test_stop_ends_it_from_any_thread_and_the_engine_too():
    link = ScriptedLink(Chunk(1, "def f():\n"), 30.0, Chunk(1, "never"), DONE)
    seen = Seen()
    job = Job(lambda: link.generate(Generate("x")))
    thread = threading.Thread(target=job.run, args=(seen,))
    thread.start()
    until(lambda: bool(seen.texts))
    job.stop()
    thread.join(2)
    assert not thread.is_alive()
    assert [end.phase for end in seen.ends] == ["stopped"]
    assert seen.texts == ["def f():\n"]
    assert link.streams[0].ended.wait(2)


def test_stop_works_before_the_engine_is_found():
    looking = threading.Event()
    streams: list[ScriptedStream] = []

    def ask() -> ScriptedStream:
        looking.wait(5)
        streams.append(ScriptedStream([30.0, DONE]))
        return streams[0]

    seen = Seen()
    job = Job(ask)
    thread = threading.Thread(target=job.run, args=(seen,))
    thread.start()
    job.stop()
    thread.join(2)
    assert [end.phase for end in seen.ends] == ["stopped"]
    looking.set()
    time.sleep(0.05)
    assert streams[0].ended.wait(2)


def test_the_engine_stops_when_nothing_can_be_shown_any_more():
    class Broken(Seen):
        def text(self, more: str) -> None:
            raise OSError("the page is gone")

    stream = ScriptedStream([Chunk(1, "x"), 30.0, DONE])
    with pytest.raises(OSError, match="the page is gone"):
        Job(lambda: stream).run(Broken())
    assert stream.ended.wait(2)


def test_progress_comes_before_the_text_that_follows_it():
    order: list[str] = []

    class Ordered(Seen):
        def progress(self, phase: str, fraction: float | None, place: int) -> None:
            order.append(phase)

        def text(self, more: str) -> None:
            order.append(more)

    Job(lambda: ScriptedStream([Progress(1, "loading"), Chunk(1, "x"), DONE])).run(Ordered())
    assert order == ["loading", "x"]
