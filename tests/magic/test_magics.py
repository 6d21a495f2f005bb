"""The magics in a terminal: what is asked, and what is printed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

from jupyter_fastgen.protocol import Cell, Chunk, Done, Generate, Hunk, Rewrite, Status
from tests.magic.conftest import Session
from tests.magic.scripted import DONE, GONE, ScriptedLink, changes, code

Engine = Callable[..., ScriptedLink]

MEAN = "def mean(values):\n    return sum(values) / len(values)"


def generated(link: ScriptedLink) -> Generate:
    """The one question, for code."""
    (asked,) = link.asked
    assert isinstance(asked, Generate)
    return asked


def rewritten(link: ScriptedLink) -> Rewrite:
    """The one question, for a change."""
    (asked,) = link.asked
    assert isinstance(asked, Rewrite)
    return asked


def test_code_is_printed_as_it_is(session: Session, engine: Engine):
    link = engine(*code("def f():\n", "    return 1\n"))
    ran = session.run("%%fastgen\na function that returns 1")
    assert ran.success
    assert ran.out == "def f():\n    return 1\n"
    assert ran.err == ""
    assert link.asked == [Generate("a function that returns 1")]


def test_a_description_may_stand_on_the_line(session: Session, engine: Engine):
    link = engine(*code("x"))
    assert session.run("%%fastgen a function that returns 1").out == "x\n"
    assert link.asked == [Generate("a function that returns 1")]


def test_a_terminal_waits_for_the_description(session: Session):
    check = session.shell.input_transformer_manager.check_complete
    assert check("%%fastgen --wait")[0] == "incomplete"
    assert check("%%fastgen\nwrite")[0] == "incomplete"
    assert check("%%fastgen\nwrite\n\n")[0] == "complete"


def test_options_reach_the_engine(session: Session, engine: Engine):
    link = engine(*code("x"))
    session.run(
        "%%fastgen --model small --max-tokens 9 --temperature 0.5 --seed 7 --url http://h:1"
        " --token t\nwrite"
    )
    assert link.asked == [Generate("write", model="small", max_tokens=9, temperature=0.5, seed=7)]
    assert link.found == [("http://h:1", "t")]


def test_the_code_can_be_kept(session: Session, engine: Engine):
    engine(*code("x = ", "1"))
    session.run("%%fastgen --var out\nwrite")
    assert session.names["out"] == "x = 1"


def test_only_what_ran_and_what_is_named_goes_along(session: Session, engine: Engine):
    link = engine(*code("x"))
    session.run("secret = 'hunter2'[::-1]\nrides = [1, 2, 3]")
    session.run("%%fastgen\nadd up {rides}")
    asked = generated(link)
    assert asked.prompt == "add up rides"
    assert asked.about == "rides is a list of 3 items: int"
    assert [cell.source for cell in asked.cells] == ["secret = 'hunter2'[::-1]\nrides = [1, 2, 3]"]


def test_what_was_deleted_from_the_notebook_does_not_go_along(session: Session, engine: Engine):
    link = engine(*code("x"))
    session.run("rate = 0.5", "one")
    session.run("price = 2", "two")
    session.shell.parent_header = {"metadata": {"cellId": "three", "deletedCells": ["one"]}}
    session.run("%%fastgen --wait\nprint the price", "three")
    assert [cell.source for cell in generated(link).cells] == ["price = 2"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%fastgen", "no description"),
        ("%%fastgen --wait\n  \n", "no description"),
        ("%%fastgen --modle x\nwrite", "did you mean --model?"),
        ("%%fastgen --model\nwrite", "--model NAME"),
        ("%%fastgen\nplot {ridse}", "{ridse} is not in this kernel; did you mean rides?"),
        ("%%fastgen --edit nothing\nchange", "no cell that ran makes nothing"),
        ("%%fastgen --edit meen\nchange", "did you mean mean?"),
        ("%%fastgen --edit len\nchange", "no cell that ran makes len"),
        ("%%fastgen --cell 99\nchange", "In [99]; there are 1"),
        ("%%fastgen --file nowhere.py\nchange", "nowhere.py"),
        ("%%fastgen --image a.png\nwrite", "a.png can't be read: No such file"),
        ("%%fastgen --image above\nwrite", "paste one there and save the notebook"),
        ("%%fastgen --image a.png --cell 1\nwrite", "--image is for new code"),
        ("%fastgen stauts", "did you mean status?"),
        ("%fastgen fix", "no cell has failed"),
        ("%fastgen test", "%fastgen test NAME"),
        ("%fastgen config modle x", "did you mean model?"),
        ("%fastgen config model", "needs a value"),
    ],
)
def test_bad_input_is_answered_in_one_line(cell: str, said: str, session: Session, engine: Engine):
    link = engine(*code("x"))
    session.run(f"rides = 1\n{MEAN}")
    ran = session.run(cell)
    assert not ran.success
    (line,) = (ran.out + ran.err).strip().splitlines()
    assert line.startswith("fastgen: ")
    assert said in line
    assert link.asked == []
    assert session.run("print(1 + 1)").out == "2\n"


def test_a_name_that_no_cell_makes_is_told_where_it_can_be_changed(
    session: Session, engine: Engine
):
    engine()
    session.names["imported"] = len
    assert "--file PATH" in session.run("%%fastgen --edit imported\nchange").out


@pytest.mark.parametrize(
    ("steps", "out"),
    [
        ([GONE], ""),
        ([Chunk(1, "def f():"), GONE], "def f():\n"),
        ([Done(1, "unavailable", str(GONE))], ""),
    ],
)
def test_a_server_that_is_lost_is_told_and_what_came_stays(
    steps: list[object], out: str, session: Session, engine: Engine
):
    engine(*steps)
    ran = session.run("%%fastgen\nwrite")
    assert not ran.success
    assert ran.out == f"{out}fastgen: {GONE}\n"
    assert session.run("print(1 + 1)").out == "2\n"


def test_a_note_about_an_answer_is_no_code(session: Session, engine: Engine):
    engine(Chunk(1, "x = ["), Done(1, "length"))
    ran = session.run("%%fastgen\nwrite")
    assert ran.success
    assert ran.out == "x = [\n"
    assert ran.err.startswith("fastgen: ")
    assert "--max-tokens" in ran.err


@pytest.fixture
def heard() -> Iterator[None]:
    """Interrupts are: a shell that runs this in the background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_an_interrupt_stops_the_engine_and_leaves_the_session(session: Session, engine: Engine):
    link = engine(Chunk(1, "def f():\n"), 30.0, DONE)

    def interrupt() -> None:
        while not link.streams:
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    start = time.monotonic()
    ran = session.run("%%fastgen --var out\nwrite")
    assert time.monotonic() - start < 5
    assert not ran.success
    assert ran.out.startswith("def f():\n")
    assert "fastgen: interrupted" in ran.out
    assert link.streams[0].ended.wait(2)
    assert "out" not in session.names
    assert session.run("print(1 + 1)").out == "2\n"


def test_a_cell_is_changed_as_a_diff(session: Session, engine: Engine):
    link = engine(*changes(Hunk("0", 1, 2, ["    return 0"])))
    session.run(MEAN)
    ran = session.run("%%fastgen --edit mean\nreturn 0")
    assert "--- In [1]" in ran.out
    assert "-    return sum(values) / len(values)\n+    return 0\n" in ran.out
    assert link.asked == [Rewrite([Cell("0", "code", MEAN)], "return 0")]
    assert session.run("%%fastgen --cell 1\nreturn 0").out == ran.out


def test_what_needs_a_look_is_listed_and_left_out(session: Session, engine: Engine):
    hunk = Hunk("0", 0, 2, [], reasons=["it removes a function"])
    engine(*changes(hunk))
    session.run(MEAN)
    ran = session.run("%%fastgen --edit mean\nremove it")
    assert ran.out == "# left out, it needs a look: In [1], lines 1-2: it removes a function\n"


def test_a_file_is_only_written_when_that_is_asked_for(
    session: Session, engine: Engine, tmp_path: Path
):
    path = tmp_path / "stats.py"
    path.write_text(MEAN, encoding="utf-8")
    engine(*changes(Hunk("0", 1, 2, ["    return 0"])))
    ran = session.run(f"%%fastgen --file {path}\nreturn 0")
    assert "+    return 0" in ran.out
    assert path.read_text(encoding="utf-8") == MEAN
    session.run(f"%%fastgen --file {path} --write\nreturn 0")
    assert path.read_text(encoding="utf-8") == "def mean(values):\n    return 0"


def test_fix_sends_the_cell_that_failed_and_its_error(session: Session, engine: Engine):
    link = engine(*changes(Hunk("0", 1, 2, ["    return 0"])))
    session.run(MEAN)
    session.run("mean([])")
    ran = session.run("%fastgen fix")
    asked = rewritten(link)
    assert asked.action == "fix"
    assert asked.cells == [Cell("0", "code", MEAN)]
    assert "ZeroDivisionError" in asked.error
    assert "return sum(values) / len(values)" in asked.error
    assert "+    return 0" in ran.out


def test_fix_knows_what_does_not_parse(session: Session, engine: Engine):
    link = engine(*changes())
    session.run("x = (1,\ny = 2")
    session.run("%fastgen fix")
    asked = rewritten(link)
    assert "SyntaxError" in asked.error
    assert asked.cells[0].source == "x = (1,\ny = 2"


def test_explain_takes_the_last_cell_or_that_of_a_name(session: Session, engine: Engine):
    link = engine(*changes())
    session.run(MEAN)
    session.run("x = 1")
    session.run("%fastgen explain")
    session.run("%fastgen explain mean")
    told = [
        (asked.action, asked.cells[0].source) for asked in link.asked if isinstance(asked, Rewrite)
    ]
    assert told == [("explain", "x = 1"), ("explain", MEAN)]


def test_test_prints_the_new_cell(session: Session, engine: Engine):
    link = engine(*changes(Hunk("0", new=["assert mean([1]) == 1"], kind="insert")))
    session.run(MEAN)
    ran = session.run("%fastgen test mean of single values")
    assert ran.out == "assert mean([1]) == 1\n"
    asked = rewritten(link)
    assert (asked.action, asked.instruction) == ("test", "of single values")


def test_status_says_which_engine_it_is_and_what_is_set(session: Session, engine: Engine):
    engine()
    session.run("%fastgen config temperature 0.5")
    out = session.run("%fastgen status").out
    assert "an engine of the tests" in out
    assert "small (llamacpp), ready" in out
    assert "temperature = 0.5" in out


def test_models_are_listed(session: Session, engine: Engine):
    engine()
    assert "small  present" in session.run("%fastgen models").out


def test_a_setting_holds_for_the_session(session: Session, engine: Engine):
    link = engine(*code("x"))
    told = session.run("%fastgen config model small").out
    assert "model = small" in told
    assert "c.FastgenApp.model" in told
    session.run("%%fastgen\nwrite")
    assert link.asked == [Generate("write", model="small")]
    assert "model = small" in session.run("%fastgen config").out


def test_a_token_is_not_shown(session: Session, engine: Engine):
    engine()
    shown = session.run("%fastgen config token hunter2").out
    shown += session.run("%fastgen config").out + session.run("%fastgen status").out
    assert "hunter2" not in shown


@pytest.mark.parametrize("cell", ["%%fastgen -h", "%fastgen", "%fastgen fix -h", "%fastgen --help"])
def test_help_is_there(cell: str, session: Session):
    assert "--max-tokens N" in session.run(cell).out


def test_a_name_is_completed_in_the_shell(session: Session):
    session.names["rides_of_june"] = 1
    for text, wanted in [
        ("%%fastgen --mo", "--model"),
        ("%%fastgen --model qwen2.5-coder-0", "qwen2.5-coder-0.5b"),
        ("%%fastgen\nplot {rides_o", "rides_of_june"),
        ("%fastgen test rides_o", "rides_of_june"),
        ("%fastgen sta", "status"),
    ]:
        with provisionalcompleter():
            found = [
                text[: one.start] + one.text
                for one in session.shell.Completer.completions(text, len(text))
            ]
        start = text[: len(text) - len(text.split()[-1].rpartition("{")[2])]
        assert found == [start + wanted]


def test_other_cells_are_completed_as_ever(session: Session):
    session.names["rides_of_june"] = 1
    with provisionalcompleter():
        found = [one.text for one in session.shell.Completer.completions("rides_o", 7)]
    assert "rides_of_june" in found


def test_an_engine_of_its_own_ends_with_the_magic(session: Session, engine: Engine):
    link = engine(*code("x"))
    session.run("%%fastgen\nwrite")
    session.run("%reload_ext jupyter_fastgen")
    assert link.closed
    assert session.run("%%fastgen\nwrite").out == "x\n"


def test_the_status_says_whose_model_it_is_and_where_more_goes(
    session: Session, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    link = engine(
        *code("x"),
    )
    told = Status("ready", model="big", engine="vllm", where="gpu:8000", remote="far.example")
    monkeypatch.setattr(link, "status", lambda: told)
    out = session.run("%fastgen status").out
    assert "model: big (vllm) at gpu:8000, ready" in out
    assert "what is too much for it goes to far.example" in out


def test_an_answer_that_others_wrote_says_so(session: Session, engine: Engine):
    engine(Chunk(1, "x = 1"), Done(1, "stop", by="big at gpu:8000"))
    ran = session.run("%%fastgen --wait\nwrite")
    assert ran.out == "x = 1\n"
    assert "written by big at gpu:8000" in ran.err
