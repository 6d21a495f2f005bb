from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from jupyter_fastgen.cli import main
from jupyter_fastgen.hub.auth import (
    PARALLEL,
    STALE,
    AuthError,
    HubTokens,
    Identity,
    Remembering,
    TokenFile,
    digest,
)

FRESH = 40.0

ALICE = Identity("alice", ("staff",))


class Source:
    """Somebody to be asked; counts how often, and how often at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = 0
        self.most = 0
        self.down = False
        self.answer: Identity | None = ALICE

    async def identify(self, token: str) -> Identity | None:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.down:
            raise AuthError("down")
        return self.answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_token_is_asked_about_once_while_the_answer_is_fresh():
    source, clock = Source(), Clock()
    known = Remembering(source, FRESH, clock)
    assert await asyncio.gather(*(known.identify("t") for _ in range(50))) == [ALICE] * 50
    assert source.asked == 1
    clock.now = FRESH - 1
    await known.identify("t")
    assert source.asked == 1
    source.answer = None
    clock.now = FRESH + 1
    assert await known.identify("t") is None
    assert source.asked == 2


async def test_a_herd_asks_a_few_at_once():
    source = Source()
    known = Remembering(source, FRESH)
    await asyncio.gather(*(known.identify(str(n)) for n in range(200)))
    assert source.asked == 200
    assert source.most <= PARALLEL


async def test_who_was_known_stays_known_for_a_time_while_the_hub_is_down():
    source, clock = Source(), Clock()
    known = Remembering(source, FRESH, clock)
    await known.identify("t")
    source.down = True
    clock.now = STALE - 1
    assert await known.identify("t") == ALICE
    with pytest.raises(AuthError):
        await known.identify("new")
    clock.now = STALE + 1
    with pytest.raises(AuthError):
        await known.identify("t")


async def test_one_that_does_not_wait_does_not_end_it_for_others():
    source = Source()
    known = Remembering(source, FRESH)
    impatient = asyncio.create_task(known.identify("t"))
    patient = asyncio.create_task(known.identify("t"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == ALICE


async def test_the_token_file_knows_digests_and_is_read_again(tmp_path: Path):
    file = tmp_path / "tokens"
    assert main(["gateway-user", "alice", "staff", "ai", "--file", str(file)]) == 0
    known = TokenFile(file)
    assert await known.identify("alice") is None
    file.write_text(f"# users\nbob {digest('secret')}  # a colleague\n")
    assert await known.identify("secret") == Identity("bob")


async def test_a_token_that_was_given_out_is_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "tokens"
    main(["gateway-user", "alice", "staff", "ai", "--file", str(file)])
    token = capsys.readouterr().out.strip()
    assert token not in file.read_text()
    assert await TokenFile(file).identify(token) == Identity("alice", ("staff", "ai"))


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path):
    file = tmp_path / "tokens"
    main(["gateway-user", "alice", "--file", str(file)])
    file.chmod(0o640)
    with pytest.raises(AuthError, match="chmod 600"):
        TokenFile(file)


@pytest.mark.parametrize("text", ["alice", "alice password"])
def test_a_token_file_that_is_none_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "tokens"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(AuthError, match="line 1"):
        TokenFile(file)


@pytest.mark.parametrize("name", ["two words", "#", ""])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str):
    assert main(["gateway-user", name, "--file", str(tmp_path / "tokens")]) == 1


class Hub(web.RequestHandler):
    """What of a hub is asked: whose the token in the header is."""

    def get(self) -> None:
        token = self.request.headers["Authorization"].removeprefix("token ")
        scope = "access:services!service=fastgen"
        if token == "broken":
            self.set_status(500)
        elif token in ("alice", "bob"):
            scopes = [scope] if token == "alice" else ["access:services!service=other"]
            self.write({"name": token, "groups": ["staff"], "scopes": scopes, "kind": "user"})
        else:
            self.set_status(403)


async def test_users_of_a_hub_are_known_by_the_scopes_of_their_tokens(
    monkeypatch: pytest.MonkeyPatch,
):
    server = HTTPServer(web.Application([("/hub/api/user", Hub)]))
    socket, port = bind_unused_port()
    server.add_sockets([socket])
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the service's own")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "fastgen")
    known = HubTokens()
    assert await known.identify("alice") == ALICE
    assert await known.identify("bob") is None
    assert await known.identify("nobody") is None
    with pytest.raises(AuthError, match="hub"):
        await known.identify("broken")
    server.stop()
    await server.close_all_connections()
    with pytest.raises(AuthError, match="hub"):
        await known.identify("alice")


def test_what_is_no_service_of_a_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
    with pytest.raises(AuthError, match="token_file"):
        HubTokens()
