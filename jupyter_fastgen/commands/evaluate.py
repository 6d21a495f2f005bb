"""`jupyter fastgen eval`: how good the suggestions are, on rows and on notebooks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from ..evaluate.quality.lines import Record
    from ..evaluate.quality.results import Results

app = typer.Typer(
    help="How good suggestions, edits and whole functions are; two runs compared.",
    no_args_is_help=True,
)

Out = Annotated[
    Path,
    typer.Option("--out", help="Where results are kept, a JSON line each; a rerun goes on."),
]
Model = Annotated[str, typer.Option("--model", help="A name or .gguf file; the default one.")]
Seed = Annotated[int, typer.Option("--seed", help="For what is drawn.")]
Anchored = Annotated[
    bool, typer.Option("--anchored/--plain", help="Our prompts, or the usual ones.")
]
KeepTexts = Annotated[
    bool, typer.Option("--texts", help="Also keep the expected and the shown text.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

EDIT_CONTEXT = 4096
"""Tokens of KV cache: room for the longest text, twice."""


@app.command()
def fim(
    rows: Annotated[
        Path, typer.Argument(help="A .jsonl(.gz) file of prompt, suffix, canonical_solution.")
    ],
    out: Out,
    anchored: Anchored = True,
    straight: Annotated[
        bool, typer.Option("--straight", help="Build the prompts without our prompt code.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many rows; 0: all.")] = 0,
    suffix_tokens: Annotated[
        int, typer.Option("--suffix-tokens", min=0, help="Of the prompt; the protocol's 512.")
    ] = 512,
    seed: Seed = 1,
    model: Model = "",
    texts: KeepTexts = False,
    json: AsJson = False,
) -> None:
    """Complete lines that were taken out of files, one answer each, as models are compared."""
    import asyncio

    from ..evaluate.quality.fim import CONTEXT, Row, evaluate
    from ..evaluate.quality.lines import FIM_FIGURES
    from ..evaluate.quality.results import Settings, open_results
    from ..evaluate.quality.running import find_model, running
    from ..evaluate.rows import read_rows, sample

    found, digest = read_rows(rows, Row)
    way = "straight" if straight else "anchored" if anchored else "plain"
    asked = find_model(model)
    settings = Settings("fim", digest, asked.name, way, seed, limit, suffix_tokens, texts)
    results = open_results(out, settings)

    async def run(advance: Callable[[], None]) -> None:
        # Room for what the guess of the budget lets through.
        async with running(asked, 2 * CONTEXT) as engine:
            await evaluate(found, way, engine, asked.template, results, advance)

    with progress(len(sample(len(found), limit, seed))) as advance:
        asyncio.run(run(advance))
    _print_summary(results, FIM_FIGURES, json)


@app.command()
def notebooks(
    folder: Annotated[Path, typer.Argument(help="A folder with .ipynb files.")],
    out: Out,
    context: Annotated[
        Literal["all", "cell-only", "llama-vim", "continue", "unbudgeted"],
        typer.Option("--context", help="What the model sees: as ours, or laid out as a peer does."),
    ] = "all",
    anchored: Anchored = True,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="How many cursors; each with and without below.")
    ] = 240,
    suffix_tokens: Annotated[
        int, typer.Option("--suffix-tokens", min=0, help="Of our prompts, as configured: 64.")
    ] = 64,
    gates: Annotated[
        Literal["off", "sound", "all"],
        typer.Option("--gates", help="Hold back nothing, what can't be right, or also the unsure."),
    ] = "all",
    live: Annotated[
        bool, typer.Option("--live", help="Run the notebooks first, and look at their kernels.")
    ] = False,
    seed: Seed = 1,
    model: Model = "",
    texts: KeepTexts = False,
    json: AsJson = False,
) -> None:
    """Complete lines of notebooks as the editor would, with and without what is below."""
    import asyncio
    from dataclasses import replace

    from ..completion.confidence import THRESHOLD
    from ..completion.service import CompletionService
    from ..evaluate.quality.layouts import context_tokens, framed, options
    from ..evaluate.quality.lines import FIGURES
    from ..evaluate.quality.notebooks import evaluate, places, read_notebooks, with_kernels
    from ..evaluate.quality.results import Settings, open_results
    from ..evaluate.quality.running import find_model, running

    found, digest = read_notebooks(folder)
    asked = find_model(model)
    how = replace(
        options(context, anchored, suffix_tokens),
        gate=gates != "off",
        confidence=THRESHOLD if gates == "all" else 0.0,
    )
    prompts = f"{context}, {'anchored' if how.anchored else 'plain'}{', live' * live}"
    settings = Settings(
        "notebooks", digest, asked.name, prompts, seed, limit, suffix_tokens, texts, gates
    )
    results = open_results(out, settings)
    chosen = places(found, limit, seed)
    if live:
        with progress(len(chosen)) as advance:
            chosen = with_kernels(chosen, folder, advance)

    async def run(advance: Callable[[], None]) -> None:
        async with running(asked, context_tokens(context)) as engine:
            service = CompletionService(engine, framed(context, asked.template), how)
            await evaluate(chosen, context, service, results, advance)

    with progress(2 * len(chosen)) as advance:
        asyncio.run(run(advance))
    _print_summary(results, tuple(FIGURES), json)


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="A folder with .ipynb files.")],
    keys: Annotated[
        int, typer.Option("--keys", min=1, help="Of each notebook, its last ones, about.")
    ] = 150,
    anchored: Anchored = True,
    seed: Seed = 1,
    spread: Annotated[
        float,
        typer.Option("--spread", min=0.0, help="Sigma of log-normal times; 0 keeps them exact."),
    ] = 0.0,
    json: AsJson = False,
) -> None:
    """Write notebooks anew through a real server, as a person who accepts what is right."""
    from ..evaluate.quality.notebooks import read_notebooks
    from ..evaluate.speed import replay as replaying
    from ..evaluate.speed.typist import Typist

    found = read_notebooks(folder)[0]
    options = (f"--FastgenApp.anchored={anchored}",)
    typist = Typist(spread=spread, seed=seed)
    with progress(len(found)) as advance:
        made = replaying.replay(found, keys, typist, options, advance)
    if json:
        print_json(made)
        return
    from ..evaluate.tables import replay_rows, text_table

    typer.echo(text_table(["", "measured"], replay_rows(made.summary)))


@app.command()
def edits(
    out: Out,
    form: Annotated[
        Literal["ours", "whole", "sparse", "free", "search"],
        typer.Option("--format", help="How the model answers; free: sparse without a grammar."),
    ] = "ours",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many tasks; 0: all.")] = 0,
    seed: Seed = 1,
    model: Annotated[
        str, typer.Option("--model", help="A name or .gguf file; the best for edits that is here.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Let a model do our own instructed edits, and check each by running it."""
    import asyncio

    from ..evaluate.edits.checking import require_libraries
    from ..evaluate.edits.instructed import Settings, evaluate, open_results, outcome
    from ..evaluate.edits.tasks import load_tasks
    from ..evaluate.quality.running import edit_model, running
    from ..evaluate.rows import sample

    require_libraries()
    tasks, digest = load_tasks()
    asked = edit_model(model)
    results = open_results(out, Settings("edits", digest, asked.name, form, seed, limit))

    async def run(advance: Callable[[], None]) -> None:
        async with running(asked, EDIT_CONTEXT, draft=True) as engine:
            await evaluate(tasks, engine, asked.chat, results, advance)

    with progress(len(sample(len(tasks), limit, seed))) as advance:
        asyncio.run(run(advance))
    kinds = {"all": results.records, "cells": [r for r in results.records if r.is_cell]}
    kinds["files"] = [r for r in results.records if not r.is_cell]
    outcomes = {kind: outcome(records) for kind, records in kinds.items() if records}
    if json:
        print_json({"settings": results.settings, "summary": outcomes})
        return
    from ..evaluate.tables import EDITS_HEAD, edits_row, text_table

    typer.echo(text_table(["", *EDITS_HEAD], [[k, *edits_row(o)] for k, o in outcomes.items()]))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A file of results.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same rows or notebooks.")],
    seed: Seed = 1,
    json: AsJson = False,
) -> None:
    """What the second run has over the first, with 95 % intervals: notebooks drawn anew."""
    from ..evaluate.quality import bootstrap
    from ..evaluate.quality.lines import FIGURES, FIM_FIGURES
    from ..evaluate.quality.results import BadResultsError, read_results

    one, other = read_results(first), read_results(second)
    paired = bootstrap.pairs(one.records, other.records)
    if one.settings.data != other.settings.data or not paired:
        raise BadResultsError(
            f"{first} and {second} hold no place of the same data; compare runs of one data set"
        )
    names = FIM_FIGURES if one.settings.task == "fim" else tuple(FIGURES)
    found = {name: bootstrap.compare(paired, FIGURES[name], seed) for name in names}
    if json:
        settings = {"first": one.settings, "second": other.settings}
        print_json({**settings, "places": len(paired), "figures": found})
        return
    from ..evaluate.tables import number, text_table

    rows = [
        [name, *map(number, (d.first, d.second, d.difference, d.low, d.high))]
        for name, d in found.items()
    ]
    typer.echo(f"{len(paired)} places: {one.settings.prompts} -> {other.settings.prompts}")
    typer.echo(text_table(["", "first", "second", "difference", "from", "to"], rows))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder of results and replays.")],
    out: Annotated[Path, typer.Option("--out", help="The Markdown file to be written.")],
) -> None:
    """Write down what the results in a folder say, compared in pairs."""
    from ..evaluate.quality import report as quality_report

    out.write_text(quality_report.write(folder), encoding="utf-8")
    typer.echo(str(out))


@app.command()
def edit_report(
    folder: Annotated[Path, typer.Argument(help="A folder of results of edits and of bench css.")],
    out: Annotated[Path, typer.Option("--out", help="The Markdown file to be written.")],
) -> None:
    """Write down what the results of edits in a folder say."""
    from ..evaluate.edits import report as edits_report

    out.write_text(edits_report.write(folder), encoding="utf-8")
    typer.echo(str(out))


@app.command()
def gates(
    found: Annotated[Path, typer.Argument(help="Results of notebooks with --gates off.")],
    json: AsJson = False,
) -> None:
    """What the gates would do at each threshold."""
    from ..evaluate.quality.effects import effects
    from ..evaluate.quality.results import BadResultsError, read_results

    results = read_results(found)
    if results.settings.gates != "off" or not any(r.judgement for r in results.records):
        raise BadResultsError(f"{found} was not made with --gates off; make one that was")
    told = effects(results.records)
    if json:
        print_json({"settings": results.settings, "effects": told})
        return
    from ..evaluate.tables import EFFECTS_HEAD, effects_rows, text_table

    typer.echo(text_table(EFFECTS_HEAD, effects_rows(told)))


@contextmanager
def progress(total: int) -> Generator[Callable[[], None]]:
    """A bar on standard error."""
    from rich import progress as rich
    from rich.console import Console

    columns = (rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def _print_summary(results: Results, names: Sequence[str], json: bool) -> None:
    from ..evaluate.quality.lines import FIGURES, ratio

    def figures(records: Sequence[Record]) -> dict[str, float | None]:
        return {name: ratio(map(FIGURES[name], records)) for name in names}

    slices = {title: part for title, part in _slices(results.records) if part}
    if json:
        print_json(
            {
                "settings": results.settings,
                "summary": {
                    title: {"places": len(part), **figures(part)} for title, part in slices.items()
                },
            }
        )
        return
    from ..evaluate.tables import number, text_table

    rows = [
        [title, str(len(part)), *map(number, figures(part).values())]
        for title, part in slices.items()
    ]
    typer.echo(text_table(["", "places", *names], rows))


def _slices(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """All records, and where they differ in kind those of each kind."""
    yield "all", list(records)
    kinds = sorted({record.kind for record in records})
    if len(kinds) < 2:
        return
    for kind in kinds:
        yield kind, [record for record in records if record.kind == kind]
    yield "below kept", [record for record in records if record.below]
    yield "below removed", [record for record in records if not record.below]
    yield "needs an earlier cell", [record for record in records if record.earlier]


def print_json(value: Any) -> None:
    """Structs and all that is in them, indented."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
