"""`docs/benchmarks.md`: every figure we claim, measured in one go and written down as it came."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version

from ... import computer
from ...engine import machine
from ...models.errors import human_size
from ..tables import (
    Row,
    keystroke_rows,
    markdown_table,
    number,
    percent,
    spread,
    starting_rows,
    ui_rows,
)
from . import cancellation
from .browser import BenchError
from .chromium import chromium_version
from .importing import ImportCost, measure_import
from .keystrokes import Comparison, Plan, Summary, compare
from .notebooks import BIKES
from .politeness import Politeness, default_model
from .politeness import measure as measure_politeness
from .starting import Starting
from .starting import measure as measure_starting
from .typist import Typist
from .ui import UiPlan, UiResult, measure_ui


@dataclass(frozen=True)
class Findings:
    """All that was measured."""

    end: Comparison
    """Typing at the end of the notebook."""
    middle: Comparison
    """Typing in its middle, with cells below."""
    ui: UiResult
    import_cost: ImportCost
    overruns: list[int]
    """Tokens decoded for each of several cancelled requests after the last one seen."""
    politeness: Politeness
    starting: Starting


@dataclass(frozen=True)
class Goal:
    """One promise, what was measured of it, and whether it is kept; None where nothing was."""

    promise: str
    measured: str
    met: bool | None


def measure_all(keys: int, rounds: int, say: Callable[[str], None]) -> Findings:
    """Measure everything, one after the other; takes about ten minutes with 260 keys."""
    plan = Plan(BIKES, Typist(), keys)
    spec = default_model()
    say("the import of the server extension")
    cost = measure_import()
    say("keystrokes at the end of a notebook")
    end = compare(plan)
    say("keystrokes in the middle of a notebook")
    middle = compare(replace(plan, insert=True))
    say("cancelled requests")
    overruns = _overruns(spec.location)
    say("ghost text in Chromium")
    ui = measure_ui(UiPlan(BIKES, Typist(), keys, rounds))
    say("a computing cell beside a typist")
    polite = asyncio.run(measure_politeness(spec))
    say("how soon cells start")
    starting = measure_starting(cells=100, seed=1)
    return Findings(end, middle, ui, cost, overruns, polite, starting)


def _overruns(path: str) -> list[int]:
    command = [sys.executable, "-m", cancellation.__name__, path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"llama.cpp could not be asked: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])


def goals(found: Findings) -> list[Goal]:
    """The promises, in the order in which users feel them."""
    ui = found.ui.summary
    return [
        Goal(
            "At least 80 % of keys have painted ghost text within 150 ms",
            percent(ui.coverage),
            ui.coverage >= 0.8,
        ),
        Goal(
            "At a pause of the typist, ghost text is painted within 150 ms (p50), 300 ms (p95)",
            f"{spread(ui.ghost_resting, 'ms')}; {spread(ui.ghost_after_rest, 'ms')} at the key"
            " after the pause",
            _at_most(ui.ghost_resting.p50, 150) and _at_most(ui.ghost_resting.p95, 300),
        ),
        Goal(
            "From key to painted ghost text at most 150 ms (p50)",
            number(ui.ghost.p50, "ms"),
            _at_most(ui.ghost.p50, 150),
        ),
        Goal(
            "0.5 s after the last key nothing runs but idle prefetch",
            f"{ui.running} requests unanswered",
            ui.running == 0,
        ),
        _editor_goal(found),
        *_token_goals(found),
        Goal(
            "Typed-through keys send no request to the model",
            f"{ui.agreeing_requests} requests for {ui.agreeing} keys",
            ui.agreeing_requests == 0,
        ),
        _message_goal(found),
        Goal(
            "The engine's time to first text is at most 60 ms (p50)",
            number(found.end.anchored.summary.engine_first.p50, "ms"),
            _at_most(found.end.anchored.summary.engine_first.p50, 60),
        ),
        Goal(
            "After a divergence at most 1 further token is decoded for the old request",
            f"{min(found.overruns)} to {max(found.overruns)} in {len(found.overruns)} requests",
            max(found.overruns) <= 1,
        ),
        Goal(
            "The server extension is imported in less than 150 ms, without torch and numpy",
            number(found.import_cost.ms, "ms")
            + (f", with {', '.join(found.import_cost.heavy)}" if found.import_cost.heavy else ""),
            found.import_cost.ms < 150 and not found.import_cost.heavy,
        ),
        _memory_goal(found),
        Goal(
            "A compute-bound cell on all cores slows by less than 5 % while a person types",
            f"{percent(found.politeness.slowdown)}; first text"
            f" {number(found.politeness.first_p50_ms, 'ms')} (p50) beside it,"
            f" {number(found.politeness.quiet_first_p50_ms, 'ms')} alone",
            found.politeness.slowdown < 0.05,
        ),
        Goal(
            "A cell that is run while a person types starts less than 5 ms later (p50)",
            f"{number(found.starting.later, 'ms')} later",
            _at_most(found.starting.later, 5),
        ),
    ]


def _at_most(value: float | None, limit: float) -> bool:
    return value is not None and value <= limit


def _editor_goal(found: Findings) -> Goal:
    ours, without = found.ui.summary.editor, found.ui.summary.editor_without
    promise = "The editor's own key-to-paint time (p99) worsens by less than 5 ms"
    if ours.p99 is None or without.p99 is None:
        return Goal(promise, "a key was never painted", False)
    text = f"{number(ours.p99, 'ms')}, without us {number(without.p99, 'ms')}"
    return Goal(promise, text, ours.p99 - without.p99 < 5)


def _token_goals(found: Findings) -> list[Goal]:
    def goal(where: str, replay: Comparison) -> Goal:
        tokens = replay.anchored.summary.within_line
        text = f"{number(tokens.p50)} / {number(tokens.p95)}"
        if replay.usual is not None:
            usual = replay.usual.summary.within_line
            text += f"; usual prompts {number(usual.p50)} / {number(usual.p95)}"
        return Goal(
            f"Within a line at most 2 (p50), 8 (p95) prefilled tokens per key, {where}",
            text,
            _at_most(tokens.p50, 2) and _at_most(tokens.p95, 8),
        )

    return [goal("at a notebook's end", found.end), goal("in its middle", found.middle)]


def _message_goal(found: Findings) -> Goal:
    sizes = [
        found.end.anchored.summary.frame_bytes.worst,
        found.middle.anchored.summary.frame_bytes.worst,
        found.ui.summary.message_bytes.worst,
    ]
    largest = max((size for size in sizes if size is not None), default=0.0)
    promise = "A keystroke's message has at most 300 bytes, whatever the notebook's size"
    return Goal(promise, number(largest, "bytes"), largest <= 300)


def _memory_goal(found: Findings) -> Goal:
    promise = "The Jupyter server's memory grows by less than 40 MB"
    with_us, without = found.end.anchored.memory, found.end.memory_without
    if with_us is None or without is None:
        return Goal(promise, "this system does not tell", None)
    grown = (with_us - without) / 1e6
    return Goal(promise, f"{grown:.0f} MB, from {without / 1e6:.0f} MB", grown < 40)


# --- the page -----------------------------------------------------------------


def write_report(found: Findings, keys: int, rounds: int) -> str:
    """The Markdown of `docs/benchmarks.md`."""
    return _PAGE.format(
        date=date.today().isoformat(),
        machine=markdown_table(["", ""], _machine_rows(found)),
        goals=markdown_table(["promise", "measured", "kept"], [goal_row(g) for g in goals(found)]),
        end=_keystroke_table(found.end),
        middle=_keystroke_table(found.middle),
        ui=markdown_table(["", "measured"], ui_rows(found.ui.summary)),
        starting=markdown_table(
            ["", "without us", "beside a typist"], starting_rows(found.starting)
        ),
        cells=found.starting.cells,
        keys=keys,
        rounds=rounds,
    )


def goal_row(goal: Goal) -> Row:
    """A promise as a row of a table."""
    kept = "not measured" if goal.met is None else "yes" if goal.met else "**no**"
    return [goal.promise, goal.measured, kept]


def _machine_rows(found: Findings) -> list[Row]:
    quota = machine.cpu_quota()
    limit = f", limited to {quota:g}" if quota is not None else ""
    memory = computer.total_memory()
    versions = ", ".join(
        f"{name} {version(name)}"
        for name in ("jupyter-fastgen", "jupyterlab", "jupyter_server", "xllamacpp")
    )
    return [
        ["processor", computer.processor()],
        ["cores", f"{machine.physical_cores()}{limit}; {machine.fitting_threads()} threads"],
        ["memory", human_size(memory) if memory is not None else "unknown"],
        ["system", computer.system()],
        ["Python", ".".join(map(str, sys.version_info[:3]))],
        ["packages", versions],
        ["browser", chromium_version()],
        ["model", found.end.model],
    ]


def _keystroke_table(found: Comparison) -> str:
    summaries: list[Summary] = [found.anchored.summary]
    if found.usual is not None:
        summaries.append(found.usual.summary)
    heads = ["", "anchored", "usual prompts"][: len(summaries) + 1]
    return markdown_table(heads, keystroke_rows(summaries))


_PAGE = """\
# Benchmarks

Written by `make bench`, that is `jupyter fastgen bench report --out docs/benchmarks.md`, on
{date}. To change this page, change the command. The figures are of the machine below, which did
nothing else meanwhile. How good suggestions are stands in [quality.md](quality.md), how good edits
are, and how many tokens they take, in [edits.md](edits.md), how exactly answers are merged in
[merge.md](merge.md), and how good whole functions are in [code.md](code.md). The engine for GPUs
has a [table of its own](../benchmarks/gpu/README.md).

{machine}

## What we promise

{goals}

## Keystrokes through a server

`jupyter fastgen bench keystrokes --keys {keys} [--insert]`

A typist with 150 ms between keys, and 600 ms after a line break and after `(`, types the last
{keys} keys of a notebook of about 100 lines anew, through a real Jupyter server and its websocket,
by the rules that the browser follows. The same typing is repeated with the usual
fill-in-the-middle prompt, whose prefix ends at the cursor (`c.FastgenApp.anchored = False`).

At the notebook's end:

{end}

In its middle, with the cells below as they are:

{middle}

Tokens are those that llama.cpp counted for each request; of one that was cancelled while its
prompt was read, those read in whole batches. A key "within a line" is any but a line break; one
that asks for nothing prefills nothing. Decoded tokens count as
"never typed" by the share of their answer's characters that the typist did not type. The typist
never accepts a suggestion with Tab: that would save keys, and make these figures look better.
A dash stands for ghost text that did not come before the next key.

## Ghost text in a browser

`jupyter fastgen bench ui --keys {keys} --rounds {rounds}`

The same typing at the notebook's end in JupyterLab in Chromium, in turns with the extension and
without it, {rounds} rounds. "Painted" is the first task after the animation frame in which
the text stands in the page. The model is loaded and the cells above have been read before the
first key. A key "agreed with the ghost text" if that began with it and went on. What is unanswered
half a second after the last key is the request of that key: the rest of the line that stands on
the screen is still being written.

{ui}

## A computing cell beside a typist

`jupyter fastgen bench politeness`

A counting loop on each core, in turns alone and beside a typist who causes a request for each
fifth key; the loss is the median over the turns.

## A cell that is run

`jupyter fastgen bench cells --cells {cells}`

Short cells are run on two Jupyter servers in turns: one without the extension, and one where a
person types beside them. A cell has started when its kernel says that it is busy. Now and then the
look-up of the live kernel comes right before a cell.

{starting}
"""
