from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from jupyter_fastgen.cli import main
from jupyter_fastgen.hub.auth import (
    MOST_REFUSED,
    PARALLEL,
    REFUSED,
    STALE,
    AuthError,
    HubTokens,
    Identity,
    NotAllowedError,
    Remembering,
    TokenFile,
    TooOftenError,
    digest,
)
from jupyter_fastgen.hub.tries import FORGIVEN, WRONG

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

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.down:
            raise AuthError("down")
        if token.startswith("bob"):
            raise NotAllowedError
        return None if token.startswith("wrong") else self.answer


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


# --- wrong tokens ---------------------------------------------------------------------


async def test_who_tries_wrong_tokens_costs_the_hub_one_question_a_second():
    source, clock = Source(), Clock()
    known = Remembering(source, FRESH, clock)
    for number in range(1000):
        with contextlib.suppress(TooOftenError):
            assert await known.identify(f"wrong{number}", "10.0.0.9") is None
    assert source.asked == WRONG
    for _ in range(600):
        clock.now += 0.1
        with contextlib.suppress(TooOftenError):
            await known.identify(f"wrong{clock.now}", "10.0.0.9")
    assert source.asked == pytest.approx(WRONG + 60 * FORGIVEN, abs=1)


async def test_wrong_tokens_at_once_are_no_way_round_that():
    source = Source()
    known = Remembering(source, FRESH, Clock())
    tries = (known.identify(f"wrong{n}", "10.0.0.9") for n in range(1000))
    told = await asyncio.gather(*tries, return_exceptions=True)
    assert source.asked <= WRONG + PARALLEL
    assert sum(isinstance(one, TooOftenError) for one in told) == 1000 - source.asked


async def test_good_users_at_the_address_of_a_bad_one_come_in():
    source, clock = Source(), Clock()
    known = Remembering(source, FRESH, clock)
    await known.identify("early", "10.0.0.9")
    for number in range(100):
        with contextlib.suppress(TooOftenError):
            await known.identify(f"wrong{number}", "10.0.0.9")
    # Who was known is asked about as ever, who is elsewhere knows nothing of it.
    clock.now = FRESH + 1
    for number in range(100):
        with contextlib.suppress(TooOftenError):
            await known.identify(f"wrong{number + 100}", "10.0.0.9")
    assert await known.identify("early", "10.0.0.9") == ALICE
    assert await known.identify("other", "10.0.0.8") == ALICE
    with pytest.raises(TooOftenError) as refused:
        await known.identify("late", "10.0.0.9")
    assert refused.value.retry_s <= 1 / FORGIVEN
    clock.now += refused.value.retry_s
    herd = (known.identify(f"late{number}", "10.0.0.9") for number in range(300))
    assert await asyncio.gather(*herd) == [ALICE] * 300


async def test_a_refused_token_is_asked_about_again_after_a_short_while():
    source, clock = Source(), Clock()
    known = Remembering(source, FRESH, clock)
    for token in ("wrong", "bob"):
        source.asked = 0
        for _ in range(50):
            assert await known.identify(token, "10.0.0.9") is None
        assert source.asked == 1
        clock.now += REFUSED + 0.1
        assert await known.identify(token, "10.0.0.9") is None
        assert source.asked == 2


async def test_users_without_access_are_not_taken_for_guessers():
    source = Source()
    known = Remembering(source, FRESH, Clock())
    for number in range(200):
        assert await known.identify(f"bob{number}", "10.0.0.9") is None
    assert await known.identify("good", "10.0.0.9") == ALICE


async def test_what_is_kept_of_wrong_tokens_is_bounded():
    known = Remembering(Source(), FRESH, Clock())
    good = await known.identify("good", "10.0.0.9")
    for number in range(MOST_REFUSED + 500):
        await known.identify(f"wrong{number}", f"10.1.{number // 250}.{number % 250}")
    assert len(known._refused) == MOST_REFUSED
    assert good == ALICE
    assert len(known._answers) == 1


async def test_one_that_does_not_wait_does_not_end_it_for_others():
    source = Source()
    known = Remembering(source, FRESH)
    impatient = asyncio.create_task(known.identify("t"))
    patient = asyncio.create_task(known.identify("t"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == ALICE


async def test_each_look_at_a_token_is_told_once():
    source, clock = Source(), Clock()
    told: list[tuple[str, bool]] = []
    known = Remembering(
        source, FRESH, clock, lambda found, seconds: told.append((found, seconds is not None))
    )
    await known.identify("t")
    await known.identify("t")
    source.answer = None
    await known.identify("u")
    source.down = True
    with pytest.raises(AuthError):
        await known.identify("v")
    assert told == [("known", True), ("remembered", False), ("nobody", True), ("failed", True)]


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
    with pytest.raises(NotAllowedError):
        await known.identify("bob")
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
