"""The administrators' page of a gateway without a hub; see `test_hub.py` for one with."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from tornado.httpclient import HTTPResponse

from jupyter_fastgen.engine.base import RefusedError
from jupyter_fastgen.hub import admin
from jupyter_fastgen.hub.auth import Identity
from jupyter_fastgen.hub.limits import Limits
from jupyter_fastgen.hub.overview import MOST_ROWS, NO_GROUP, in_words, users_by_group
from jupyter_fastgen.hub.quota import DAY, Quotas
from jupyter_fastgen.policy import Policy, Rules

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..waiting import until
from .running import HeldEngine, Running, ask, running

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, response: HTTPResponse) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(response.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def field(self, name: str) -> str:
        """The value of a field of the form."""
        (found,) = [a["value"] for _, a in self.tags if a.get("name") == name]
        assert found is not None
        return found


@asynccontextmanager
async def administered(**options: object) -> AsyncGenerator[tuple[Running, list[str]], None]:
    acts: list[str] = []

    def routes(at_gateway: object) -> object:
        return admin.routes(
            at_gateway,  # type: ignore[arg-type]
            "/services/fastgen/",
            frozenset({"admin"}),
            lambda who, what: acts.append(f"{who}: {what}"),
        )

    engine = options.pop("engine", None) or ScriptedEngine("x")
    async with running(engine, more=routes, **options) as at:  # type: ignore[arg-type]
        at.auth.users["root-token"] = Identity("root", ("admin",))
        at.auth.users["evil-token"] = Identity(EVIL, (f"{EVIL}s",))
        yield at, acts


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{token}".encode()).decode()}


async def look(at: Running, token: str = "root-token", query: str = "") -> HTTPResponse:
    return await at.fetch(f"admin{query}", token, headers=basic(token) if token else {})


async def press(at: Running, page: HTTPResponse, **fields: str) -> HTTPResponse:
    """Press the button of a page, as a browser does."""
    cookies = SimpleCookie()
    for line in page.headers.get_list("Set-Cookie"):
        cookies.load(line)
    said = {"_xsrf": Page(page).field("_xsrf"), "pause": Page(page).field("pause")} | fields
    return await at.fetch(
        "admin",
        method="POST",
        body=urlencode(said),
        headers=basic("root-token") | {"Cookie": f"_xsrf={cookies['_xsrf'].value}"},
        follow_redirects=False,
    )


@pytest.mark.parametrize(("token", "code"), [("", 401), ("wrong", 401), ("alice-token", 403)])
async def test_only_administrators_see_it_and_may_press_the_button(token: str, code: int):
    async with administered() as (at, acts):
        seen = await look(at, token)
        assert seen.code == code
        assert ("WWW-Authenticate" in seen.headers) == (code == 401)
        headers = basic(token) if token else {}
        pressed = await at.fetch("admin", token, method="POST", body="pause=1", headers=headers)
        assert pressed.code == code
        assert not at.gateway.quotas.is_paused
        assert acts == []
        by_url = await at.fetch("admin?token=root-token", "")
        assert by_url.code == 401


async def test_it_shows_load_users_and_rules():
    rules = Policy(groups={"ai-users": Rules(features={"edits": "force-off"}, models=("m",))})
    limits = {"ai-users": Limits(tokens_per_day=123_456)}
    engine = HeldEngine()
    async with administered(engine=engine, policy=rules, group_limits=limits, slots=1) as (at, _):
        held = asyncio.create_task(collect((await at.remote()).stream(ask())))
        await until(lambda: engine.started)
        bob = asyncio.create_task(
            collect((await at.remote("bob-token")).stream(ask(priority="explicit")))
        )
        await until(lambda: at.gateway.models.of(Identity("bob"))[0].dispatcher.scheduler.waiting)
        page = Page(await look(at))
        text = re.sub(r"\s+", " ", page.text)
        assert "1 / 1" in text
        assert "123,456" in text
        assert "group ai-users: edits force-off" in text
        assert "group ai-users: models m" in text
        for name in ("alice", "bob", "ai-users", NO_GROUP, "ok", "completion, edit"):
            assert name in text
        engine.let_go.set()
        await asyncio.gather(held, bob)


async def test_it_runs_nothing_and_shows_names_as_they_are():
    async with administered() as (at, _):
        await collect((await at.remote("evil-token")).stream(ask()))
        seen = await look(at)
        page = Page(seen)
        assert EVIL in page.text
        assert not any(tag == "script" for tag, _ in page.tags)
        assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
        policy = seen.headers["Content-Security-Policy"]
        nonces = [attrs.get("nonce") for tag, attrs in page.tags if tag == "style"]
        assert [f"'nonce-{nonce}'" in policy for nonce in nonces] == [True]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (await look(at)).headers["Content-Security-Policy"] != policy
        assert seen.headers["Cache-Control"] == "no-store"


async def test_it_is_looked_anew_unless_that_is_stopped():
    async with administered() as (at, _):
        for query, refreshes in (("", True), ("?refresh=0", False)):
            page = Page(await look(at, query=query))
            assert any(attrs.get("http-equiv") == "refresh" for _, attrs in page.tags) == refreshes


async def test_a_screen_reader_finds_its_way():
    async with administered() as (at, _):
        await collect((await at.remote()).stream(ask()))
        page = Page(await look(at))
        assert ("html", {"lang": "en"}) in page.tags
        headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
        assert headings[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(headings))
        assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
        regions = [attrs for _, attrs in page.tags if attrs.get("role") == "region"]
        assert regions
        for attrs in regions:
            assert attrs["aria-label"]
            assert attrs["tabindex"] == "0"


async def test_it_pauses_everything_and_lets_it_go_on():
    async with administered() as (at, acts):
        alice = await at.remote()
        assert (await press(at, await look(at))).code == 303
        with pytest.raises(RefusedError, match="paused all suggestions"):
            await collect(alice.stream(ask()))
        assert "jupyter_fastgen_gateway_paused 1.0" in (await at.fetch("metrics")).body.decode()
        paused = await look(at)
        assert "All suggestions are paused" in Page(paused).text
        await press(at, paused)
        assert (await collect(alice.stream(ask())))[0] == "x"
        assert acts == ["root: pause", "root: go on"]


async def test_no_foreign_page_can_press_the_button():
    async with administered() as (at, acts):
        page = await look(at)
        # The browser knows the password and the cookie; the foreign page not what is in the form.
        for fields in ({"_xsrf": ""}, {"_xsrf": "2|00000000|00000000|1"}, {"_xsrf": "x" * 32}):
            assert (await press(at, page, **fields)).code == 403
        assert (await press(at, page, pause="2")).code == 400
        assert acts == []
        assert not at.gateway.quotas.is_paused


def test_users_stand_in_each_of_their_groups_and_the_thirstiest_first():
    quotas = Quotas(Limits(), {"a": Limits(tokens_per_day=10)})
    now = 20_000.0 * DAY
    for number in range(MOST_ROWS + 3):
        quotas.ledger.charge(f"u{number}", number, now)
    people = {f"u{number}": Identity(f"u{number}", ("a",)) for number in range(MOST_ROWS + 3)}
    people["late"] = Identity("late", ("a", "b"))
    first, second = users_by_group(people, {"late": 2, "u5": 1}, quotas, now)
    assert (first.name, len(first.users), first.left_out) == ("a", MOST_ROWS, 4)
    assert first.users[0].tokens == MOST_ROWS + 2
    assert first.users[0].limit == 10
    assert [(row.name, row.sockets, row.tokens) for row in second.users] == [("late", 2, 0)]
    assert users_by_group({}, {}, quotas, now + DAY) == []


def test_rules_are_said_in_words():
    policy = Policy(Rules(models=(), preset="exam"), courses={"cs": Rules({"edits": "force-off"})})
    assert list(in_words(policy)) == [
        "everyone: preset exam",
        "everyone: models none",
        "course cs: edits force-off",
    ]
