"""What is known of a live kernel, and that it does not notice: real ipykernels."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from jupyter_fastgen.completion.namespace import Namespace
from jupyter_fastgen.kernel.kernels import REST, Kernels, parse, request

Fetch = Callable[..., Awaitable[Any]]

PATH = "folder/live.ipynb"
SECONDS = 30

HOSTILE = """
calls = []

class Meta(type):
    def __getattribute__(self, name):
        calls.append(("meta", name))
        raise RuntimeError(name)
    def __hash__(self):
        calls.append("hash")
        return 0
    def __eq__(self, other):
        calls.append("eq")
        return True
    def __instancecheck__(self, other):
        calls.append("instancecheck")
        return True

class Hostile(metaclass=Meta):
    shape = columns = dtypes = __class__ = property(lambda self: calls.append("property"))
    def __getattribute__(self, name):
        calls.append(name)
        raise RuntimeError(name)
    def __len__(self):
        calls.append("len")
        return 1
    def __repr__(self):
        calls.append("repr")
        return "x"
    def __dir__(self):
        calls.append("dir")
        return []
    def __iter__(self):
        calls.append("iter")
        return iter(())
    def __eq__(self, other):
        calls.append("eq")
        return True
    def __bool__(self):
        calls.append("bool")
        return True
    def __hash__(self):
        calls.append("hash")
        return 0

hostile = Hostile()
def takes(value=hostile, *, other: calls.append("annotation") = hostile): ...
calls.clear()
"""


class Live:
    """A notebook's kernel, with somebody who runs cells in it."""

    def __init__(self, kernels: Kernels, manager: Any, id: str) -> None:
        self.kernels = kernels
        self.manager = manager
        self.id = id
        self.kernel = manager.get_kernel(id)
        self.client = self.kernel.client()
        self.changes: list[str] = []
        kernels.listen(self.changes.append)

    async def run(self, code: str) -> list[str]:
        """Run a cell; the text it showed."""
        shown: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            shown.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

        await self.client.execute_interactive(code, output_hook=hook, timeout=SECONDS)
        return [text for text in shown if text]

    async def until(self, wanted: Callable[[Namespace | None], bool]) -> Namespace | None:
        """Read until the namespace is as wanted."""
        for _ in range(int(SECONDS / 0.02)):
            namespace = self.kernels.namespace(PATH)
            if wanted(namespace):
                return namespace
            await asyncio.sleep(0.02)
        raise AssertionError(f"the namespace did not become so: {self.kernels.namespace(PATH)}")

    async def knows(self, name: str) -> Namespace:
        namespace = await self.until(lambda found: found is not None and name in found.variables)
        assert namespace is not None
        return namespace


@pytest.fixture
def live(
    jp_serverapp: Any, jp_fetch: Fetch, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Live]:
    live = jp_asyncio_loop.run_until_complete(start(jp_serverapp.web_app.settings, jp_fetch))
    yield live
    live.client.stop_channels()
    live.kernels.close()


async def start(settings: dict[str, Any], fetch: Fetch) -> Live:
    body = {"path": PATH, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    answer = await fetch("api", "sessions", method="POST", body=json.dumps(body))
    kernels = Kernels(settings["kernel_manager"], settings["session_manager"], enabled=True)
    live = Live(kernels, settings["kernel_manager"], json.loads(answer.body)["kernel"]["id"])
    live.client.start_channels()
    await live.client.wait_for_ready(timeout=SECONDS)
    return live


async def test_variables_are_known_after_a_cell_has_run(live: Live):
    await live.run(
        "import math\n"
        "from collections import Counter\n"
        "rate = 0.5\n"
        "def load(path, sep=',', *rest, limit=None, **more): ...\n"
        "class Net:\n"
        "    depth = 2\n"
        "    def __init__(self, width, *, bias=True):\n"
        "        self.width = width\n"
        "    def forward(self, x): ...\n"
        "net = Net(3)"
    )
    found = await live.knows("net")
    assert found.language == "python"
    assert found.complete
    assert set(found.variables) == {"math", "Counter", "rate", "load", "Net", "net"}
    types = {name: variable.type for name, variable in found.variables.items()}
    assert types["math"] == "module"
    assert types["rate"] == "float"
    assert types["load"] == "function"
    assert types["net"] == "Net"
    assert found.variables["load"].signature == "(path, sep=',', *rest, limit=None, **more)"
    assert found.variables["Net"].signature == "(width, *, bias=True)"
    assert found.variables["net"].members == {"depth", "width", "forward"}
    assert {"sqrt", "pi"} <= found.variables["math"].members


async def test_tables_have_columns_and_arrays_shapes(live: Live):
    await live.run(
        "import numpy as np, pandas as pd\n"
        "frame = pd.DataFrame({'city': ['Bern'], 'area': [51.6], 2020: [1]})\n"
        "area = frame['area']\n"
        "grid = np.zeros((3, 4))\n"
        "class Own(pd.DataFrame):\n"
        "    shape = property(lambda self: 1 / 0)\n"
        "own = Own()"
    )
    found = (await live.knows("grid")).variables
    assert found["frame"].type == "DataFrame"
    assert found["frame"].shape == (1, 3)
    assert dict(found["frame"].columns) == {"city": "str", "area": "float64", "2020": "int64"}
    assert found["area"].columns == (("area", "float64"),)
    assert found["grid"].shape == (3, 4)
    assert {"head", "groupby", "iloc"} <= found["frame"].members
    assert "city" not in found["frame"].members
    assert (found["own"].type, found["own"].shape) == ("Own", None)
    assert list(found)[:3] == ["grid", "area", "frame"]  # data first, the latest before


async def test_no_code_of_the_user_is_called(live: Live):
    await live.run(HOSTILE)
    found = await live.knows("hostile")
    assert found.variables["hostile"].type == "Hostile"
    assert found.variables["Hostile"].type == "Meta"
    assert found.variables["hostile"].members == set()
    assert found.variables["takes"].signature == "(value=..., *, other=...)"
    assert await live.run("calls") == ["[]"]


async def test_the_kernel_does_not_notice(live: Live):
    look = (
        "import json; json.dumps([sorted(globals()), In, list(Out),"
        " get_ipython().execution_count,"
        " len(list(get_ipython().history_manager.get_range(0, raw=True))), _])"
    )

    async def seen() -> list[Any]:
        return json.loads(ast.literal_eval((await live.run(look))[0]))

    await live.run("first = 1")
    await live.run("first + 1")
    first = await seen()
    await live.knows("first")
    second = await seen()
    # What a third cell adds to every kernel, and nothing else.
    assert set(second[0]) - set(first[0]) == {"_i4", "_3"}
    assert second[1] == [*first[1], look]
    assert (second[2], second[5]) == ([2, 3], json.dumps(first))
    assert (second[3], second[4]) == (first[3] + 1, first[4] + 1)


async def test_what_a_thread_shows_later_is_still_the_cells(live: Live):
    await live.run(
        "import threading, time\n"
        "def later():\n"
        "    while not go: time.sleep(0.01)\n"
        "    display('from the thread')\n"
        "go = []\n"
        "threading.Thread(target=later).start()"
    )
    await live.knows("go")
    shown = await live.run("go.append(1); time.sleep(0.5)")
    assert any("from the thread" in text for text in shown)


async def test_a_cell_causes_one_request_and_reading_none(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    asked = await Requests.of(live)
    for _ in range(20):
        live.kernels.namespace(PATH)
        await asyncio.sleep(REST / 10)
    assert await asked.count() == 0
    await live.run("b = 1")
    await live.knows("b")
    await asyncio.sleep(REST * 2)
    assert await asked.count() == 1
    assert live.changes[-1] == PATH


async def test_nothing_is_sent_while_a_cell_runs(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    asked = await Requests.of(live)
    task = asyncio.create_task(live.run("import time; b = 1; time.sleep(1)"))
    while not task.done():
        live.kernels.namespace(PATH)
        await asyncio.sleep(0.02)
        if live.kernel.execution_state == "busy" and not task.done():
            assert await asked.count() == 0
    await live.knows("b")
    assert await asked.count() == 1


async def test_a_kernel_that_nobody_asks_about_is_left_alone(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    await asyncio.sleep(REST * 2)
    live.kernels.namespace(PATH)
    await live.run("b = 1")
    await asyncio.sleep(REST * 3)
    asked = await Requests.of(live)
    await live.run("c = 1")
    await asyncio.sleep(REST * 3)
    assert await asked.count() == 0
    await live.knows("c")


async def test_a_restart_forgets(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    await live.manager.restart_kernel(live.id)
    await live.until(lambda found: found is None or "a" not in found.variables)
    await live.client.wait_for_ready(timeout=SECONDS)
    await live.run("b = 1")
    assert set((await live.knows("b")).variables) == {"b"}


async def test_a_kernel_that_dies_is_forgotten_and_its_successor_known(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    live.client.execute("import os; os._exit(1)")
    await live.until(lambda found: found is None)
    await live.client.wait_for_ready(timeout=SECONDS)
    await live.run("b = 1")
    assert set((await live.knows("b")).variables) == {"b"}


async def test_a_kernel_that_ends_is_forgotten(live: Live):
    await live.run("a = 1")
    await live.knows("a")
    await live.manager.shutdown_kernel(live.id)
    await live.until(lambda found: found is None)


async def test_a_crowded_kernel_is_told_in_part(live: Live):
    await live.run(
        "globals().update({f'number_{n}': n for n in range(10_000)}); last = 1\n"
        "import numpy; grid = numpy.zeros(3)"
    )
    found = await live.until(lambda found: found is not None and len(found.variables) > 0)
    assert found is not None
    assert not found.complete
    assert len(found.variables) <= 400
    assert next(iter(found.variables)) == "grid"
    assert "number_0" not in found.variables


async def test_a_path_without_a_kernel_and_a_setting_say_nothing(live: Live, jp_serverapp: Any):
    settings = jp_serverapp.web_app.settings
    off = Kernels(settings["kernel_manager"], settings["session_manager"], enabled=False)
    await live.run("a = 1")
    await live.knows("a")
    for _ in range(20):
        assert live.kernels.namespace("other.ipynb") is None
        assert off.namespace(PATH) is None
        await asyncio.sleep(REST / 10)


async def test_a_kernel_of_another_language_is_left_alone(live: Live):
    live.kernels.close()
    live.kernel.kernel_spec.language = "forth"
    other = Kernels(live.manager, live.manager.parent.session_manager, enabled=True)
    asked = await Requests.of(live)
    await live.run("a = 1")
    for _ in range(20):
        assert other.namespace(PATH) is None
        await asyncio.sleep(REST / 10)
    assert await asked.count() == 0


class Requests:
    """Counts the silent requests that a kernel takes, by what it tells everybody."""

    @classmethod
    async def of(cls, live: Live) -> Requests:
        requests = cls(live)
        while not requests.hears:
            live.client.kernel_info()
            await asyncio.sleep(0.05)
        return requests

    def __init__(self, live: Live) -> None:
        self.hears = False
        self.silent: set[str] = set()
        self.loud: set[str] = set()
        self.session = live.client.session
        self.stream = live.kernel.connect_iopub()
        self.stream.on_recv(self.take)

    def take(self, frames: list[bytes]) -> None:
        self.hears = True
        _, parts = self.session.feed_identities(frames)
        message = json.loads(parts[1]), json.loads(parts[2])
        if message[1].get("msg_type") == "execute_request":
            loud = message[0]["msg_type"] == "execute_input"
            (self.loud if loud else self.silent).add(message[1]["msg_id"])

    async def count(self) -> int:
        await asyncio.sleep(0.05)
        return len(self.silent - self.loud)


@pytest.mark.parametrize(
    ("language", "sign"), [("python", "globals_of"), ("r", "globalenv()"), ("julia", "Main")]
)
def test_each_language_has_its_own_silent_probe(language: str, sign: str):
    content = request(language)
    assert sign in content["code"] + "".join(content["user_expressions"].values())
    assert content["silent"]
    noticed = ("store_history", "allow_stdin", "stop_on_error")
    assert not any(content[name] for name in noticed)


def test_answers_come_as_a_literal_as_text_or_in_a_payload():
    text = '{"complete": true, "variables": [{"name": "x", "type": "numeric", "shape": [2, 3]}]}'
    expression = {"fastgen": {"status": "ok", "data": {"text/plain": repr(text)}}}
    shown = {"fastgen": {"status": "ok", "data": {"text/plain": text}}}
    page = [{"source": "page", "data": {"text/plain": text}}]
    for content in (
        {"user_expressions": expression},
        {"user_expressions": shown},
        {"user_expressions": {}, "payload": page},
    ):
        found = parse("r", content)
        assert found is not None
        assert found.variables["x"].shape == (2, 3)
    assert parse("r", {"status": "aborted"}) is None
