"""What kernels are told by the doors for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.generate.service import GenerateService

from ..engine.scripted import ScriptedHost
from .conftest import ANSWER, LONG, Fetch, answered, at_rest, frames, text, writes


async def test_described_code_comes_as_it_is_written(post: Fetch):
    told = await post("generate", {"prompt": "count to three"})
    assert text(told) == ANSWER.removesuffix("\n```")
    done = answered(told)
    assert done.reason == "stop"
    assert done.counts is not None
    assert done.counts.new_tokens > 5
    phases = [f.phase for f in frames(told) if isinstance(f, protocol.Progress)]
    assert phases == ["loading", "loading", "reading"]
    assert len([f for f in frames(told) if isinstance(f, protocol.Chunk)]) > 5
    assert told.headers["Content-Type"] == "application/x-ndjson"


async def test_cells_are_changed_by_hunks(post: Fetch, app: FastgenApp):
    host = writes(app, "def f(x: int):\n    return x\n```")
    cells = [{"id": "a", "type": "code", "source": "def f(x):\n    return x"}]
    asked = {"cells": cells, "instruction": "add types", "about": "x is an int"}
    told = await post("edit", asked)
    assert answered(told).reason == "stop"
    (final,) = (f for f in frames(told) if isinstance(f, protocol.Hunks) and f.final)
    (hunk,) = final.hunks
    assert (hunk.cell, hunk.start, hunk.end, hunk.new) == ("a", 0, 1, ["def f(x: int):"])
    (request,) = host.engine.requests
    assert "x is an int" in request.prompt


async def test_a_page_ends_what_a_kernel_has_asked_for(
    post: Fetch, app: FastgenApp, jp_fetch: Fetch
):
    writes(app, LONG)
    answer = asyncio.ensure_future(post("generate", {"prompt": "count", "job": "j1"}))
    other = asyncio.ensure_future(post("generate", {"prompt": "count", "job": "j2"}))
    while not app.edits.is_running:  # noqa: ASYNC110  it is looked at, not told
        await asyncio.sleep(0.01)

    async def stop(body: str, **options: Any) -> Any:
        return await jp_fetch("jupyter-fastgen", "stop", method="POST", body=body, **options)

    assert (await stop('{"job": "unknown"}')).code == 204
    assert (await stop('{"job": ""}')).code == 204
    assert not answer.done()
    # One that waits for its turn, and one that is being written.
    for name, waiting in (("j2", other), ("j1", answer)):
        assert (await stop(f'{{"job": "{name}"}}')).code == 204
        assert answered(await waiting).reason == "cancelled"
    await at_rest(app)
    assert app.streams == {}
    assert (await stop("{", raise_error=False)).code == 400
    kernel = {"Authorization": f"fastgen {app.secret}"}
    assert (await stop('{"job": "j"}', headers=kernel, raise_error=False)).code == 403


async def test_a_model_that_can_not_be_loaded_is_told(post: Fetch, app: FastgenApp):
    writes(app, "", fault="the file is broken")
    cells = [{"id": "a", "type": "code", "source": "x"}]
    for door, asked in (
        ("generate", {"prompt": "x"}),
        ("edit", {"cells": cells, "instruction": "x"}),
    ):
        done = answered(await post(door, asked))
        assert done.reason in ("failed", "unavailable")
        assert "the file is broken (pull it)" in done.why


async def test_what_nobody_expected_is_an_end_too(
    post: Fetch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    text = "zanzi" + "bar"

    def broken(*_: object) -> None:
        raise RecursionError(text)

    monkeypatch.setattr(GenerateService, "generate", broken)
    done = answered(await post("generate", {"prompt": "x"}))
    assert done.reason == "failed"
    assert "RecursionError" in done.why
    assert "RecursionError" in caplog.text
    assert text not in done.why + caplog.text


async def test_of_other_models_one_is_kept(post: Fetch, app: FastgenApp):
    made: list[ScriptedHost] = []

    def make(model: str) -> Any:
        made.append(ScriptedHost(ANSWER, model or "scripted"))
        return made[-1]

    app.edits = type(app.edits)(make, app.edits.actions)
    app.answers = type(app.answers)(app.edits, app.answers._rest)
    for model in ("", "scripted", "big", "big", "", "bigger"):
        assert answered(await post("generate", {"prompt": "x", "model": model})).reason == "stop"
    assert [host.status.model for host in made] == ["scripted", "big", "bigger"]
    assert [host.closed for host in made] == [False, True, False]
    assert [len(host.engine.requests) for host in made] == [3, 2, 1]
    await app.edits.close()
    assert all(host.closed for host in made)


@pytest.mark.parametrize(
    ("door", "asked", "why"),
    [
        ("generate", {"prompt": " "}, "description is empty"),
        ("generate", {"prompt": "x", "model": "no-such"}, "no model named 'no-such'"),
        ("generate", {"prompt": "x", "model": "/etc/passwd"}, "no model named"),
        ("generate", {"prompt": "x", "model": "http://127.0.0.1:9"}, "no model named"),
        ("generate", {"prompt": "x", "model": "qwen2.5-coder-7b"}, "models pull qwen2.5-coder-7b"),
        ("generate", {"prompt": "sum " * 250_000}, "fewer words"),
        ("edit", {"cells": [], "instruction": "x"}, "no cells"),
        ("edit", {"cells": [{"id": "a", "type": "code", "source": ""}] * 2, "instruction": "x"},
         "same id"),
        ("edit", {"cells": [{"id": "a", "type": "code", "source": "x"}]}, "say what"),
        ("edit", {"cells": [{"id": "a", "type": "code", "source": "x"}], "action": "sing"},
         "no action 'sing'"),
        ("edit", {"cells": [{"id": "a", "type": "code", "source": "x"}], "instruction": "x",
                  "start": 3, "end": 9}, "lines 3:9"),
    ],
)  # fmt: skip
async def test_what_can_not_be_done_is_said_in_a_line(post: Fetch, door: str, asked: Any, why: str):
    done = answered(await post(door, asked))
    assert done.reason in ("failed", "empty", "unavailable")
    assert why in done.why
    assert "\n" not in done.why


@pytest.mark.parametrize(
    ("asked", "code"),
    [("", 400), ("[]", 400), ("{}", 400), ('{"prompt": 1}', 400), ("[" * 9999, 400),
     ('{"prompt": "x", "temperature": -1}', 400), ('{"prompt": "x", "max_tokens": 0}', 400),
     ('{"prompt": "' + "x" * protocol.MAX_FRAME + '"}', 413)],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
async def test_a_request_that_is_none_is_refused(post: Fetch, asked: str, code: int):
    told = await post("generate", asked)
    assert told.code == code
    assert json.loads(told.body)["message"]


async def test_who_leaves_ends_the_work(app: FastgenApp, jp_serverapp: Any):
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_serverapp.port)
    host = writes(app, LONG)
    body = b'{"prompt": "x"}'
    writer.write(
        b"POST /user/ann/jupyter-fastgen/generate HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: fastgen " + app.secret.encode() + b"\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )
    await asyncio.wait_for(reader.readuntil(b'"type":"chunk"'), 60)
    assert app.edits.is_running
    writer.close()
    await at_rest(app)
    assert host.engine.left
    assert host.engine.written < len(LONG) // 6


async def test_two_kernels_are_answered_one_after_the_other(post: Fetch, app: FastgenApp):
    host = writes(app, ANSWER)
    asked = {"prompt": "x"}
    for told in await asyncio.gather(post("generate", asked), post("generate", asked)):
        assert text(told) == ANSWER.removesuffix("\n```")
    assert len(host.engine.requests) == 2


async def test_a_silent_server_sends_empty_lines(post: Fetch, app: FastgenApp, monkeypatch: Any):
    monkeypatch.setattr(protocol, "BEAT", 0.05)

    async def slow(asked: Any) -> AsyncGenerator[protocol.FromServer, None]:
        await asyncio.sleep(0.3)
        yield protocol.Done(1, "stop")

    monkeypatch.setattr(app.answers, "frames", slow)
    told = await post("generate", {"prompt": "x"})
    assert told.body.startswith(b"\n\n")
    assert answered(told).reason == "stop"


async def test_ghost_text_gives_way(app: FastgenApp, post: Fetch):
    class Session:
        rested = 0

        def rest(self) -> None:
            self.rested += 1

    session: Any = Session()
    app.sessions.add(session)
    await post("generate", {"prompt": "x"})
    app.sessions.remove(session)
    assert session.rested == 1
