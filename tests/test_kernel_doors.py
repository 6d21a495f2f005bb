"""The doors for kernels: who may come in, and what they are told. The engine is a scripted one."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.generate.service import GenerateService
from jupyter_fastgen.host.host import ModelHost
from jupyter_fastgen.link import CERTIFICATE, SECRET, URL, LinkError, find

from .engine.scripted import ScriptedHost

Fetch = Callable[..., Awaitable[Any]]

ANSWER = "def count():\n    return [1, 2, 3]\n```"
LONG = "x = 1\n" * 100_000


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"models_dir": str(tmp_path / "no models")}}


@pytest.fixture
def jp_base_url() -> str:
    return "/user/ann/"


@pytest.fixture
def app(
    jp_serverapp: Any, http_server: Any, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> FastgenApp:
    """The extension in a server that listens, and finds itself in its environment."""
    (found,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    while URL not in os.environ:
        # The server tells when it listens.
        jp_asyncio_loop.run_until_complete(asyncio.sleep(0))
    writes(found, ANSWER)
    return found


def writes(app: FastgenApp, answer: str, fault: str = "") -> ScriptedHost:
    """Let the model for edits answer so."""
    host: Any = ScriptedHost(answer, fault=fault)

    def make(model: str) -> ModelHost:
        return app.make_edit_host(model) if model else host

    app.edits = type(app.edits)(make, app.edits.actions)
    app.answers = type(app.answers)(app.edits, app.answers._rest)
    return host


@pytest.fixture
def post(app: FastgenApp, jp_fetch: Fetch) -> Fetch:
    """Post as a kernel does."""

    async def post(door: str, asked: Any, **options: Any) -> Any:
        headers = {"Authorization": f"fastgen {app.secret}"}
        body = asked if isinstance(asked, str) else json.dumps(asked)
        options = {"headers": headers, "raise_error": False, "request_timeout": 120.0, **options}
        return await jp_fetch("jupyter-fastgen", door, method="POST", body=body, **options)

    return post


def frames(response: Any) -> list[protocol.FromServer]:
    assert response.code == 200, response.body
    lines = response.body.splitlines()
    return [protocol.decode_server(line) for line in lines if line]


def answered(response: Any) -> protocol.Done:
    *before, done = frames(response)
    assert not any(isinstance(frame, protocol.Done) for frame in before)
    assert isinstance(done, protocol.Done)
    return done


def text(response: Any) -> str:
    return "".join(f.text for f in frames(response) if isinstance(f, protocol.Chunk))


async def at_rest(app: FastgenApp) -> None:
    """Wait until nothing is written any more."""

    async def wait() -> None:
        while app.edits.is_running:  # noqa: ASYNC110  it is looked at, not told
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), 5)


# --- the secret ---


async def test_kernels_find_the_server_and_a_secret_in_their_environment(
    app: FastgenApp, jp_serverapp: Any
):
    assert os.environ[URL] == f"http://127.0.0.1:{jp_serverapp.port}/user/ann/"
    assert os.environ[SECRET] == app.secret
    assert len(app.secret) > 40
    assert CERTIFICATE not in os.environ
    await app.stop_extension()
    assert URL not in os.environ
    assert SECRET not in os.environ


async def test_every_server_has_a_secret_of_its_own(app: FastgenApp):
    first = app.secret
    app.initialize_settings()
    assert app.secret != first


@pytest.mark.parametrize("door", ["status", "models"])
async def test_the_secret_opens_what_kernels_look_at(app: FastgenApp, jp_fetch: Fetch, door: str):
    headers = {"Authorization": f"fastgen {app.secret}"}
    assert (await jp_fetch("jupyter-fastgen", door, headers=headers)).code == 200


@pytest.mark.parametrize(
    "path",
    ["api/kernels", "api/contents", "api/sessions", "api/status", "api/me", "jupyter-fastgen/ws",
     "jupyter-fastgen/action", "files/x", "lab"],
)  # fmt: skip
async def test_the_secret_opens_nothing_else(app: FastgenApp, jp_fetch: Fetch, path: str):
    for method in ("GET", "POST"):
        told = await jp_fetch(
            *path.split("/"),
            method=method,
            body="{}" if method == "POST" else None,
            headers={"Authorization": f"fastgen {app.secret}"},
            follow_redirects=False,
            raise_error=False,
        )
        assert told.code in (302, 403, 404, 405)
        if told.code == 302:
            assert "login" in told.headers["Location"]
    for scheme in ("token", "bearer"):
        headers = {"Authorization": f"{scheme} {app.secret}"}
        assert (await jp_fetch("api/kernels", headers=headers, raise_error=False)).code == 403


@pytest.mark.parametrize("secret", ["fastgen wrong", "fastgen", "fastgen ", "fastgen \xe9"])
@pytest.mark.parametrize("door", ["generate", "edit"])
async def test_a_wrong_secret_opens_nothing_and_says_the_way_out(post: Fetch, door, secret):
    told = await post(door, {}, headers={"Authorization": secret})
    assert told.code == 403
    assert "restart the kernel" in json.loads(told.body)["message"]


async def test_a_page_needs_more_than_a_cookie(post: Fetch, jp_serverapp: Any):
    told = await post("generate", {"prompt": "x"}, headers={"Authorization": ""})
    assert told.code == 403


async def test_the_secret_is_in_no_log(app: FastgenApp, post: Fetch, caplog: Any):
    caplog.set_level(logging.DEBUG)
    await post("generate", "{")
    await post("generate", {"prompt": "zanzibar", "model": "none"})
    assert "jupyter-fastgen/generate" in caplog.text
    assert app.secret not in caplog.text
    assert "zanzibar" not in caplog.text


# --- what is asked for ---


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


# --- the link ---


async def test_a_kernel_reaches_its_server_by_itself(app: FastgenApp):
    def work() -> tuple[str, list[protocol.FromServer], protocol.Status, list[Any]]:
        link = find()
        asked = protocol.Generate("count")
        return link.where, list(link.generate(asked)), link.status(), link.models()

    where, told, status, models = await asyncio.to_thread(work)
    assert "".join(f.text for f in told if isinstance(f, protocol.Chunk)).startswith("def count")
    assert "/user/ann/" in where
    assert "environment" in where
    assert isinstance(told[-1], protocol.Done)
    assert status.state == "ready"
    assert "qwen2.5-coder-0.5b" in {model["name"] for model in models}


async def test_a_server_is_reached_by_url_and_token(app: FastgenApp, jp_serverapp: Any):
    token = jp_serverapp.identity_provider.token
    url = os.environ[URL]
    for link in (find(url, token), find(f"{url}lab/tree/x.ipynb?token={token}")):
        status = await asyncio.to_thread(link.status)
        assert status.model == "scripted"
        told = await asyncio.to_thread(list, link.generate(protocol.Generate("x")))
        assert isinstance(told[-1], protocol.Done)


async def test_a_wrong_token_or_secret_is_said_with_the_way_out(app: FastgenApp, monkeypatch: Any):
    for token in ("wrong", ""):
        link = find(os.environ[URL], token)
        with pytest.raises(LinkError, match=r"token is wrong.*jupyter server list"):
            await asyncio.to_thread(link.status)
        with pytest.raises(LinkError, match="token is wrong or missing"):
            await asyncio.to_thread(list, link.generate(protocol.Generate("x")))
    monkeypatch.setenv(SECRET, "old")
    with pytest.raises(LinkError, match="restart the kernel"):
        await asyncio.to_thread(find().status)


async def test_a_stream_is_cancelled_from_another_thread(app: FastgenApp):
    writes(app, LONG)
    stream = find().generate(protocol.Generate("x"))

    def work() -> list[protocol.FromServer]:
        told: list[protocol.FromServer] = []
        for frame in stream:
            told.append(frame)
            if isinstance(frame, protocol.Chunk):
                loop.call_soon_threadsafe(stream.cancel)
        return told

    loop = asyncio.get_running_loop()
    told = await asyncio.wait_for(asyncio.to_thread(work), 60)
    assert told[-1] == protocol.Done(1, "cancelled")
    await at_rest(app)


async def test_a_stream_that_is_cancelled_before_asks_nothing(app: FastgenApp):
    stream = find().generate(protocol.Generate("x"))
    stream.cancel()
    assert await asyncio.to_thread(list, stream) == [protocol.Done(1, "cancelled")]
    assert not app.edits.is_running


ASK = """
from jupyter_fastgen import protocol
from jupyter_fastgen.link import find
print("".join(getattr(frame, "text", "") for frame in find().generate(protocol.Generate("count"))))
"""


async def test_a_kernel_that_the_server_starts_is_answered(app: FastgenApp, jp_serverapp: Any):
    kernels = jp_serverapp.kernel_manager
    client = kernels.get_kernel(await kernels.start_kernel()).client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    said: list[str] = []
    await client.execute_interactive(
        ASK, output_hook=lambda message: said.append(str(message["content"])), timeout=60
    )
    client.stop_channels()
    await kernels.shutdown_all(now=True)
    assert "def count" in "".join(said)
