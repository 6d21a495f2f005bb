"""`docs/quality.md`: what results of `jupyter fastgen eval` say, as tables."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import msgspec

from ... import computer
from ...completion.confidence import LIKELY, THRESHOLD
from ...engine import machine
from ..speed import replay
from ..tables import EFFECTS_HEAD, Row, effects_rows, markdown_table, number, replay_rows
from . import bootstrap
from .effects import effects
from .lines import FIGURES, FIM_FIGURES, Record, ratio
from .results import BadResultsError, Results, read_results

LEAST_PLACES = 10
"""Of a slice that is worth a line."""

LEAST_GROUPS = 4
"""Notebooks that must be there for an interval over notebooks."""

Slice = Callable[[Record], bool]

SLICES: dict[str, Slice] = {
    "all places": lambda r: True,
    "line start": lambda r: r.kind == "line start",
    "after a sign": lambda r: r.kind == "after a sign",
    "in a name": lambda r: r.kind == "in a name",
    "in a quoted name": lambda r: r.kind == "in a quoted name",
    "cells below kept": lambda r: r.below,
    "cells below removed": lambda r: not r.below,
    "needs an earlier cell": lambda r: r.earlier,
    "names a live column": lambda r: r.column,
}


def write(folder: Path) -> str:
    """The Markdown of the results (*.jsonl) and replays (*.json) in `folder`.

    Raises `BadResultsError`.
    """
    results = [read_results(path) for path in sorted(folder.glob("*.jsonl"))]
    replays = [_read_replay(path) for path in sorted(folder.glob("*.json"))]
    if not results and not replays:
        raise BadResultsError(f"{folder} holds no results of `jupyter fastgen eval`")
    rows = [found for found in results if found.settings.task == "fim"]
    notebooks = [found for found in results if found.settings.task == "notebooks"]
    parts = [_HEAD.format(date=date.today().isoformat(), versions=versions())]
    if rows:
        parts.append(_ROWS.format(table=_figures(rows, FIM_FIGURES), pairs=_pairs(rows)))
    if notebooks:
        parts.append(_NOTEBOOKS.format(table=_figures(notebooks, tuple(FIGURES))))
        parts.append(_PAIRS.format(pairs=_pairs(notebooks), saved=_pairs(notebooks, "saved")))
    parts += [
        _GATES.format(name=_name(f), threshold=THRESHOLD, table=_curve(f))
        for f in _ungated(notebooks)
    ]
    parts += [
        _REPLAY.format(
            model=r.model, long=replay.LEAST_WITHIN_LINE, likely=LIKELY, table=_replay_table(r)
        )
        for r in replays
    ]
    return "\n".join(parts)


def _read_replay(path: Path) -> replay.Replay:
    try:
        return msgspec.json.decode(path.read_bytes(), type=replay.Replay)
    except msgspec.MsgspecError as error:
        raise BadResultsError(
            f"{path} holds no replay of `jupyter fastgen eval`: {error}; name another folder"
        ) from error


def versions() -> str:
    """What was measured with, and on what machine."""
    names = ("jupyter-fastgen", "xllamacpp")
    told = ", ".join(f"{name} {version(name)}" for name in names)
    cores = f"{machine.physical_cores()} cores"
    return f"{told}, Python {platform.python_version()}; {computer.processor()}, {cores}"


def _name(found: Results) -> str:
    settings = found.settings
    gates = "" if settings.task == "fim" else f", gates {settings.gates}"
    return f"{found.path.stem}: {settings.prompts}{gates}"


def _figures(found: Sequence[Results], names: Sequence[str]) -> str:
    rows = [
        [_name(f), str(len(f.records)), *(_figure(f.records, name) for name in names)]
        for f in found
    ]
    return markdown_table(["", "places", *names], rows)


def _figure(records: Sequence[Record], name: str) -> str:
    return number(ratio(map(FIGURES[name], records)))


def _pairs(found: Sequence[Results], figure: str = "exact") -> str:
    two = combinations(found, 2)
    rows = [row for one, other in two for row in _differences(one, other, figure)]
    return markdown_table(["", "", "places", "first", "second", "difference", "95 %"], rows)


def _differences(one: Results, other: Results, figure: str) -> Iterator[Row]:
    """How a figure differs, in each slice that has places enough."""
    if one.settings.data != other.settings.data:
        return
    paired = bootstrap.pairs(one.records, other.records)
    names = f"{one.path.stem} → {other.path.stem}"
    for title, holds in SLICES.items():
        part = [pair for pair in paired if holds(pair[0]) or holds(pair[1])]
        d = bootstrap.compare(part, FIGURES[figure], seed=1)
        is_repeated = title != "all places" and len(part) == len(paired)
        if len(part) < LEAST_PLACES or d.difference is None or is_repeated:
            continue
        groups = {first.group for first, _ in part}
        interval = (
            f"{number(d.low)} … {number(d.high)}" if len(groups) >= LEAST_GROUPS else number(None)
        )
        figures = map(number, (d.first, d.second, d.difference))
        yield [names, title, str(len(part)), *figures, interval]


def _ungated(found: Sequence[Results]) -> list[Results]:
    """Runs of the product's own prompts that tell what any gate would have done."""
    return [
        f
        for f in found
        if f.settings.gates == "off"
        and f.settings.prompts.startswith("all")
        and any(r.judgement for r in f.records)
    ]


def _curve(found: Results) -> str:
    return markdown_table(EFFECTS_HEAD, effects_rows(effects(found.records)))


def _replay_table(found: replay.Replay) -> str:
    return markdown_table(["", "measured"], replay_rows(found.summary))


_HEAD = """\
# How good the suggestions are

Written by `jupyter fastgen eval report FOLDER --out docs/quality.md` on {date} from the results of
the commands below. To change this page, change the command.

{versions}

Decoding is greedy; a run is repeated with the same seed, and one that was stopped goes on. Public
code may have been in the model's training: compare ways here, not models. Samples are small:
mind the intervals.
"""

_ROWS = """\
## A line taken out of a file

`jupyter fastgen eval fim ROWS --out FILE --limit N [--plain | --straight]`

Rows of SantaCoder's fill-in-the-middle task in Python (HumanEval), by the protocol of
Qwen2.5-Coder's report: at most 2,048 tokens of prompt, the first line of the answer compared.
"straight" builds the prompts without our code, "plain" with it, "anchored" is what the product
sends.

{table}

Exact match, in pairs:

{pairs}
"""

_NOTEBOOKS = """\
## Lines of notebooks

`jupyter fastgen eval notebooks FOLDER --out FILE --limit N [--context all | cell-only | llama-vim |
continue | unbudgeted] [--plain] [--gates off | sound | all] [--live]`

Lines are taken out at their start, behind a sign or within a name, also a quoted one, with the
cells below kept and removed: of the notebooks of handson-ml3, and where the results are called
orchard of `examples/orchard`, whose columns only a kernel knows that has read the files. All
layouts run on the same engine and model, and are cut alike. "saved": the share of the expected
characters that the suggestion's start gives. "precision": the share of what was shown that is right
as far as it goes. "unresolved": what was shown and uses a name bound nowhere. "repeats": what was
shown and holds the line below.

{table}
"""

_PAIRS = """\
Exact match, in pairs; intervals by the paired bootstrap over notebooks:

{pairs}

Saved characters, in pairs:

{saved}
"""

_GATES = """\
## What the gates do

`jupyter fastgen eval gates FILE`, with the results of {name}

Without gates everything is shown. "sound": what parses, uses known names and repeats nothing.
"all, at …": a suggestion also ends before its line becomes a guess, at that threshold; that of the
product is {threshold}. "precision": the share of what is shown that is right as far as it goes;
"gain" is that over the precision without gates. Of the first lines that the model wrote exactly
nothing is left of those "rejected", and the beginning of those "shortened".

{table}
"""

_REPLAY = """\
## A person who accepts what is right

`jupyter fastgen eval replay FOLDER --keys N --json`, {model}

Each notebook's last keys are written anew through a real server, 150 ms a key and 600 ms after a
line break, after `(` and after an acceptance. Where the ghost text is right to the end of a line,
or all of it is right and {long} characters long, it is read for half a second and accepted. What
follows it is prepared where the model gives what is left of it a probability of {likely} or more.

{table}
"""
