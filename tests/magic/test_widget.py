"""The live answer in a notebook's page: what the page is sent, and what its buttons do."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

from jupyter_fastgen.magic.widget import MIME, FastgenAnswer
from jupyter_fastgen.protocol import Chunk, Hunk, Progress
from tests.magic.conftest import Session
from tests.magic.scripted import DONE, GONE, ScriptedLink, changes, code, paced, until

LETTERS = 'abcdefghijklmnop   (=.:\n"'

Engine = Callable[..., ScriptedLink]


class Wire(BaseComm):
    """What goes to a page over one comm."""

    def __init__(self, **arguments: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, *rest: Any, **keys: Any) -> None:
        self.sent.append(data or {})


class Page:
    """The page's copy of an answer."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        for message in self.wire.sent:
            state.update(message.get("state", {}))
        return state

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [one["content"] for one in self.wire.sent if one.get("method") == "custom"]

    @property
    def text(self) -> str:
        text = ""
        for message in self.messages:
            text = "" if message.get("clear") else text + message.get("t", "")
        return text

    @property
    def is_over(self) -> bool:
        return self.state["phase"] in ("done", "stopped", "failed")

    def press(self, **content: Any) -> None:
        """A button."""
        self.tell({"method": "custom", "content": content})

    def tell(self, data: dict[str, Any]) -> None:
        self.wire.handle_msg({"content": {"data": data}, "buffers": []})


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """The answers that the page got."""
    found: list[Page] = []

    def create(**arguments: Any) -> Wire:
        wire = Wire(**arguments)
        if arguments["data"]["state"]["_model_name"] == "FastgenAnswerModel":
            found.append(Page(wire))
        return wire

    monkeypatch.setattr(comm, "create_comm", create)
    return found


@pytest.fixture
def ask(
    page: Session, pages: list[Page], engine: Callable[..., ScriptedLink]
) -> Iterator[Callable[..., Page]]:
    """Run a cell of a page; the engine stays until all is answered."""

    def run(cell: str, id: str = "asking") -> Page:
        ran = page.run(cell, id)
        assert ran.success, ran.out
        return pages[-1]

    yield run
    for one in pages:
        one.press(do="stop")
    until(lambda: not any(one.name.startswith("fastgen") for one in threading.enumerate()))


Ask = Callable[..., Page]


def test_the_answer_comes_as_pieces_and_is_whole(ask: Ask, engine: Engine):
    engine(*code("def f():\n", "    return 1\n"))
    page = ask("%%fastgen\na function")
    until(lambda: page.is_over)
    assert page.text == "def f():\n    return 1\n"
    state = page.state
    assert (state["phase"], state["tokens"], state["rate"]) == ("done", 50, 50.0)
    assert (state["prompt"], state["cell"], state["language"]) == ("a function", "asking", "python")


def test_the_page_is_told_what_it_needs_to_make_the_view(ask: Ask, engine: Engine):
    engine(*code("x"))
    state = ask("%%fastgen\nwrite").state
    assert state["_model_name"] == "FastgenAnswerModel"
    assert state["_view_name"] == "FastgenAnswerView"
    assert state["_model_module"] == state["_view_module"] == "jupyter_fastgen"


def test_the_cell_ends_at_once(ask: Ask, engine: Engine):
    link = engine(Chunk(1, "def f():\n"), 30.0, DONE)
    page = ask("%%fastgen\nwrite")
    until(lambda: page.text != "")
    assert page.state["phase"] == "writing"
    page.press(do="stop")
    until(lambda: page.is_over)
    assert page.state["phase"] == "stopped"
    assert page.text == "def f():\n"
    assert link.streams[0].ended.wait(2)


def test_phases_and_how_far_they_are_are_told(ask: Ask, engine: Engine):
    engine(Progress(1, "loading", 0.25), 0.2, Progress(1, "reading", 0.5), 0.2, *code("x"))
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    told = [
        (one["state"]["phase"], one["state"].get("progress"))
        for one in page.wire.sent
        if "phase" in one.get("state", {})
    ]
    assert told[:3] == [("queued", None), ("loading", 0.25), ("reading", 0.5)]


def test_the_place_in_a_queue_is_told_until_it_is_left(ask: Ask, engine: Engine):
    engine(Progress(1, "queued", place=2), 0.2, Progress(1, "reading"), 0.2, *code("x"))
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    told = [one["state"]["place"] for one in page.wire.sent if "place" in one.get("state", {})]
    assert told == [0, 2, 0]


def test_much_progress_is_few_messages(ask: Ask, engine: Engine):
    engine(*(Progress(1, "loading", n / 1000) for n in range(1000)), DONE)
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    assert len(page.wire.sent) < 20


def test_a_failure_is_told_in_the_page(ask: Ask, engine: Engine):
    engine(Chunk(1, "def f():"), GONE)
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    assert (page.state["phase"], page.state["why"]) == ("failed", str(GONE))
    assert page.text == "def f():"


@pytest.mark.parametrize("rate", [8, 20, 45, 150, 1000])
def test_an_answer_costs_the_comm_at_most_three_times_its_length(rate: int, pages: list[Page]):
    """At so many tokens a second, of 1 to 8 characters, in the JSON that Jupyter sends."""
    dice = random.Random(rate)
    tokens = ["".join(dice.choices(LETTERS, k=dice.randint(1, 8))) for _ in range(2222)]
    widget = FastgenAnswer(prompt="a description of usual length")
    for _, text in paced([(n / rate, token) for n, token in enumerate(tokens)]):
        widget.append(text)
    (page,) = pages
    assert page.text == "".join(tokens)
    sent = sum(len(json.dumps(one, ensure_ascii=False)) for one in page.wire.sent)
    assert sent <= 3 * len(page.text)


def test_a_page_that_is_reloaded_gets_all_the_text(ask: Ask, engine: Engine):
    engine(*code("def f():\n", "    return 1\n"))
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    before = len(page.wire.sent)
    page.tell({"method": "request_state"})
    assert page.wire.sent[before]["state"]["text"] == "def f():\n    return 1\n"


def test_the_notebook_keeps_the_text_for_who_has_no_kernel(page: Session, ask: Ask, engine: Engine):
    engine(*code("def f():\n", "    return 1\n"))
    answer = ask("%%fastgen\nwrite")
    until(lambda: answer.is_over and len(page.displays) == 2)
    first, last = page.displays
    assert last["update"]
    assert last["transient"] == first["transient"]
    assert last["data"]["text/plain"] == "def f():\n    return 1\n"
    assert last["data"]["text/markdown"] == "```python\ndef f():\n    return 1\n```"
    assert last["data"][MIME]["model"] == answer.wire.comm_id


def test_code_with_fences_keeps_them_in_markdown(page: Session, ask: Ask, engine: Engine):
    engine(*code('text = """\n```\n"""\n'))
    ask("%%fastgen\nwrite")
    until(lambda: len(page.displays) == 2)
    fenced = page.displays[1]["data"]["text/markdown"]
    assert fenced.splitlines()[0] == "````python"
    assert fenced.splitlines()[-1] == "````"


def test_retry_begins_anew_in_the_same_place(page: Session, ask: Ask, engine: Engine):
    link = engine(Chunk(1, "old"), 30.0, DONE)
    answer = ask("%%fastgen --max-tokens 9\nwrite")
    until(lambda: answer.text == "old")
    link.steps = code("new")
    page.names["rides"] = [1]
    answer.press(do="retry", prompt="use {rides}")
    until(lambda: answer.is_over)
    assert answer.text == "new"
    assert answer.state["phase"] == "done"
    assert answer.state["prompt"] == "use {rides}"
    assert link.streams[0].ended.wait(2)
    # The page stops each by its own name.
    assert len(set(link.jobs)) == 2
    assert answer.state["job"] == link.jobs[-1]
    last = link.asked[-1]
    assert (last.about, last.max_tokens) == ("rides is a list of 1 items: int", 9)  # type: ignore[union-attr]


def test_a_retry_sees_the_cells_above_the_one_that_asked(
    page: Session, ask: Ask, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ["above", "asking", "below"]
    cells = [{"id": name, "cell_type": "code", "source": f"{name} = 1"} for name in names]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    link = engine(*code("x"))
    answer = ask("%%fastgen\nwrite")
    page.run("print()", "elsewhere")
    answer.press(do="retry", prompt="write more")
    until(lambda: len(link.asked) == 2)
    for asked in link.asked:
        assert "below = 1" not in [cell.source for cell in asked.cells]
        assert "above = 1" in [cell.source for cell in asked.cells]


def test_a_retry_that_names_what_is_not_there_is_told(ask: Ask, engine: Engine):
    engine(*code("x"))
    page = ask("%%fastgen\nwrite")
    until(lambda: page.is_over)
    page.press(do="retry", prompt="use {nothing}")
    assert page.state["phase"] == "failed"
    assert "{nothing} is not in this kernel" in page.state["why"]


def test_two_at_once_do_not_mix(ask: Ask, engine: Engine):
    link = engine(Chunk(1, "first "), 0.3, Chunk(1, "one"), DONE)
    one = ask("%%fastgen\nwrite", "a")
    until(lambda: one.text == "first ")
    link.steps = [Chunk(1, "second "), 0.3, Chunk(1, "two"), DONE]
    two = ask("%%fastgen\nwrite", "b")
    until(lambda: one.is_over and two.is_over)
    assert (one.text, two.text) == ("first one", "second two")


def test_the_code_is_kept_when_the_page_hears_that_it_is_there(
    page: Session, ask: Ask, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    kept: list[object] = []
    publish = Wire.publish_msg

    def watch(wire: Wire, msg_type: str, data: Any = None, *rest: Any, **keys: Any) -> None:
        if (data or {}).get("state", {}).get("phase") == "done":
            kept.append(page.names.get("out"))
        publish(wire, msg_type, data, *rest, **keys)

    monkeypatch.setattr(Wire, "publish_msg", watch)
    engine(*code("x = 1"))
    answer = ask("%%fastgen --var out\nwrite")
    until(lambda: answer.is_over)
    assert kept == ["x = 1"]


def test_wait_prints_and_makes_no_widget(page: Session, pages: list[Page], engine: Engine):
    engine(*code("x = 1"))
    assert page.run("%%fastgen --wait\nwrite", "asking").out == "x = 1\n"
    assert pages == []


def test_a_front_end_without_cells_gets_text(page: Session, pages: list[Page], engine: Engine):
    engine(*code("x = 1"))
    assert page.run("%%fastgen\nwrite").out == "x = 1\n"
    assert pages == []


def test_a_change_of_a_cell_is_handed_to_the_page(page: Session, ask: Ask, engine: Engine):
    link = engine()
    page.run("def f(): return 1", "target")
    answer = ask("%%fastgen --edit f\nreturn 2")
    state = answer.state
    assert (state["phase"], state["target"], state["prompt"]) == ("done", "target", "return 2")
    assert state["wish"] == {"instruction": "return 2", "action": "", "error": ""}
    assert link.asked == []


def test_fix_hands_the_error_to_the_page(page: Session, ask: Ask, engine: Engine):
    engine()
    page.run("[][0]", "target")
    state = ask("%fastgen fix").state
    assert state["target"] == "target"
    assert "IndexError: list index out of range" in state["prompt"]
    assert (state["wish"]["action"], state["wish"]["instruction"]) == ("fix", "")
    assert "IndexError: list index out of range" in state["wish"]["error"]
    words = ask("%fastgen fix keep the name").state["wish"]
    assert (words["action"], words["instruction"]) == ("fix", "keep the name")


def test_a_new_test_cell_comes_as_code(page: Session, ask: Ask, engine: Engine):
    engine(*changes(Hunk("target", new=["assert f() == 1"], kind="insert")))
    page.run("def f(): return 1", "target")
    answer = ask("%fastgen test f")
    until(lambda: answer.is_over)
    assert answer.text == "assert f() == 1"
    assert answer.state["target"] == ""


def test_changes_of_a_file_wait_until_they_are_taken(tmp_path: Path, ask: Ask, engine: Engine):
    path = tmp_path / "a.py"
    path.write_text("x = 1\ny = 2\n", encoding="utf-8")
    first, odd = Hunk("0", 0, 1, ["x = 9"]), Hunk("0", 1, 2, [], reasons=["it goes"])
    engine(*changes(first, odd))
    page = ask(f"%%fastgen --file {path}\nchange it")
    until(lambda: page.is_over)
    told = page.state["hunks"]
    assert [(one["old"], one["new"], one["reasons"]) for one in told] == [
        (["x = 1"], ["x = 9"], []),
        (["y = 2"], [], ["it goes"]),
    ]
    assert page.state["path"] == str(path)
    assert path.read_text(encoding="utf-8") == "x = 1\ny = 2\n"
    page.press(do="apply", take=[1])
    assert path.read_text(encoding="utf-8") == "x = 1\n"
    assert page.state["hunks"] == []
    assert "wrote 1 change" in page.state["why"]


def test_a_file_that_changed_meanwhile_is_told(tmp_path: Path, ask: Ask, engine: Engine):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n", encoding="utf-8")
    engine(*changes(Hunk("0", 0, 1, ["x = 9"])))
    page = ask(f"%%fastgen --file {path}\nchange it")
    until(lambda: page.is_over)
    path.write_text("x = 5\n", encoding="utf-8")
    page.press(do="apply", take=[0])
    assert "ask again" in page.state["why"]
    assert path.read_text(encoding="utf-8") == "x = 5\n"
