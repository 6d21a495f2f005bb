"""A policy holds in a running Jupyter server, at every way to a model; the model is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import app as app_module
from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.policy import Notebook, Policy, Rules

from .browser import Browser
from .engine.faulty import Faulty, faulty
from .engine.scripted import ScriptedEngine
from .hub.running import running

Fetch = Callable[..., Awaitable[Any]]
Says = Callable[[str], None]
Loop = asyncio.AbstractEventLoop

EXAM = "the administrator turned it off (preset exam)"
KERNEL = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def model(jp_asyncio_loop: Loop) -> Iterator[Faulty]:
    """A server with OpenAI's API, which answers the same to all and remembers what it was asked."""
    serving = faulty()
    server = jp_asyncio_loop.run_until_complete(serving.__aenter__())
    yield server
    jp_asyncio_loop.run_until_complete(serving.__aexit__(None, None, None))


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any],
    model: Faulty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    monkeypatch.setattr(app_module, "LOOK_MS", 20)
    (tmp_path / "policy.toml").write_text("")
    options = {"model": f"{model.url}/v1", "policy_file": str(tmp_path / "policy.toml")}
    return jp_server_config | {"FastgenApp": options}


@pytest.fixture
def app(jp_serverapp: Any) -> FastgenApp:
    (found,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    return found


@pytest.fixture
def policy(app: FastgenApp, tmp_path: Path) -> Says:
    """Writes the policy's file, and lets the server look at it at once."""

    def says(text: str) -> None:
        (tmp_path / "policy.toml").write_text(text)
        app.allowed.look()

    return says


@pytest.fixture
def connect(jp_ws_fetch: Fetch) -> Callable[[], Awaitable[Browser]]:
    async def connect() -> Browser:
        return Browser(await jp_ws_fetch("jupyter-fastgen", "ws"))

    return connect


@pytest.fixture
def post(app: FastgenApp, jp_fetch: Fetch) -> Callable[..., Awaitable[protocol.Done]]:
    """Ask as a kernel does; the end of the answer."""

    async def post(door: str, **asked: Any) -> protocol.Done:
        if door == "edit":
            asked = {"cells": [{"id": "a", "type": "code", "source": "x = 1"}]} | asked
        options: dict[str, Any] = {"headers": {"Authorization": f"fastgen {app.secret}"}}
        told = await jp_fetch(
            "jupyter-fastgen",
            door,
            method="POST",
            body=json.dumps(asked),
            request_timeout=60.0,
            **options,
        )
        done = protocol.decode_server(told.body.splitlines()[-1])
        assert isinstance(done, protocol.Done)
        return done

    return post


def opened(browser: Browser, notebook: Notebook = Notebook(), path: str = "d.ipynb") -> None:  # noqa: B008
    browser._revs["d"] = 0
    browser._sources["d", "c0"] = "x = "
    cells = [protocol.Cell("c0", "code", "x = ")]
    browser.send(protocol.Open("d", cells, "python", path, notebook=notebook))


ASKS: dict[str, Callable[[Browser], int]] = {
    "auto": lambda browser: browser.ask("d", "c0"),
    "invoke": lambda browser: asked_for(browser),
    "ahead": lambda browser: browser.ahead("d", "c0", "1"),
    "next": lambda browser: browser.next_cell("d", "c0"),
    "alternatives": lambda browser: browser.alternatives("d", "c0", "1"),
    "more": lambda browser: browser.alternatives("d", "c0", "1", "invoke"),
    "edit": lambda browser: browser.edit("d", "c0", instruction="double it"),
}
"""All that a page may ask and is answered."""


def asked_for(browser: Browser) -> int:
    id = next(browser._ids)
    browser.send(protocol.Complete(id, "d", 0, "c0", 4, "invoke"))
    return id


async def refused(browser: Browser) -> dict[str, str]:
    """What of `ASKS` is not allowed, and why."""
    found: dict[str, str] = {}
    for name, ask in ASKS.items():
        done = (await browser.answer(ask(browser))).done
        if done.reason == "off":
            found[name] = done.why
    return found


def user_prompts(model: Faulty) -> list[str]:
    """What the model was asked but for what it can do."""
    return [str(asked) for asked in model.asked if "x = " in str(asked) or "double" in str(asked)]


async def test_in_an_exam_no_way_leads_to_the_model(
    connect: Any, post: Any, model: Faulty, policy: Says, jp_fetch: Fetch
):
    policy('everyone.preset = "exam"')
    browser = await connect()
    browser.send(protocol.Hello(protocol.VERSION))
    welcome = await browser.until(protocol.Welcome)
    status = await browser.until(protocol.Status, lambda status: status.state == "off")
    assert status.detail == EXAM
    assert welcome.rules.features["edits"] == protocol.Verdict(False, EXAM)
    opened(browser)
    browser.prepare("d", "c0")
    browser.send(protocol.Warm("d", 0, "c0", 4))
    assert await refused(browser) == dict.fromkeys(ASKS, EXAM)
    for door, asked in (("generate", {"prompt": "double x"}), ("edit", {"instruction": "double"})):
        done = await post(door, **asked)
        assert (done.reason, done.why) == ("off", EXAM)
    for action in ("download", "restart"):
        body = json.dumps({"action": action})
        told = await jp_fetch("jupyter-fastgen", "action", method="POST", body=body)
        assert json.loads(told.body)["state"] == "off"
    assert model.heads == []  # it was not even asked what it is


@pytest.mark.parametrize(
    ("feature", "without"),
    [
        ("suggestions", {"auto", "invoke", "ahead", "next", "alternatives", "more"}),
        ("automatic", {"auto", "next", "alternatives"}),
        ("next_cell", {"next"}),
        ("edits", {"edit"}),
        ("generate", set[str]()),
        ("remote", set[str]()),  # the model is on this machine
    ],
)
async def test_each_feature_is_turned_off_by_itself(
    connect: Any, post: Any, policy: Says, feature: str, without: set[str]
):
    policy(f'everyone.features = {{ {feature} = "force-off" }}')
    browser = await connect()
    await browser.ready()
    opened(browser)
    assert (await refused(browser)).keys() == without
    assert ((await post("generate", prompt="double x")).reason == "off") == (feature == "generate")
    done = await post("edit", instruction="double it")
    assert (done.reason == "off") == (feature == "edits")


async def test_a_new_cell_is_code_from_a_description(connect: Any, policy: Says, model: Faulty):
    policy('everyone.features = { generate = "force-off" }')
    browser = await connect()
    await browser.ready()
    browser.open("d", "x = 1", "")
    done = (await browser.answer(browser.edit("d", "c1", instruction="double x"))).done
    assert done.reason == "off"
    done = (await browser.answer(browser.edit("d", "c0", action="test"))).done
    assert done.reason == "off"
    assert not user_prompts(model)


async def test_a_policy_that_changes_reaches_pages_that_are_there(
    connect: Any, app: FastgenApp, model: Faulty
):
    browser = await connect()
    await browser.ready()
    opened(browser)
    assert await refused(browser) == {}
    file = Path(app.policy_file)
    await asyncio.to_thread(file.write_text, 'everyone.preset = "exam"')
    rules = await browser.until(protocol.Rules)
    assert rules.features["suggestions"].why == EXAM
    before = len(model.asked)
    assert await refused(browser) == dict.fromkeys(ASKS, EXAM)
    assert len(model.asked) == before
    await asyncio.to_thread(file.write_text, "")
    assert (await browser.until(protocol.Rules)).features == {}
    assert await refused(browser) == {}


async def test_a_policy_that_can_not_be_read_allows_nothing(
    connect: Any, post: Any, policy: Says, model: Faulty
):
    policy("everyone.preset = exam")
    browser = await connect()
    status = await browser.greet()
    assert status.state == "off"
    assert "policy.toml" in status.detail
    opened(browser)
    told = await refused(browser)
    assert told.keys() == ASKS.keys()
    assert "nothing is allowed until it is corrected" in told["auto"]
    assert (await post("generate", prompt="double x")).reason == "off"
    assert not user_prompts(model)


async def test_a_notebook_turns_itself_off_and_on_again(connect: Any, model: Faulty):
    browser = await connect()
    await browser.ready()
    opened(browser, Notebook(enabled=False))
    told = await refused(browser)
    assert told == dict.fromkeys(ASKS, "the notebook's metadata turns it off (fastgen.enabled)")
    assert not user_prompts(model)
    opened(browser)
    assert await refused(browser) == {}
    assert user_prompts(model)


async def test_a_course_binds_the_notebooks_that_name_it(
    connect: Any, post: Any, policy: Says, model: Faulty
):
    policy('[courses.cs]\nmodels = ["small"]\nfeatures = { edits = "force-off" }')
    browser = await connect()
    await browser.ready()
    opened(browser, Notebook(course="math"))
    assert await refused(browser) == {}
    before = len(model.asked)
    opened(browser, Notebook(course="cs"))
    told = await refused(browser)
    assert told.pop("edit") == "it is off in the course cs"
    assert told.keys() == ASKS.keys() - {"edit"}
    assert set(told.values()) == {"the model big is not allowed in the course cs"}
    done = await post("edit", instruction="double it", notebook={"course": "cs"})
    assert (done.reason, done.why) == ("off", "it is off in the course cs")
    done = await post("generate", prompt="double x", notebook={"course": "cs"})
    assert "not allowed in the course cs" in done.why
    assert len(model.asked) == before


async def test_the_magic_obeys_the_notebook_as_the_page_has_it(
    connect: Any, post: Any, app: FastgenApp, jp_fetch: Fetch, jp_create_notebook: Any
):
    jp_create_notebook("d.ipynb")
    body = json.dumps({"path": "d.ipynb", "type": "notebook", "kernel": {"name": "python3"}})
    made = json.loads((await jp_fetch("api", "sessions", method="POST", body=body)).body)
    kernel = made["kernel"]["id"]
    browser = await connect()
    await browser.ready()
    try:
        for enabled, saved in ((False, True), (True, False)):
            opened(browser, Notebook(enabled=enabled))
            await browser.ping()
            asked = {"prompt": "double x", "notebook": {"enabled": saved}}
            done = await post("generate", **asked, kernel=kernel)
            assert (done.reason != "off") == enabled
            assert enabled or "fastgen.enabled" in done.why
            done = await post("generate", **asked, kernel=KERNEL)  # nobody has it open
            assert (done.reason != "off") == saved
    finally:
        await jp_fetch("api", "sessions", made["id"], method="DELETE")


@pytest.mark.parametrize("kernel", ["force-off", "user-choice"])
async def test_without_its_context_no_kernel_is_even_looked_for(
    connect: Any, policy: Says, app: FastgenApp, kernel: str
):
    policy(f'everyone.features = {{ kernel_context = "{kernel}" }}')
    browser = await connect()
    await browser.ready()
    opened(browser)
    browser.send(protocol.Warm("d", 0, "c0", 4))
    await refused(browser)
    assert ("d.ipynb" in app.kernels._looked_up) == (kernel == "user-choice")


async def test_objects_of_the_kernel_are_not_described_without_its_context(
    post: Any, policy: Says, model: Faulty
):
    policy('everyone.features = { kernel_context = "force-off" }')
    done = await post("generate", prompt="double x", about="x is the int 11")
    assert done.reason == "off"
    assert "name them without braces" in done.why
    assert not user_prompts(model)
    assert (await post("generate", prompt="double x")).reason != "off"


class TestElsewhere:
    """As above, with a model that is on another machine by its address."""

    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any], model: Faulty) -> dict[str, Any]:
        # It is no address of the loopback, and yet this machine answers at it.
        jp_server_config["FastgenApp"]["model"] = model.url.replace("127.0.0.1", "0.0.0.0") + "/v1"
        return jp_server_config

    async def test_nothing_goes_there_while_remote_is_off(
        self, connect: Any, post: Any, policy: Says, model: Faulty
    ):
        policy('everyone.preset = "confidential"')
        browser = await connect()
        status = await browser.greet()
        why = "the administrator turned it off (preset confidential)"
        assert (status.state, status.detail.partition(": ")[2]) == ("off", why)
        assert "another machine" in status.detail
        assert "c.FastgenApp.model" in status.remedy
        opened(browser)
        ghost = await refused(browser)
        assert ghost.keys() == ASKS.keys() - {"edit"}
        done = (await browser.answer(browser.edit("d", "c0", instruction="double it"))).done
        assert why in done.why
        assert why in (await post("generate", prompt="double x")).why
        assert model.heads == []
        policy("")
        await browser.until(protocol.Status, lambda status: status.state == "ready")
        assert (await browser.answer(browser.ask("d", "c0"))).done.reason != "off"

    async def test_a_model_that_is_not_allowed_is_told_of_once_it_is_known(
        self, connect: Any, policy: Says, model: Faulty
    ):
        policy('everyone.models = ["small"]')
        browser = await connect()
        await browser.greet()
        status = await browser.until(protocol.Status, lambda status: status.state == "off")
        assert status.detail == "the model big is not among those that are allowed: small"
        opened(browser)
        assert (await refused(browser)).keys() == ASKS.keys() - {"edit"}
        done = (await browser.answer(browser.edit("d", "c0", instruction="double it"))).done
        assert "the model big is not among" in done.why
        assert not user_prompts(model)


class TestBehindAGateway:
    """As above, with the rules of a gateway, and no file here."""

    @pytest.fixture
    def engine(self) -> ScriptedEngine:
        return ScriptedEngine("1")

    @pytest.fixture
    def rules(self) -> list[Policy]:
        """The gateway's policy, which a test may replace."""
        return [Policy()]

    @pytest.fixture
    def jp_server_config(
        self,
        jp_server_config: dict[str, Any],
        engine: ScriptedEngine,
        rules: list[Policy],
        jp_asyncio_loop: Loop,
    ) -> Iterator[dict[str, Any]]:
        serving = running(engine, policy=lambda: rules[0], recheck_s=0.05)
        at = jp_asyncio_loop.run_until_complete(serving.__aenter__())
        options = {"model": f"fastgen+{at.url}", "api_key": "alice-token"}
        yield jp_server_config | {"FastgenApp": options}
        jp_asyncio_loop.run_until_complete(serving.__aexit__(None, None, None))

    @pytest.mark.parametrize(
        ("policy", "why"),
        [
            (Policy(everyone=Rules(preset="exam")), EXAM),
            (Policy(groups={"ai-users": Rules({"edits": "force-off"})}), "the group ai-users"),
            (Policy(everyone=Rules(preset="confidential")), "behind a gateway"),
            (Policy(closed="Back on Monday."), "Back on Monday."),
        ],
    )
    async def test_what_it_says_holds_in_the_users_server(
        self,
        connect: Any,
        post: Any,
        engine: ScriptedEngine,
        rules: list[Policy],
        policy: Policy,
        why: str,
    ):
        browser = await connect()
        await browser.ready()
        opened(browser)
        assert await refused(browser) == {}
        assert engine.requests
        rules[0] = policy
        await browser.until(protocol.Rules, lambda told: told.features != {})
        engine.requests.clear()
        done = (await browser.answer(browser.edit("d", "c0", instruction="double it"))).done
        assert done.reason != "stop"
        assert why in done.why
        assert why in (await post("edit", instruction="double it")).why
        if not policy.groups:
            told = await refused(browser)
            assert told.keys() >= ASKS.keys() - {"edit"}
            assert why in (await post("generate", prompt="double x")).why
        assert engine.requests == []
        rules[0] = Policy()
        await browser.until(protocol.Rules, lambda told: told.features == {})
        assert await refused(browser) == {}
