"""Edits over the websocket: of a scripted engine each way they go, of a real one what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.document import Document, OutOfStepError
from jupyter_fastgen.edit.actions import load_actions
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService
from jupyter_fastgen.engine.base import EngineError
from jupyter_fastgen.host.edits import Edits
from jupyter_fastgen.session.editing import EditJobs

from ..conftest import RunningServer
from ..engine.scripted import FreeHost, ScriptedEngine
from ..waiting import until
from .conftest import Connect

MEAN = "def mean(values):\n    return sum(values) / len(values)"
CELLS = [
    protocol.Cell("a", "code", "values = [1, 2]"),
    protocol.Cell("b", "markdown", "The mean."),
    protocol.Cell("c", "code", MEAN),
]


class Host(FreeHost):
    """A host whose model is there, or can't be."""

    is_writing = False
    status = protocol.Status("ready", "scripted")
    debounce_ms = 0

    def __init__(self, engine: ScriptedEngine, fault: str = "") -> None:
        self._service = EditService(engine, CHATS["chatml"])
        self._fault = fault
        self._listeners: list[Callable[[protocol.Status], None]] = []

    def listen(self, listener: Callable[[protocol.Status], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: None

    async def edits(self) -> EditService:
        for listener in self._listeners:
            listener(protocol.Status("loading", progress=0.5))
        await asyncio.sleep(0)
        if self._fault:
            raise EngineError(self._fault, "pull it")
        return self._service


class Page:
    """What a browser is sent."""

    def __init__(self, answer: str, reason: Any = "stop", fault: str = "") -> None:
        self.engine = ScriptedEngine(answer, reason)
        host: Any = Host(self.engine, fault)
        self.sent: list[protocol.FromServer] = []
        self.jobs = EditJobs(Edits(lambda _: host, load_actions()), "s1", self.send)
        self.document = Document.opened(protocol.Open("d", CELLS, path="x.ipynb"))

    async def send(self, message: protocol.FromServer) -> None:
        self.sent.append(message)

    async def done(self, id: int = 1) -> protocol.Done:
        """Wait for the end of a job."""
        while True:
            for message in self.sent:
                if isinstance(message, protocol.Done) and message.id == id:
                    return message
            await asyncio.sleep(0)

    async def edit(self, *cells: str, **asked: Any) -> protocol.Done:
        self.jobs.start(protocol.Edit(1, "d", 0, [*cells], **asked), self.document, None)
        return await self.done()

    @property
    def final(self) -> list[protocol.Hunk]:
        (found,) = (m for m in self.sent if isinstance(m, protocol.Hunks) and m.final)
        return found.hunks


async def test_an_edit_of_a_cell_is_hunks_of_its_lines():
    page = Page(MEAN.replace("sum(values)", "float(sum(values))") + "\n```")
    done = await page.edit("c", instruction="return a float")
    assert done.reason == "stop"
    assert not done.why
    assert done.counts is not None
    assert done.counts.new_tokens == page.engine.written
    (hunk,) = page.final
    assert (hunk.cell, hunk.start, hunk.end) == ("c", 1, 2)
    assert hunk.new == ["    return float(sum(values)) / len(values)"]
    phases = [m.phase for m in page.sent if isinstance(m, protocol.Progress)]
    assert phases[:2] == ["loading", "reading"]
    assert phases[-1] == "writing"
    (request,) = page.engine.requests
    assert "return a float" in request.prompt
    assert "The mean." not in request.prompt


async def test_what_an_edit_uses_is_defined_somewhere_in_the_notebook():
    page = Page(
        MEAN.replace("len(values)", "len(items)").replace("(values):", "(items):") + "\n```"
    )
    await page.edit("c", instruction="rename the parameter")
    assert [hunk.reasons for hunk in page.final] == [[]]
    page = Page(MEAN.replace("len(values)", "len(rides)") + "\n```")
    await page.edit("c", instruction="of rides")
    assert [hunk.reasons for hunk in page.final] == [["it uses `rides`, which nothing defines"]]


async def test_a_selection_alone_changes():
    page = Page("    return 0\n```")
    await page.edit("c", instruction="x", start=1, end=2)
    assert [(hunk.start, hunk.new) for hunk in page.final] == [(1, ["    return 0"])]


async def test_an_edit_of_cells_may_add_one():
    answer = "# %% 1\nvalues = [1, 2]\n# %%\nprint(values)\n# %% 2 [markdown]\n# The mean.\n```"
    page = Page(answer)
    await page.edit("b", "a", instruction="print them")
    (hunk,) = page.final
    assert (hunk.kind, hunk.cell, hunk.new) == ("insert", "a", ["print(values)"])
    assert "# %% 1\nvalues = [1, 2]\n# %% 2 [markdown]" in page.engine.requests[0].prompt


async def test_actions_say_what_to_do():
    page = Page(MEAN + "\n```")
    done = await page.edit("c", action="fix", error="----> 2 return\nZeroDivisionError: x")
    assert "ZeroDivisionError: x" in page.engine.requests[0].prompt
    assert done.reason == "empty"
    assert "as it is" in done.why


async def test_only_comments_were_asked_for():
    for told, changes_code in ((MEAN, False), (MEAN.replace("len(values)", "2"), True)):
        page = Page(f"# The mean.\n{told}\n```")
        await page.edit("c", action="explain")
        assert [bool(hunk.reasons) for hunk in page.final] == [changes_code]


async def test_a_test_is_a_new_cell_below():
    page = Page("assert mean([1, 3]) == 2\n```")
    await page.edit("c", action="test")
    (hunk,) = page.final
    assert (hunk.kind, hunk.cell, hunk.new) == ("insert", "c", ["assert mean([1, 3]) == 2"])
    assert not hunk.reasons
    page = Page("assert mean([1, 3] ==\n```")
    await page.edit("c", action="test")
    assert "syntax" in page.final[0].reasons[0]


async def test_no_python_tests_what_a_magic_runs_elsewhere():
    for magic, is_python in (("%%bash -e", False), ("%%sql", False), ("%%time", True)):
        page = Page("assert mean([1, 3]) == 2\n```")
        cells = [protocol.Cell("c", "code", f"\n{magic}\n{MEAN}")]
        page.document = Document.opened(protocol.Open("d", cells, path="x.ipynb"))
        done = await page.edit("c", action="test")
        assert bool(page.engine.requests) == is_python
        assert (magic.split()[0] in done.why) != is_python


async def test_what_is_not_there_is_said():
    assert "no action 'sing'" in (await Page("").edit("c", action="sing")).why
    assert (await Page("").edit("c", instruction=" ")).reason == "empty"
    page = Page("")
    for message in (
        protocol.Edit(1, "d", 0, ["z"], "x"),
        protocol.Edit(1, "d", 0, [], "x"),
        protocol.Edit(1, "d", 0, ["c"], "x", start=2, end=9),
    ):
        with pytest.raises(OutOfStepError):
            page.jobs.start(message, page.document, None)


async def test_without_a_model_there_is_a_reason_and_a_way_out():
    done = await Page("", fault="the model is not here").edit("c", instruction="x")
    assert done.reason == "unavailable"
    assert "the model is not here" in done.why
    assert "pull it" in done.why


async def test_an_engine_that_is_lost_changes_nothing():
    page = Page(MEAN.replace("sum", "max"), "lost")
    done = await page.edit("c", instruction="x")
    assert done.reason == "failed"
    assert "died" in done.why
    assert not any(isinstance(m, protocol.Hunks) and m.final for m in page.sent)


async def test_cancelling_stops_the_engine_and_tells_the_cost():
    page = Page(MEAN * 50)
    page.jobs.start(protocol.Edit(1, "d", 0, ["c"], "x"), page.document, None)
    await until(lambda: page.engine.written >= 5, every=0)
    page.jobs.cancel(1)
    done = await page.done()
    assert done.reason == "cancelled"
    assert done.counts is not None
    assert done.counts.new_tokens == page.engine.written < 30
    page.jobs.cancel(1)


async def test_an_edit_that_is_cancelled_before_it_began_starts_no_engine():
    page = Page(MEAN * 50)
    page.jobs.start(protocol.Edit(1, "d", 0, ["c"], "x"), page.document, None)
    await asyncio.sleep(0)
    page.jobs.cancel(1)
    assert (await page.done()).reason == "cancelled"
    assert page.engine.written == 0
    # While the code is looked at there is no request yet.
    page.jobs.start(protocol.Edit(2, "d", 0, ["c"], "x"), page.document, None)
    reading = protocol.Progress(2, "reading")
    await until(lambda: reading in page.sent, every=0)
    page.jobs.cancel(2)
    assert (await page.done(2)).reason == "cancelled"
    assert page.engine.written == 0


async def test_lines_are_counted_as_an_editor_does():
    page = Page("x = 2\n```")
    page.document.cells[2].source = "x = 1\n"
    await page.edit("c", instruction="two", start=0, end=2)
    assert [(hunk.start, hunk.end, hunk.new) for hunk in page.final] == [(0, 1, ["x = 2"])]
    page = Page("x = 2\n```")
    page.document.cells[2].source = ""
    await page.edit("c", instruction="two", start=0, end=1)
    assert [(hunk.start, hunk.end, hunk.new) for hunk in page.final] == [(0, 1, ["x = 2"])]


async def test_what_nobody_expected_is_an_end_too(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RecursionError("secret text")

    monkeypatch.setattr(EditService, "edit", broken)
    done = await Page("").edit("c", instruction="x")
    assert done.reason == "failed"
    assert "RecursionError" in done.why
    assert "secret" not in done.why


async def test_another_place_may_be_read_ahead():
    page = Page(MEAN + "\n```")
    for cell in ("a", "c"):
        page.jobs.prepare(protocol.Prepare("d", 0, [cell]), page.document, None)
    await until(lambda: len(page.engine.requests) == 1, every=0)
    assert "def mean" in page.engine.requests[0].prompt
    await page.jobs.close()


async def test_the_latest_edit_of_a_document_wins():
    page = Page(MEAN * 50 + "\n```")
    page.jobs.start(protocol.Edit(1, "d", 0, ["c"], "x"), page.document, None)
    await until(lambda: page.engine.written >= 5, every=0)
    page.jobs.start(protocol.Edit(2, "d", 0, ["c"], "y"), page.document, None)
    assert (await page.done()).reason == "superseded"
    assert (await page.done(2)).reason == "stop"


async def test_the_code_is_read_while_the_person_still_types():
    page = Page(MEAN + "\n```")
    page.jobs.prepare(protocol.Prepare("d", 0, ["c"]), page.document, None)
    await until(lambda: page.engine.left, every=0)
    await page.edit("c", instruction="x")
    ahead, asked = page.engine.requests
    assert asked.prompt.startswith(ahead.prompt)
    assert asked.document == ahead.document


# --- a real engine -------------------------------------------------------------


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], llama_server: RunningServer
) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"model": llama_server.url}}


async def test_an_edit_over_the_websocket_costs_what_was_not_read_before(
    connect: Connect, jp_serverapp: Any
):
    browser = await connect()
    browser.open("d", "import math", MEAN)
    browser.prepare("d", "c1")
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    await until(lambda: app.edits.is_running, every=0)
    await until(lambda: not app.edits.is_running, every=0)
    id = browser.edit("d", "c1", instruction="return a float")
    done = (await browser.answer(id)).done
    assert done.reason in ("stop", "empty")
    assert done.counts is not None
    assert done.counts.prompt_tokens - done.counts.cached_tokens < 40
    assert done.counts.cached_tokens > 60
    final = [m for m in browser.frames if isinstance(m, protocol.Hunks) and m.final]
    assert len(final) == 1


async def test_while_an_edit_is_written_ghost_text_rests(connect: Connect):
    browser = await connect()
    browser.open("d", "import math", MEAN)
    id = browser.edit("d", "c1", instruction="return a float")
    await browser.until(protocol.Progress, lambda told: told.phase == "writing")
    ghost = await browser.answer(browser.ask("d", "c0"))
    assert ghost.done.reason == "unavailable"
    assert "edit" in ghost.done.why
    browser.send(protocol.Cancel(id))
    assert (await browser.answer(id)).done.reason == "cancelled"


async def test_an_edit_of_another_revision_is_given_up(connect: Connect):
    browser = await connect()
    browser.open("d", MEAN)
    browser.send(protocol.Edit(9, "d", 5, ["c0"], "x"))
    assert await browser.until(protocol.Resync) == protocol.Resync("d")
    assert (await browser.until(protocol.Done)).reason == "superseded"


async def test_the_page_is_told_which_actions_there_are(connect: Connect):
    browser = await connect()
    (welcome,) = (frame for frame in browser.frames if isinstance(frame, protocol.Welcome))
    assert {"fix", "explain", "docstring", "types", "test"} <= {a.name for a in welcome.actions}
