"""From key to painted ghost text in a real browser, and what the editor itself loses by it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...document import Document
from ...notebook import read_notebook
from .. import stats
from .browser import BenchError
from .chromium import Page, run_chromium
from .server import JupyterServer, run_server
from .typist import Key, Passage, Typist, last_passages

SOON_MS = 150.0
QUIET_S = 0.5
LOAD_S = 120.0
CORRECT_S = 0.3
"""How long before the next key a wrong indentation is put right, as a person would."""

SCRIPT = Path(__file__).with_name("page.js")


class PaintedKey(msgspec.Struct, frozen=True):
    """One key; times in milliseconds from it to what was painted, None for never.

    `agrees`: the ghost text that stood began with it. `requests` and `bytes` are what it made
    the browser send: completion requests, and the largest message. `stood`: ghost text was
    there when the next key was pressed.
    """

    insert: str
    rests: bool
    follows_rest: bool
    typed_ms: float | None
    ghost_ms: float | None
    stood: bool
    agrees: bool
    requests: int
    bytes: int


class UiRun(msgspec.Struct, frozen=True):
    """One typing in the browser. `running` are requests unanswered half a second after it."""

    extension: bool
    keys: list[PaintedKey]
    running: int
    faithful: bool
    """Whether the cells then held the text that was typed."""


class UiSummary(msgspec.Struct, frozen=True):
    """All runs in figures; times in milliseconds."""

    keys: int
    coverage: float
    """Keys with painted ghost text within 150 ms, 0 to 1."""
    standing: float
    """Keys with ghost text when the next one is pressed."""
    ghost: stats.Spread
    ghost_resting: stats.Spread
    ghost_after_rest: stats.Spread
    agreeing: int
    """Keys that agreed with the ghost text."""
    agreeing_requests: int
    """Requests that these caused."""
    requests_per_100_keys: float
    message_bytes: stats.Spread
    running: int
    faithful: bool
    editor: stats.Spread
    """From key to its own character, with the extension."""
    editor_without: stats.Spread


class UiResult(msgspec.Struct, frozen=True):
    """The figures, and the runs they come from: with the extension, and without."""

    notebook: str
    summary: UiSummary
    runs: list[UiRun]


@dataclass(frozen=True)
class UiPlan:
    """What is typed in the browser, `rounds` times with the extension and without."""

    notebook: Path
    typist: Typist
    keys: int
    rounds: int = 1
    options: tuple[str, ...] = ()


def measure_ui(plan: UiPlan) -> UiResult:
    """Type in Chromium, in turns with and without the extension; raises `BenchError`."""
    runs: list[UiRun] = []
    for _ in range(plan.rounds):
        for extension in (True, False):
            runs.append(_run(plan, extension))
    return UiResult(plan.notebook.name, summarize(runs), runs)


def _run(plan: UiPlan, extension: bool) -> UiRun:
    document, passages = last_passages(read_notebook(plan.notebook), plan.keys)
    if not passages:
        raise BenchError(f"{plan.notebook} has no code to type")
    disabled = () if extension else ("jupyter_fastgen",)
    with run_server("lab", plan.options, extension=extension, disabled=disabled) as server:
        _write(document, server.root / "typing.ipynb")
        return asyncio.run(_type(server, document, passages, plan.typist, extension))


def _write(document: Document, path: Path) -> None:
    cells: list[dict[str, Any]] = []
    for cell in document.cells:
        entry: dict[str, Any] = {"cell_type": cell.type, "id": cell.id, "metadata": {}}
        if cell.type == "code":
            entry |= {"execution_count": None, "outputs": []}
        cells.append(entry | {"source": cell.source})
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": document.language}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")


async def _type(
    server: JupyterServer,
    document: Document,
    passages: list[Passage],
    typist: Typist,
    extension: bool,
) -> UiRun:
    async with run_chromium() as page:
        await page.run_on_load(SCRIPT.read_text(encoding="utf-8"))
        await _open(page, server, extension)
        keys: list[PaintedKey] = []
        running = 0
        faithful = True
        for passage in passages:
            await page.evaluate(f"fastgenBench.enter({document.index(passage.cell)})")
            await _warm_up(page, extension)
            await page.evaluate("fastgenBench.start()")
            plan = typist.plan(passage.text)
            pressed = await _press_all(page, plan)
            await asyncio.sleep(QUIET_S)
            notes: dict[str, Any] = await page.evaluate("fastgenBench.stop()")
            keys += collect(plan, pressed, notes)
            running += notes["running"]
            faithful = faithful and notes["source"] == passage.kept + passage.text
    return UiRun(extension, keys, running, faithful)


_READY = """
(() => {
  const panel = window.jupyterapp.shell.currentWidget;
  return panel.content.activeCell &&
    panel.sessionContext.session?.kernel?.status === 'idle';
})()
"""


async def _open(page: Page, server: JupyterServer, extension: bool) -> None:
    await page.open(f"{server.url}lab/tree/typing.ipynb?token={server.token}&reset")
    await page.until(_READY, LOAD_S, "the notebook was not open, with its kernel idle,")
    if extension:
        state = f"fetch('{server.url}jupyter-fastgen/status').then(r => r.json())"
        await page.until(f"(await {state}).state === 'ready'", LOAD_S, "the model was not ready")


async def _warm_up(page: Page, extension: bool) -> None:
    """Press a key and take it back: the answer comes when the text above has been read."""
    await asyncio.sleep(1)
    for key in ("x", "Backspace"):
        await page.press(key)
        await asyncio.sleep(0.5)
        if extension:
            await page.until("fastgenBench.running() === 0", LOAD_S, "no answer came")
    await asyncio.sleep(2)


async def _press_all(page: Page, plan: list[Key]) -> list[int]:
    """Press the keys in time; gives the number that each has among all that were pressed."""
    clock = asyncio.get_running_loop().time
    start = clock()
    pressed: list[int] = []
    count = 0
    for number, key in enumerate(plan):
        await asyncio.sleep(max(0.0, start + key.at - clock()))
        pressed.append(count)
        await page.press(key.insert[0])
        count += 1
        if key.insert[0] == "\n":
            following = plan[number + 1].at if number + 1 < len(plan) else key.at + 1
            await asyncio.sleep(max(0.0, start + following - CORRECT_S - clock()))
            count += await _indent(page, len(key.insert) - 1)
    return pressed


async def _indent(page: Page, wanted: int) -> int:
    """Make the line as deep as the text has it: the number of keys that took."""
    count = 0
    while (found := await page.evaluate("fastgenBench.indentation()")) != wanted and count < 20:
        await page.press(" " if found < wanted else "Backspace")
        count += 1
    return count


def collect(plan: list[Key], pressed: list[int], notes: dict[str, Any]) -> list[PaintedKey]:
    """Bring together what was pressed and what the page noted."""
    noted: list[dict[str, Any]] = notes["keys"]
    if pressed and pressed[-1] >= len(noted):
        raise BenchError(f"the page saw {len(noted)} of {pressed[-1] + 1} keys: it had no focus")
    keys: list[PaintedKey] = []
    for number, (key, place) in enumerate(zip(plan, pressed, strict=True)):
        note = noted[place]
        end = noted[place + 1]["at"] if place + 1 < len(noted) else float("inf")
        frames = [frame for frame in notes["sent"] if note["at"] <= frame["at"] < end]
        keys.append(
            PaintedKey(
                insert=key.insert,
                rests=key.rests,
                follows_rest=number > 0 and plan[number - 1].rests,
                typed_ms=_rounded(note["typed"]),
                ghost_ms=_rounded(note["ghost"]),
                stood=note["stood"],
                agrees=note["agrees"],
                requests=sum(frame["type"] == "complete" for frame in frames),
                bytes=max((frame["bytes"] for frame in frames), default=0),
            )
        )
    return keys


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def summarize(runs: list[UiRun]) -> UiSummary:
    """The figures of all runs together."""
    keys = [key for run in runs if run.extension for key in run.keys]
    without = [key for run in runs if not run.extension for key in run.keys]
    agreeing = [key for key in keys if key.agrees]
    return UiSummary(
        keys=len(keys),
        coverage=round(
            stats.share(k.ghost_ms is not None and k.ghost_ms <= SOON_MS for k in keys), 3
        ),
        standing=round(stats.share(key.stood for key in keys), 3),
        ghost=stats.spread(key.ghost_ms for key in keys),
        ghost_resting=stats.spread(key.ghost_ms for key in keys if key.rests),
        ghost_after_rest=stats.spread(key.ghost_ms for key in keys if key.follows_rest),
        agreeing=len(agreeing),
        agreeing_requests=sum(key.requests for key in agreeing),
        requests_per_100_keys=round(100 * sum(key.requests for key in keys) / max(1, len(keys)), 1),
        message_bytes=stats.spread(key.bytes for key in keys),
        running=sum(run.running for run in runs if run.extension),
        faithful=all(run.faithful for run in runs),
        editor=stats.spread(key.typed_ms for key in keys),
        editor_without=stats.spread(key.typed_ms for key in without),
    )
