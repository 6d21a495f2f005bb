"""Which work goes to a server that others run: what is too much for the model here, if allowed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.service import Options
from jupyter_fastgen.document import Cursor, Document
from jupyter_fastgen.edit.actions import load_actions
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.host.edits import Edits, remote_host
from jupyter_fastgen.host.host import ModelHost
from jupyter_fastgen.host.settings import Settings
from jupyter_fastgen.images import MARK
from jupyter_fastgen.models.errors import ModelNotHere
from jupyter_fastgen.session.answers import Answers
from jupyter_fastgen.session.editing import EditJobs

from ..engine.faulty import Faulty, faulty, piece, reply, stream
from ..engine.scripted import ScriptedHost
from ..tiny_vision import png

LONG = 30
"""Tokens of a context that nothing fits into."""

ASKED = protocol.Generate("write a line", job="j")
CELLS = [protocol.Cell("a", "code", "x = 1")]
CHANGED = protocol.Rewrite(CELLS, "make it 2")


def counted(text: str) -> bytes:
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    return reply(stream(piece(text, "stop"), {"choices": [], "usage": usage}))


@asynccontextmanager
async def working(
    local: ScriptedHost, allowed: bool = True
) -> AsyncGenerator[tuple[Edits, Faulty], None]:
    """A model here, and a server elsewhere that is configured if `allowed`."""
    async with faulty() as server:
        settings = Settings(remote=f"{server.url}/v1" if allowed else "")
        here: Any = local
        edits = Edits(lambda _: here, load_actions(), partial(remote_host, settings, Allowed()))
        try:
            yield edits, server
        finally:
            await edits.close()


async def answered(edits: Edits, asked: protocol.Generate | protocol.Rewrite) -> Any:
    """The text or hunks of the answer, and its end."""

    async def read() -> Any:
        said: list[Any] = []
        async with aclosing(Answers(edits).frames(asked)) as frames:
            async for frame in frames:
                if isinstance(frame, protocol.Chunk):
                    said.append(frame.text)
                elif isinstance(frame, protocol.Hunks):
                    said += [line for hunk in frame.hunks for line in hunk.new]
                elif isinstance(frame, protocol.Done):
                    return said, frame
        raise AssertionError("no end")

    return await asyncio.wait_for(read(), 30)


@pytest.mark.parametrize("asked", [ASKED, CHANGED])
async def test_what_the_model_here_can_do_stays_here(asked: Any):
    async with working(ScriptedHost("x = 2\n```")) as (edits, server):
        said, done = await answered(edits, asked)
        assert "x = 2" in "".join(said)
        assert (done.reason, done.by) == ("stop", "")
        assert server.heads == []  # it was not even asked what it is


@pytest.mark.parametrize("asked", [ASKED, CHANGED])
@pytest.mark.parametrize("local", [{"context": LONG}, {"is_for_edits": False}])
async def test_what_is_too_much_for_it_is_written_elsewhere_and_says_so(asked: Any, local: Any):
    async with working(ScriptedHost("x = 3\n```", **local)) as (edits, server):
        await edits.hosts()[-1].ready()
        server.replies = [counted("x = 2\n")]
        said, done = await answered(edits, asked)
        assert said[-1].strip() == "x = 2"
        assert (done.reason, done.by) == ("stop", f"big at {server.url[7:]}")


@pytest.mark.parametrize("asked", [ASKED, CHANGED])
async def test_nothing_leaves_the_machine_unless_it_is_configured(asked: Any):
    async with working(ScriptedHost("x = 2\n```", context=LONG), allowed=False) as (edits, server):
        _, done = await answered(edits, asked)
        assert done.reason == "failed"
        assert "too long" in done.why
        assert server.heads == []
    async with working(ScriptedHost("x = 2\n```", is_for_edits=False), allowed=False) as (edits, _):
        said, done = await answered(edits, asked)
        assert "x = 2" in "".join(said)
        assert done.by == ""


async def test_a_model_that_a_person_names_has_nobody_behind_it():
    named = protocol.Generate("write a line", model="scripted")
    other: Any = ScriptedHost("x = 3\n```", model="other", context=LONG)
    async with working(ScriptedHost("x = 2\n```")) as (edits, server):
        first = edits.make_host
        edits.make_host = lambda model: other if model == "other" else first(model)
        _, done = await answered(edits, named)
        assert done.by == ""
        _, done = await answered(edits, protocol.Generate("write a line", model="other"))
        assert done.reason == "failed"
        assert server.heads == []


async def test_code_is_not_read_ahead_elsewhere():
    async with working(ScriptedHost("", is_for_edits=False)) as (edits, server):
        sent: asyncio.Queue[protocol.FromServer] = asyncio.Queue()
        jobs = EditJobs(edits, "s", sent.put)
        document = Document.opened(protocol.Open("d", CELLS))
        jobs.prepare(protocol.Prepare("d", 0, ["a"]), document, None)
        while jobs._jobs:  # noqa: ASYNC110  it is looked at, not told
            await asyncio.sleep(0)
        assert server.heads == []


async def test_a_server_elsewhere_that_can_not_be_reached_is_named():
    async with working(ScriptedHost("x", context=LONG)) as (edits, server):
        server.key = "other"
        _, done = await answered(edits, ASKED)
        assert done.reason == "failed"
        assert server.url in done.why
        assert "remote_api_key" in done.why


# --- a model that is a server's in the first place -------------------------------


async def test_the_status_says_whose_model_it_is_and_where_more_goes():
    async with faulty() as server:
        settings = Settings(model=f"{server.url}/v1", remote="https://key@far.example:444/v1#x")
        host = ModelHost(settings, _options())
        place = server.url[7:]
        assert (host.status.state, host.status.model, host.status.where) == ("idle", "", place)
        try:
            await host.ready()
            status = host.status
            assert (status.state, status.model, status.engine) == ("ready", "big", "vllm")
            assert (status.where, status.remote) == (place, "far.example:444")
        finally:
            await host.close()


@pytest.mark.parametrize(
    ("counts", "marks"), [((3, 2), ["<|fim_middle|>", "<|im_start|>"]), ((18, 18), ["", "Answer:"])]
)
async def test_prompts_follow_what_the_servers_model_knows(counts: Any, marks: list[str]):
    async with faulty() as server:
        host = ModelHost(Settings(model=f"{server.url}/v1"), _options())
        usage = [{"choices": [], "usage": {"prompt_tokens": count}} for count in counts]
        server.replies = [reply(stream(piece("x", "length"), told)) for told in usage]
        try:
            completion = await host.ready()
            server.asked.clear()
            document = Document.opened(protocol.Open("d", [protocol.Cell("a", "code", "x = ")]))
            async with aclosing(completion.complete("d", _cursor(document))) as pieces:
                async for _ in pieces:
                    pass
            assert marks[0] in server.asked[-1]["prompt"]
            assert ("<|" in server.asked[-1]["prompt"]) == bool(marks[0])
            service = await host.generation()
            async with aclosing(service.generate(ASKED, 1)) as frames:
                async for _ in frames:
                    pass
            assert marks[1] in server.asked[-1]["prompt"]
            assert json.dumps(server.asked[-1]["stop"]).count("im_end") == (marks[0] != "")
        finally:
            await host.close()


def _options() -> Options:

    return Options(gate=False)


def _cursor(document: Document) -> Cursor:

    return Cursor(document, "a", 4)


# --- who sees --------------------------------------------------------------------

SEEN = protocol.Generate("draw it again", images=(png(),))


class Seeing(ScriptedHost):
    """A host whose model sees, or does not."""

    def __init__(self, answer: str, is_seeing: bool, **options: Any) -> None:
        super().__init__(answer, **options)
        self.engine.sees = "prompt" if is_seeing else ""

    async def sees(self) -> bool:
        return self.engine.sees != ""


@asynccontextmanager
async def looking(
    is_seeing: bool, pulled: bool, allowed: bool = False, catalog: str = "sharp"
) -> AsyncGenerator[tuple[Edits, Faulty], None]:
    async with working(Seeing("first\n```", is_seeing), allowed) as (edits, server):
        first, other = edits.make_host, Seeing("other\n```", True, model="sharp")

        def make(model: str) -> Any:
            if model == "sharp" and not pulled:
                raise ModelNotHere(model)
            return other if model == "sharp" else first(model)

        edits.make_host = make
        edits.image_model = lambda: catalog
        yield edits, server


async def test_the_configured_model_is_shown_a_picture_if_it_sees():
    async with looking(is_seeing=True, pulled=True) as (edits, _):
        said, done = await answered(edits, SEEN)
        assert ("".join(said), done.reason) == ("first", "stop")
        host: Any = edits.host()
        (request,) = host.engine.requests
        assert request.images == (png(),)
        assert request.prompt.count(MARK) == 1
        assert "draw it again" in request.prompt


async def test_else_the_catalogs_that_is_here():
    async with looking(is_seeing=False, pulled=True) as (edits, _):
        said, done = await answered(edits, SEEN)
        assert ("".join(said), done.reason) == ("other", "stop")


async def test_else_it_is_said_which_to_pull():
    async with looking(is_seeing=False, pulled=False) as (edits, _):
        _, done = await answered(edits, SEEN)
        assert done.reason == "failed"
        assert "jupyter fastgen models pull sharp" in done.why
        _, done = await answered(edits, msgspec.structs.replace(SEEN, model="scripted"))
        assert "the model scripted can't see" in done.why
        assert "jupyter fastgen models pull sharp" in done.why
    async with looking(is_seeing=False, pulled=False, catalog="") as (edits, _):
        _, done = await answered(edits, SEEN)
        assert "no model here can see" in done.why


@pytest.mark.parametrize("image", [b"", b"GIF89a"])
async def test_what_is_no_picture_is_refused(image: bytes):
    async with looking(is_seeing=True, pulled=True) as (edits, _):
        _, done = await answered(edits, protocol.Generate("x", images=(image,)))
        assert "no PNG" in done.why


async def test_text_that_spells_the_mark_of_a_picture_is_none():
    async with looking(is_seeing=True, pulled=True) as (edits, _):
        asked = protocol.Generate(
            f"draw{MARK}it", [*CELLS, protocol.Cell("b", "code", f"y = '{MARK}'")], images=(png(),)
        )
        await answered(edits, asked)
        host: Any = edits.host()
        assert host.engine.requests[0].prompt.count(MARK) == 1


async def test_else_a_server_elsewhere_that_sees():
    async with looking(is_seeing=False, pulled=False, allowed=True) as (edits, server):
        server.is_seeing = True
        remote = edits.hosts()[-1]
        await remote.ready()
        server.asked.clear()
        server.replies = [counted("```python\nplt.plot()\n")]
        said, done = await answered(edits, SEEN)
        assert "".join(said).strip() == "plt.plot()"
        assert done.by == f"big at {server.url[7:]}"
        (turn,) = server.asked[0]["messages"]
        assert "<|" not in json.dumps(turn)  # such tokens are the server's to write
