"""A real kernel, server and model: from a cell to the page, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.link import URL
from jupyter_fastgen.magic.widget import MIME

SECONDS = 60

LONG = "--max-tokens 2000 --temperature 2\n1, 2, 3, 4, 5"


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], small_model: Path) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"model": str(small_model)}}


class Answer:
    """What a page knows of an answer."""

    def __init__(self, id: str, state: dict[str, Any], cell: str) -> None:
        self.id = id
        self.state = state
        self.cell = cell
        self.text: str = state["text"]
        self.parents: set[str] = set()

    @property
    def phase(self) -> str:
        return self.state["phase"]

    @property
    def is_over(self) -> bool:
        return self.phase in ("done", "stopped", "failed")


class Page:
    """A notebook's page: runs cells in a kernel, and hears what it says."""

    def __init__(self, kernel: Any, client: Any) -> None:
        self.kernel = kernel
        self.client = client
        self.answers: list[Answer] = []
        self.outputs: dict[str, str] = {}
        self.displays: dict[str, dict[str, Any]] = {}
        self._idle: set[str] = set()

    def send(self, kind: str, content: dict[str, Any], **metadata: Any) -> str:
        message = self.client.session.msg(kind, content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def begin(self, code: str, id: str = "") -> str:
        metadata = {"cellId": id} if id else {}
        return self.send(
            "execute_request", {"code": code, "silent": False, "stop_on_error": False}, **metadata
        )

    async def run(self, code: str, id: str = "") -> str:
        """Run a cell to its end; what it printed, errors as well."""
        asked = self.begin(code, id)
        await self.until(lambda: asked in self._idle)
        return self.outputs.get(asked, "")

    async def ask(self, code: str, id: str) -> Answer:
        """Run a cell of the magic, which gives a live answer."""
        count = len(self.answers)
        printed = await self.run(code, id)
        assert len(self.answers) == count + 1, printed
        return self.answers[-1]

    def press(self, answer: Answer, **content: Any) -> None:
        data = {"method": "custom", "content": content}
        self.send("comm_msg", {"comm_id": answer.id, "data": data})

    async def until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self._hear(await self.client.get_iopub_msg(timeout=SECONDS))

    def _hear(self, message: dict[str, Any]) -> None:
        content, parent = message["content"], message["parent_header"].get("msg_id", "")
        kind = message["msg_type"]
        if kind == "status" and content["execution_state"] == "idle":
            self._idle.add(parent)
        elif kind == "stream":
            self.outputs[parent] = self.outputs.get(parent, "") + content["text"]
        elif kind == "error":
            said = "\n".join(content["traceback"])
            self.outputs[parent] = self.outputs.get(parent, "") + said
        elif kind in ("display_data", "update_display_data"):
            self.displays[content["transient"]["display_id"]] = content["data"]
        elif kind == "comm_open":
            state = content["data"]["state"]
            if state["_model_name"] == "FastgenAnswerModel":
                self.answers.append(Answer(content["comm_id"], state, parent))
        elif kind == "comm_msg":
            for answer in self.answers:
                if answer.id == content["comm_id"]:
                    answer.parents.add(parent)
                    data = content["data"]
                    answer.state |= data.get("state", {})
                    answer.text += data.get("content", {}).get("t", "")


@pytest.fixture
def page(
    jp_serverapp: Any,
    jp_fetch: Callable[..., Awaitable[Any]],
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Page]:
    async def start() -> Page:
        while URL not in os.environ:  # noqa: ASYNC110  the server tells when it listens
            await asyncio.sleep(0)
        body = {"path": "a.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        manager = jp_serverapp.web_app.settings["kernel_manager"]
        kernel = manager.get_kernel(json.loads(answer.body)["kernel"]["id"])
        client = kernel.client()
        client.start_channels()
        await client.wait_for_ready(timeout=SECONDS)
        return Page(kernel, client)

    page = jp_asyncio_loop.run_until_complete(start())
    yield page
    page.client.stop_channels()


async def test_answers_live(page: Page):
    # The server has told its kernels where it is, and IPython has loaded the magic.
    assert "find" in await page.run("%fastgen status")

    answer = await page.ask("%%fastgen --max-tokens 40\n1, 2, 3, 4, 5", "cell-1")
    await page.until(lambda: answer.is_over)
    assert answer.phase == "done"
    assert answer.text
    assert 0 < answer.state["tokens"] <= 40
    assert answer.state["rate"] > 0
    assert answer.state["cell"] == "cell-1"
    # What the notebook keeps is whole, and all of it belongs to the cell that asked.
    await page.until(
        lambda: any(data["text/plain"] == answer.text for data in page.displays.values())
    )
    (display,) = page.displays.values()
    assert display[MIME]["model"] == answer.id
    assert answer.parents == {answer.cell}

    # It is written on while other cells run, and the page may stop it.
    endless = await page.ask(f"%%fastgen {LONG}", "cell-2")
    await page.until(lambda: endless.text != "")
    assert await page.run("print(1 + 1)", "cell-3") == "2\n"
    page.press(endless, do="stop")
    await page.until(lambda: endless.is_over)
    assert endless.phase == "stopped"
    assert endless.parents == {endless.cell}

    # The engine is free again. Two questions at once are both answered.
    one = await page.ask("%%fastgen --max-tokens 20 --var one\n1, 2, 3", "cell-4")
    two = await page.ask("%%fastgen --max-tokens 20 --var two\n5, 6, 7", "cell-5")
    await page.until(lambda: one.is_over and two.is_over)
    assert (one.phase, two.phase) == ("done", "done")
    both = await page.run("print(one, two, sep='|', end='')")
    assert both == f"{one.text}|{two.text}"

    # As text, with the same engine.
    printed = await page.run("%%fastgen --wait --max-tokens 20\n1, 2, 3", "cell-6")
    assert printed.partition("fastgen: ")[0].strip() == one.text.strip()


async def test_what_goes_wrong_is_one_line_and_the_kernel_goes_on(page: Page):
    async def refused(cell: str) -> str:
        said = await page.run(cell, "cell")
        assert said.startswith("fastgen: "), said
        assert len(said.strip().splitlines()) == 1, said
        return said

    assert "nothing" in await refused("%%fastgen --wait --model nothing\nx")
    # Four megabytes are no description, and neither is one.
    assert "large" in await refused(f"%%fastgen --wait\n{'x' * (5 << 20)}")
    assert "long" in await refused(f"%%fastgen --wait\n{'a sum ' * (1 << 20 >> 3)}")

    # The kernel is interrupted.
    waiting = page.begin(f"%%fastgen --wait {LONG}", "cell")
    await page.until(lambda: page.outputs.get(waiting, "") != "")
    await page.kernel.interrupt_kernel()
    await page.until(lambda: "fastgen: interrupted" in page.outputs[waiting])
    assert await page.run("print(1 + 1)", "cell") == "2\n"

    # The secret is another server's, and then there is no server.
    await page.run("%env FASTGEN_SECRET=wrong\n%reload_ext jupyter_fastgen")
    assert "lets nobody in" in await refused("%%fastgen --wait\nx")
    answer = await page.ask("%%fastgen\nx", "cell")
    await page.until(lambda: answer.is_over)
    assert answer.phase == "failed"
    assert "lets nobody in" in answer.state["why"]
    await page.run("%env FASTGEN_URL=http://127.0.0.1:9/\n%reload_ext jupyter_fastgen")
    assert "http://127.0.0.1:9/" in await refused("%%fastgen --wait\nx")
    assert await page.run("print(1 + 1)", "cell") == "2\n"
