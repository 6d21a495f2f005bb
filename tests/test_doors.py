"""Who may come in, and what frames are taken: a real server, without a model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.confidence import Habit
from jupyter_fastgen.handlers import ROUTES
from jupyter_fastgen.session import session
from jupyter_fastgen.session.habit import HabitFile, default_path

from .browser import Browser, ClosedError

Connect = Callable[..., Awaitable[Browser]]
Fetch = Callable[..., Awaitable[Any]]
Login = Callable[[], Awaitable[dict[str, str]]]

WS = ("jupyter-fastgen", "ws")


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"models_dir": str(tmp_path / "no models")}}


@pytest.fixture
def connect(jp_ws_fetch: Callable[..., Awaitable[Any]]) -> Connect:
    async def connect(**headers: str) -> Browser:
        return Browser(await jp_ws_fetch(*WS, headers=headers))

    return connect


@pytest.fixture
def login(jp_fetch: Fetch, jp_serverapp: Any, jp_http_port: int) -> Login:
    """Logs in as a person does, and gives the cookies."""

    async def fetch(cookies: dict[str, str], **options: Any) -> dict[str, str]:
        # Cookies are named after the host.
        headers = {"Authorization": "", "Host": f"localhost:{jp_http_port}"}
        if cookies:
            headers["Cookie"] = header(cookies)
        response = await jp_fetch(
            "login", follow_redirects=False, raise_error=False, headers=headers, **options
        )
        assert response.code in (200, 302)
        found = SimpleCookie()
        for line in response.headers.get_list("Set-Cookie"):
            found.load(line)
        return cookies | {name: morsel.value for name, morsel in found.items()}

    async def login() -> dict[str, str]:
        cookies = await fetch({})
        form = {"password": jp_serverapp.identity_provider.token, "_xsrf": cookies["_xsrf"]}
        return await fetch(cookies, method="POST", body=urlencode(form))

    return login


def header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


async def refused(request: Awaitable[Any]) -> int:
    with pytest.raises(HTTPClientError) as caught:
        await request
    return caught.value.code


# --- REST ---


async def test_the_status_tells_what_is_missing_and_the_way_out(jp_fetch: Fetch):
    response = await jp_fetch("jupyter-fastgen", "status")
    status = protocol.decode_server(response.body)
    assert isinstance(status, protocol.Status)
    assert status.state == "missing"
    assert status.model == "qwen2.5-coder-0.5b"
    assert "not ready on this machine" in status.detail
    assert "jupyter fastgen models pull" in status.remedy


async def test_the_models_of_the_catalog_are_listed(jp_fetch: Fetch):
    models = json.loads((await jp_fetch("jupyter-fastgen", "models")).body)["models"]
    found = {model["name"]: model for model in models}
    assert found["qwen2.5-coder-0.5b"]["state"] == "missing"
    assert found["qwen2.5-coder-0.5b"]["size"] == 491_400_064


@pytest.mark.parametrize(
    ("body", "reason"), [("", "not understood"), ("[]", "not understood"),
                         ('{"action": "burn"}', "use download, restart or forget")]
)  # fmt: skip
async def test_an_unknown_action_is_refused_with_the_reason(jp_fetch: Fetch, body, reason):
    answer = await jp_fetch(
        "jupyter-fastgen", "action", method="POST", body=body, raise_error=False
    )
    assert answer.code == 400
    assert reason in json.loads(answer.body)["message"]


async def test_what_was_learned_is_forgotten(jp_fetch: Fetch, jp_serverapp: Any):
    apps = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    habit_file = next(iter(apps)).habit_file
    habit_file.learn(0.6, False)
    habit_file.save()
    assert HabitFile(default_path()).habit.count == 1
    body = '{"action": "forget"}'
    await jp_fetch("jupyter-fastgen", "action", method="POST", body=body)
    assert habit_file.habit == Habit()
    assert not default_path().exists()


async def test_restart_answers_with_the_status(jp_fetch: Fetch):
    body = '{"action": "restart"}'
    response = await jp_fetch("jupyter-fastgen", "action", method="POST", body=body)
    assert json.loads(response.body)["state"] == "missing"


@pytest.mark.parametrize("route", [path.removeprefix("/") for path, _ in ROUTES])
@pytest.mark.parametrize("token", ["", "token wrong"])
async def test_no_door_opens_without_a_token(jp_fetch: Fetch, jp_ws_fetch, route, token):
    headers = {"Authorization": token}
    options = {"method": "POST", "body": "{}"} if route.endswith("action") else {}
    assert await refused(jp_fetch(route, headers=headers, **options)) == 403
    assert await refused(jp_ws_fetch(route, headers=headers)) == 403


async def test_with_cookies_an_action_needs_the_proof_against_foreign_pages(
    jp_fetch, login, jp_http_port
):
    cookies = await login()
    options = {"method": "POST", "body": '{"action": "restart"}'}
    host = f"localhost:{jp_http_port}"
    headers = {"Authorization": "", "Cookie": header(cookies), "Host": host}
    assert await refused(jp_fetch("jupyter-fastgen/action", headers=headers, **options)) == 403
    headers["X-XSRFToken"] = cookies["_xsrf"]
    assert (await jp_fetch("jupyter-fastgen/action", headers=headers, **options)).code == 200


# --- the websocket's door ---


async def test_a_client_with_a_token_is_welcome(connect: Connect):
    status = await (await connect()).greet()
    assert status.state == "missing"
    assert status.remedy


async def test_a_foreign_page_is_refused(connect: Connect, login):
    cookies = await login()
    headers = {"Authorization": "", "Cookie": header(cookies), "Origin": "http://evil.example"}
    assert await refused(connect(**headers)) == 403


async def test_our_own_page_proves_itself(connect: Connect, login, jp_http_port: int):
    cookies = await login()
    browser = await connect(
        Authorization="", Cookie=header(cookies), Origin=f"http://localhost:{jp_http_port}"
    )
    await browser.greet(xsrf=cookies["_xsrf"])


@pytest.mark.parametrize("proof", ["", "wrong", "2|1234|5678|9"])
async def test_a_page_without_proof_is_sent_away(connect: Connect, login, proof: str):
    browser = await connect(Authorization="", Cookie=header(await login()))
    browser.send(protocol.Hello(protocol.VERSION, proof))
    fault = await browser.until(protocol.Fault)
    assert fault.fatal
    assert "reload the page" in fault.message
    await browser.closed()


async def test_hello_must_come_first(connect: Connect):
    browser = await connect()
    browser.open("d", "x = 1")
    fault = await browser.until(protocol.Fault)
    assert fault == protocol.Fault("the first message must be hello", fatal=True)
    await browser.closed()
    assert browser.frames == [fault]


async def test_another_version_of_the_page_is_told_to_reload(connect: Connect):
    browser = await connect()
    browser.send(protocol.Hello(protocol.VERSION + 1))
    fault = await browser.until(protocol.Fault)
    assert fault.fatal
    assert "reload the page" in fault.message
    await browser.closed()


async def test_a_session_ends_with_its_socket(connect: Connect, jp_serverapp):
    app = next(iter(jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]))
    browser = await connect()
    await browser.greet()
    assert len(app.sessions) == 1
    browser.connection.close()
    while app.sessions:  # noqa: ASYNC110 the server tells nobody
        await asyncio.sleep(0.01)


# --- frames ---


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "null",
        "[]",
        '{"type":"dance"}',
        '{"type":"complete"}',
        '{"type":"complete","id":"x","doc":"d","rev":0,"cell":"c","offset":0}',
        '{"type":"open","doc":"d","cells":[{"id":"c","type":"video","source":""}]}',
        '{"type":"change","doc":"d","rev":1,"cell":"c","start":0,"end":0,"text":"\\ud800"}',
        b"\xff\xfe",
        '{"type":"close","doc":"d","x":' + "[" * 5000 + "]" * 5000 + "}",
    ],
    ids=lambda frame: repr(frame)[:40],
)
async def test_a_malformed_frame_is_a_fault_and_the_connection_stays(connect: Connect, frame):
    browser = await connect()
    await browser.greet()
    browser.send_raw(frame)
    fault = await browser.until(protocol.Fault)
    assert "not understood" in fault.message
    assert not fault.fatal
    await browser.ping()


async def test_many_malformed_frames_end_the_connection(connect: Connect):
    browser = await connect()
    await browser.greet()
    for _ in range(session.MOST_FAULTS):
        browser.send_raw("{")
    assert (await browser.until(protocol.Fault, lambda fault: fault.fatal)).message
    await browser.closed()


async def test_an_oversized_frame_ends_the_connection(connect: Connect):
    browser = await connect()
    await browser.greet()
    browser.open("d", "x" * protocol.MAX_FRAME)
    with pytest.raises(ClosedError):
        await browser.ping()
    assert browser.connection.close_code == 1009


async def test_flooding_ends_the_connection_with_the_reason(connect: Connect):
    browser = await connect()
    await browser.greet()
    browser.open("d", "")
    for _ in range(3 * session.BURST):
        browser.type("d", "c0", "x")
    fault = await browser.until(protocol.Fault)
    assert fault.fatal
    assert "too many messages" in fault.message
    await browser.closed()
    assert browser.frames[-1] == fault


async def test_a_fast_typist_is_no_flood(connect: Connect):
    browser = await connect()
    await browser.greet()
    browser.open("d", "")
    for _ in range(session.BURST // 2 - 10):
        browser.type("d", "c0", "x")
        browser.ask("d", "c0")
    await browser.ping()
    assert protocol.Resync("d") not in browser.frames
    assert not any(isinstance(frame, protocol.Fault) for frame in browser.frames)


# --- documents ---


async def test_out_of_order_deltas_ask_once_for_the_document(connect: Connect):
    browser = await connect()
    await browser.greet()
    browser.open("d", "x")
    browser.send(protocol.Change("d", 2, "c0", 0, 0, "a"))
    browser.send(protocol.Change("d", 3, "c0", 0, 0, "b"))
    browser.send(protocol.Complete(7, "d", 3, "c0", 0))
    await browser.ping()
    assert browser.frames.count(protocol.Resync("d")) == 1
    assert any(isinstance(f, protocol.Done) and f.id == 7 for f in browser.frames)
    browser.open("d", "x")
    id = browser.ask("d", "c0")
    assert (await browser.answer(id)).done.reason == "unavailable"
    browser.send(protocol.Change("d", 9, "c0", 0, 0, "a"))
    await browser.ping()
    assert browser.frames.count(protocol.Resync("d")) == 2


@pytest.mark.parametrize(
    ("doc", "rev", "cell", "offset"),
    [("other", 0, "c0", 0), ("d", 1, "c0", 0), ("d", 0, "c1", 0), ("d", 0, "c0", 3),
     ("d", 0, "c0", -1)],
)  # fmt: skip
async def test_a_request_that_does_not_fit_the_copy_asks_for_the_document(
    connect: Connect, doc, rev, cell, offset
):
    browser = await connect()
    await browser.greet()
    browser.open("d", "\U0001f600x")
    browser.send(protocol.Warm(doc, rev, cell, offset))
    browser.send(protocol.Complete(7, doc, rev, cell, offset))
    assert (await browser.answer(7)).done.reason == "superseded"
    assert protocol.Resync(doc) in browser.frames


async def test_too_many_documents_are_refused(connect: Connect):
    browser = await connect()
    await browser.greet()
    for number in range(session.MOST_DOCUMENTS + 1):
        browser.open(f"d{number}", "")
    assert "documents" in (await browser.until(protocol.Fault)).message
    browser.send(protocol.Close("d0"))
    browser.open("another", "")
    await browser.ping()
    assert sum(isinstance(frame, protocol.Fault) for frame in browser.frames) == 1


async def test_a_document_past_the_limit_is_refused(connect: Connect, monkeypatch):
    monkeypatch.setattr("jupyter_fastgen.document.MAX_CHARS", 100)
    browser = await connect()
    await browser.greet()
    browser.open("d", "x" * 90)
    browser.type("d", "c0", "y" * 20)
    assert "more than 100 characters" in (await browser.until(protocol.Fault)).message


async def test_without_a_model_a_request_is_answered_with_the_reason(connect: Connect):
    browser = await connect()
    await browser.greet()
    browser.open("d", "x = ")
    done = (await browser.answer(browser.ask("d", "c0"))).done
    assert done.reason == "unavailable"
    assert "not ready on this machine" in done.why


async def test_large_notebooks_do_not_block_the_server(connect: Connect):
    browser = await connect()
    await browser.greet()
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            stalls.append(time.perf_counter() - before)

    watcher = asyncio.create_task(watch())
    long = "\n".join(f"value_{n} = compute({n}, 'some text')" for n in range(5000))
    browser.open("d", *["x = 1\ny = 2\n" * 20] * 499, long)
    for _ in range(50):
        browser.type("d", "c499", "z")
        browser.ask("d", "c499")
    await browser.ping()
    watcher.cancel()
    # Generous: one key takes a millisecond, the opening some thirty, on a slow machine.
    assert max(stalls) < 1.0
    assert max(browser.sent[2:]) <= 300
