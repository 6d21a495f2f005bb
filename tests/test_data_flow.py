"""What docs/data-flow.md says of what leaves a user's server is what leaves it, both ways.

Each kind of datum has a word of its own. A person works with each kind of model; all that comes
in at the other side is recorded, and looked through for the words.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.hub import gateway as gateway_doors

from .browser import Browser
from .engine import faulty as faults
from .engine.faulty import Faulty, faulty, piece, reply, stream
from .engine.scripted import ScriptedEngine
from .hub.running import running

Fetch = Callable[..., Awaitable[Any]]
Loop = asyncio.AbstractEventLoop

PAGE = (Path(__file__).parents[1] / "docs" / "data-flow.md").read_text(encoding="utf-8")

PATH = "zqfolder/zqfile.ipynb"

MODULE = "def help(zqparameter):\n    return 'zqbody'\n"

CELLS = [
    protocol.Cell("c0", "markdown", "# zqnotes"),
    protocol.Cell("c1", "code", "import helper\nzqabove = helper.help(1)"),
    protocol.Cell("c2", "code", "api_key = 'zqsecret-9931'\nzqbefore = \nzqafter = 2"),
    protocol.Cell("c3", "code", "zqbelow = 3"),
]

CURSOR = len("api_key = 'zqsecret-9931'\nzqbefore = ")

RUN = """
import os, pandas
other = "zq" + "value"
zqname = pandas.DataFrame({"zq" + "column": [other]})
print("zq" + "output")
"""

WORDS = {
    "code of the cell, before the cursor": ["zqbefore"],
    "code of the cell, behind the cursor": ["zqafter"],
    "code of the cells above": ["zqabove"],
    "code of the next cell": ["zqbelow"],
    "notes (Markdown cells)": ["zqnotes"],
    "names, types and columns in the live kernel": ["zqname", "zqcolumn"],
    "signatures in modules beside the notebook": ["zqparameter"],
    "instructions and descriptions": ["zqprompt", "zqinstruction"],
    "the message of an error that is to be mended": ["zqerror"],
    "objects that a description names in braces, with values": ["zqabout"],
    "the key or token that is configured for the one asked": ["alice-token"],
    "other values of variables": ["zqvalue"],
    "outputs of cells": ["zqoutput"],
    "other code in modules beside the notebook": ["zqbody"],
    "names of files": ["zqfile"],
    "names of folders": ["zqfolder"],
    "environment variables": ["zqenviron"],
    "cookies": ["zqcookie"],
    "the token of the Jupyter server": ["<token>", "<secret>"],
    "[what looks like a secret](#secrets) in any of these": ["zqsecret"],
}

MODES = ["a model here", "a gateway", "another server", "`remote` beside a model here"]


def table() -> dict[str, dict[str, str]]:
    """What the page says, by what it is and by who is asked."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines)
    return {name: dict(zip(head[1:], said, strict=True)) for name, *said in rows}


def test_the_page_speaks_of_all_that_is_looked_for_and_of_no_more():
    assert table().keys() == WORDS.keys()
    for said in table().values():
        assert list(said) == MODES
        assert set(said.values()) <= {"goes", "with edits", "stays"}


@dataclass
class Other:
    """The other side: the settings by which it is asked, and what it got."""

    options: dict[str, Any]
    got: Callable[[], str]
    here: Callable[[], str] = field(default=lambda: "")


@pytest.fixture
def other(
    request: pytest.FixtureRequest, jp_asyncio_loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Other]:
    """Who is asked in the mode that the test names."""
    mode: str = request.param
    run = jp_asyncio_loop.run_until_complete
    if mode == "a gateway":
        got: list[str] = []
        decode = gateway_doors.frames.decode_client
        prepare = gateway_doors.Socket.prepare

        def noting(frame: bytes) -> Any:
            got.append(frame.decode(errors="replace"))
            return decode(frame)

        async def noting_head(door: Any) -> None:
            got.append(f"{door.request.uri} {list(door.request.headers.get_all())}")
            await prepare(door)

        monkeypatch.setattr(gateway_doors.frames, "decode_client", noting)
        monkeypatch.setattr(gateway_doors.Socket, "prepare", noting_head)
        serving: Any = running(ScriptedEngine("1\n```"))
        at = run(serving.__aenter__())
        options = {"model": f"fastgen+{at.url}", "api_key": "alice-token"}
        yield Other(options, lambda: "\n".join(got))
        run(serving.__aexit__(None, None, None))
        return
    # Models that know how to fill in the middle: its tokens are one each.
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    monkeypatch.setattr(faults, "GOOD", reply(stream(piece("1", "stop"), usage)))
    here, far = faulty(), faulty()
    near, away = run(here.__aenter__()), run(far.__aenter__())
    near_url = f"{near.url}/v1"
    # It is no address of the loopback, and yet this machine answers at it.
    away_url = f"{away.url}/v1".replace("127.0.0.1", "0.0.0.0")
    if mode == "another server":
        options = {"model": away_url, "api_key": "alice-token"}
    else:
        options = {"model": near_url}
    if mode.startswith("`remote`"):
        # What an edit must read is too much for it.
        near.models = {"data": [{"id": "small", "owned_by": "vllm", "max_model_len": 48}]}
        options |= {"remote": away_url, "remote_api_key": "alice-token"}
    yield Other(options, lambda: _all(away), lambda: _all(near))
    run(here.__aexit__(None, None, None))
    run(far.__aexit__(None, None, None))


def _all(server: Faulty) -> str:
    return "\n".join([*server.heads, *(json.dumps(body) for body in server.asked)])


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], other: Other, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setenv("ZQENVIRON", "zqenviron")
    return jp_server_config | {"FastgenApp": other.options}


@pytest.fixture
def notebook(jp_root_dir: Path) -> None:
    folder = jp_root_dir / "zqfolder"
    folder.mkdir()
    (folder / "helper.py").write_text(MODULE)
    printed = {"output_type": "stream", "name": "stdout", "text": "zqoutput"}
    cells = [
        {"id": c.id, "cell_type": c.type, "source": c.source, "metadata": {}}
        | ({"outputs": [printed], "execution_count": 1} if c.type == "code" else {})
        for c in CELLS
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "zqfile.ipynb").write_text(json.dumps(content))


@pytest.fixture
def work(
    notebook: None, jp_serverapp: Any, jp_fetch: Fetch, jp_ws_fetch: Fetch, jp_auth_header: Any
) -> Callable[[Other], Awaitable[tuple[str, str]]]:
    """Does what a person does; what the other side got by ghost text, and by all of it."""
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]

    async def work(other: Other) -> tuple[str, str]:
        body = {"path": PATH, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        made = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        kernel = json.loads(made.body)["kernel"]["id"]
        manager = jp_serverapp.web_app.settings["kernel_manager"]
        client = manager.get_kernel(kernel).client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        headers = jp_auth_header | {"Cookie": "zq=zqcookie"}
        browser = Browser(await jp_ws_fetch("jupyter-fastgen", "ws", headers=headers))
        await browser.ready()
        browser.send(protocol.Open("d", CELLS, "python", PATH))
        await client.execute_interactive(RUN, timeout=60, output_hook=lambda _: None)
        await known(app)
        browser.send(protocol.Warm("d", 0, "c2", CURSOR))
        browser.send(protocol.Complete(9001, "d", 0, "c2", CURSOR, "invoke"))
        await browser.answer(9001)
        ghost = other.got()
        error = "----> 1 zqbefore =\nZeroDivisionError: zqerror"
        wishes = [
            protocol.Edit(9002, "d", 0, ["c2"], "", "fix", error=error),
            protocol.Edit(9003, "d", 0, ["c0", "c1", "c2", "c3"], "zqinstruction"),
        ]
        for wish in wishes:
            browser.send(wish)
            await browser.answer(wish.id)
        described = {
            "prompt": "zqprompt",
            "cells": [{"id": c.id, "type": c.type, "source": c.source} for c in CELLS],
            "about": "zqthing is the str 'zqabout'",
            "kernel": kernel,
        }
        await jp_fetch(
            "jupyter-fastgen",
            "generate",
            method="POST",
            body=json.dumps(described),
            headers={"Authorization": f"fastgen {app.secret}"},
            request_timeout=60.0,
        )
        client.stop_channels()
        return ghost, other.got()

    return work


async def known(app: FastgenApp) -> None:
    """Wait until it is known what the kernel holds."""
    for _ in range(600):
        namespace = app.kernels.namespace(PATH)
        if namespace is not None and "zqname" in namespace.variables:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the kernel was not asked")


def _holding(folder: Path, words: list[str]) -> list[Path]:
    """The files but for the notebook's that hold any of the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        path
        for path in files
        # The folder of the notebook, and the history that IPython keeps of what ran.
        if not {"zqfolder", ".ipython"} & set(path.parts)
        and any(w.encode() in path.read_bytes() for w in words)
    ]


def _is_elsewhere(address: object) -> bool:
    """Whether it is that of another machine."""
    if not isinstance(address, tuple):
        return False
    try:
        found = ipaddress.ip_address(str(address[0]))  # pyright: ignore[reportUnknownArgumentType]
    except ValueError:
        return address[0] != "localhost"
    return not (found.is_loopback or found.is_unspecified)


_connected: list[object] = []
"""Where this process has connected to, as Python's own audit tells."""


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        _connected.append(arguments[1])


sys.addaudithook(_note)


@pytest.mark.parametrize("other", MODES, indirect=True)
async def test_what_leaves_is_what_the_page_says(
    other: Other,
    work: Callable[[Other], Awaitable[tuple[str, str]]],
    jp_serverapp: Any,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
):
    mode: str = request.node.callspec.params["other"]
    _connected.clear()
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    ghost, everything = await work(other)
    named = {"<token>": jp_serverapp.identity_provider.token, "<secret>": app.secret}
    told: dict[str, str] = {}
    for what, words in WORDS.items():
        words = [named.get(word, word) for word in words]
        assert all(words)
        early = [word in ghost for word in words]
        late = [word in everything for word in words]
        for seen in (early, late):
            assert all(seen) or not any(seen), f"{what}: {dict(zip(words, seen, strict=True))}"
        told[what] = "goes" if all(early) else "with edits" if all(late) else "stays"
    assert told == {what: said[mode] for what, said in table().items()}
    # The measure measures: a model here got what the others got.
    if mode == "a model here":
        for word in ("zqbefore", "zqname", "zqprompt"):
            assert word in other.here()
        assert everything == ""
    children = psutil.Process().children(recursive=True)
    open_now = [c.raddr for child in children for c in child.net_connections() if c.raddr]
    assert not [address for address in [*_connected, *open_now] if _is_elsewhere(address)]
    # Neither logs nor files hold what was worked on, but for the notebook itself.
    everywhere = [word for words in WORDS.values() for word in words if word.startswith("zq")]
    texts = [word for word in everywhere if word not in ("zqfile", "zqfolder", "zqenviron")]
    assert not [word for word in texts if word in caplog.text]
    assert _holding(tmp_path, texts) == []
