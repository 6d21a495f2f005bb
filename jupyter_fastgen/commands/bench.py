"""`jupyter fastgen bench`: what ghost text and edits cost, measured on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .bench_hub import replay, sizing

if TYPE_CHECKING:
    from ..evaluate.speed.keystrokes import Comparison
    from ..evaluate.speed.report import Goal

app = typer.Typer(
    help="Measure: keystrokes, ghost text in a browser, the merge of edits; write a report.",
    no_args_is_help=True,
)
app.command()(sizing)
app.command()(replay)

Keys = Annotated[int, typer.Option("--keys", min=1, help="How many keys are typed, about.")]
Seed = Annotated[int, typer.Option("--seed", help="For the times between keys, where they vary.")]
SpreadOption = Annotated[
    float,
    typer.Option(
        "--spread", min=0.0, help="Sigma of log-normal times between keys; 0 keeps them exact."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def keystrokes(
    notebook: Annotated[
        Path | None,
        typer.Argument(help="An .ipynb file, whose last code is typed anew; one of our own."),
    ] = None,
    keys: Keys = 260,
    seed: Seed = 1,
    spread: SpreadOption = 0.0,
    insert: Annotated[
        bool, typer.Option("--insert", help="Type into the middle, with the cells below kept.")
    ] = False,
    usual: Annotated[
        bool, typer.Option("--usual/--no-usual", help="Also replay it with the usual prompts.")
    ] = True,
    each: Annotated[bool, typer.Option("--each", help="Also print a line for each key.")] = False,
    json: AsJson = False,
) -> None:
    """Replay typing through a real Jupyter server; count tokens, requests, messages, times."""
    from ..evaluate.speed.keystrokes import Plan, compare
    from ..evaluate.speed.notebooks import BIKES
    from ..evaluate.speed.typist import Typist

    found = compare(Plan(notebook or BIKES, Typist(spread=spread, seed=seed), keys, insert), usual)
    if json:
        _print_json(found)
    else:
        _print_keystrokes(found, each)


@app.command()
def ui(
    notebook: Annotated[
        Path | None, typer.Argument(help="An .ipynb file; one of our own when left out.")
    ] = None,
    keys: Keys = 260,
    seed: Seed = 1,
    spread: SpreadOption = 0.0,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="How often, with and without the extension.")
    ] = 1,
    json: AsJson = False,
) -> None:
    """Type in a real Chromium: times from key to painted ghost text, and the editor's own."""
    from ..evaluate.speed.notebooks import BIKES
    from ..evaluate.speed.typist import Typist
    from ..evaluate.speed.ui import UiPlan, measure_ui

    typist = Typist(spread=spread, seed=seed)
    found = measure_ui(UiPlan(notebook or BIKES, typist, keys, rounds))
    if json:
        _print_json(found)
        return
    from ..evaluate.tables import text_table, ui_rows

    typer.echo(text_table(["", "measured"], ui_rows(found.summary)))


@app.command()
def politeness(
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="Of each turn.")] = 5.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns without and with.")] = 5,
    json: AsJson = False,
) -> None:
    """Type beside loops on every core: what the cell loses, and how ghost text fares."""
    import asyncio

    from ..evaluate.speed.politeness import default_model, measure

    found = asyncio.run(measure(default_model(), seconds, rounds))
    if json:
        _print_json(found)
    else:
        typer.echo(
            f"a compute-bound cell on {found.cores} cores loses {found.slowdown:.1%}; first text"
            f" p50 {found.first_p50_ms:.0f} ms, at most {found.first_max_ms:.0f} ms"
            f" (alone {found.quiet_first_p50_ms:.0f} ms)"
        )


@app.command()
def magic(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Fresh processes.")] = 5,
    json: AsJson = False,
) -> None:
    """Load %%fastgen into fresh shells: how long that takes, and how much memory."""
    from ..evaluate.speed.loading import measure_loading

    found = measure_loading(rounds)
    if json:
        _print_json(found)
    else:
        typer.echo(
            f"%load_ext takes {found.load_ms:.1f} ms and {found.loaded_mb:.1f} MB;"
            f" with an answer in a page it is {found.answer_mb:.1f} MB"
        )


@app.command()
def cells(
    count: Annotated[int, typer.Option("--cells", min=10, help="Cells run on each server.")] = 100,
    seed: Seed = 1,
    json: AsJson = False,
) -> None:
    """Run short cells while a person types, and on a server without us; tell how much later."""
    from ..evaluate.speed.starting import measure

    found = measure(count, seed)
    if json:
        _print_json(found)
        return
    from ..evaluate.tables import starting_rows, text_table

    typer.echo(text_table(["", "without us", "beside a typist"], starting_rows(found)))


@app.command()
def merge(
    pairs: Annotated[
        Path, typer.Option("--pairs", help="JSON lines of language, before and after; .gz, .xz.")
    ],
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Pairs that are merged; 0 for all.")
    ] = 0,
    slips: Annotated[
        int, typer.Option("--slips", min=0, help="Pairs that are merged with each slip.")
    ] = 150,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="A Markdown file to be written.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make sparse edits of real commits, merge them, and tell how many come out exact.

    Also how often what is shown of long texts holds what a commit changed.
    """
    from ..evaluate.edits.merging import measure

    found = measure(pairs, limit, slips, seed, lambda what: typer.echo(what, err=True))
    if out is not None:
        from ..evaluate.edits.merging_report import write

        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(write(found, pairs.name), encoding="utf-8")
    if json:
        _print_json(found)
        return
    from ..evaluate.tables import MERGE_HEADS, VIEW_HEADS, merge_rows, text_table, view_rows

    typer.echo(text_table(MERGE_HEADS, merge_rows(found.by_granularity | found.slips)))
    typer.echo("\n" + text_table(VIEW_HEADS, view_rows(found.views)))


@app.command()
def css(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            help="A stylesheet with a rule for body; our own.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="A name or .gguf file; the best for edits that is here.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Change one line of a long stylesheet in several formats; tell tokens, times, damage."""
    import asyncio

    from ..evaluate.edits.sheet import OWN, measure
    from ..evaluate.quality.running import edit_model

    path = file or OWN
    text = path.read_text(encoding="utf-8")
    found = asyncio.run(measure(path.name, text, edit_model(model), _say))
    if json:
        _print_json(found)
        return
    from ..evaluate.tables import SHEET_HEAD, sheet_rows, text_table

    typer.echo(f"{found.name}, {found.lines} lines, {found.model}")
    typer.echo(text_table(SHEET_HEAD, sheet_rows(found)))


@app.command()
def drafts(
    model: Annotated[
        str, typer.Option("--model", help="A name or .gguf file; the best for edits that is here.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Let a model write cells anew without drafts and with them; tell what a token takes."""
    import asyncio

    from ..evaluate.edits.drafts import measure
    from ..evaluate.quality.running import edit_model

    found = asyncio.run(measure(edit_model(model), _say))
    if json:
        _print_json(found)
        return
    for arm in (found.plain, found.drafted):
        typer.echo(
            f"drafts of {arm.draft}: {arm.token_ms} ms a token, {arm.new_tokens} tokens in"
            f" {arm.passes} passes, {arm.accepted} of {arm.drafted} drafted ones accepted"
        )
    typer.echo(f"{found.model}: {found.same} of {found.edits} answers are the same")


@app.command()
def load(
    simulate: Annotated[
        bool, typer.Option("--simulate", help="In virtual time, with neither gateway nor engine.")
    ] = False,
    users: Annotated[
        int | None,
        typer.Option("--users", min=1, help="People; 10,000 simulated or 200 real connections."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=5.0, help="Of typing: 300 simulated or 30 real ones."),
    ] = None,
    slots: Annotated[
        int, typer.Option("--slots", min=1, help="Answers that the engine writes at once.")
    ] = 64,
    noisy: Annotated[
        float, typer.Option("--noisy", min=1.0, help="One more asks so many times as often.")
    ] = 1.0,
    overload: Annotated[
        float, typer.Option("--overload", min=0.0, help="Ask so many times what the engine can do.")
    ] = 0.0,
    hub: Annotated[
        bool, typer.Option("--hub", help="Through a real JupyterHub's proxy, by its tokens.")
    ] = False,
    assume: Annotated[
        Path | None,
        typer.Option(
            "--assume", exists=True, dir_okay=False, help="A JSON file with other assumptions."
        ),
    ] = None,
    seed: Seed = 7,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Measure all we promise into this Markdown file instead."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Let many people ask one shared engine: who waits how long, what is refused.

    With --simulate that is a model; without, a real gateway whose engine only waits.
    """
    if out is not None:
        _write_loads(out, seed)
        return
    import time

    import msgspec

    from ..errors import FastgenError
    from ..evaluate.speed import load as simulation
    from ..evaluate.speed.load_tables import load_rows, served_rows
    from ..evaluate.tables import text_table

    users = users or (10_000 if simulate else 200)
    seconds = seconds or (300.0 if simulate else 30.0)
    options = {
        "users": users,
        "seconds": seconds,
        "warm_up_s": min(10.0, seconds / 3),
        "slots": slots,
        "noisy": noisy,
        "seed": seed,
    }
    try:
        told = (
            msgspec.json.decode(assume.read_bytes(), type=dict[str, int | float]) if assume else {}
        )
        assumed = msgspec.convert(options | told, simulation.Assumptions)
    except msgspec.MsgspecError as error:
        raise FastgenError(f"{assume} can't be read as assumptions: {error}") from error
    if not simulate:
        from ..evaluate.speed.served import measure, overloaded

        served = measure(overloaded(assumed, overload) if overload else assumed, hub)
        if json:
            _print_json(served)
        else:
            typer.echo(text_table(["", "measured"], served_rows(served)))
        return
    started = time.perf_counter()
    found = simulation.simulate(assumed)
    took = time.perf_counter() - started
    if json:
        _print_json({"took_s": round(took, 1), "simulated": found})
        return
    typer.echo(f"{users} people, {seconds:g} s of typing; simulated in {took:.1f} s")
    typer.echo(text_table(["", "simulated"], load_rows(found)))


@app.command()
def report(
    out: Annotated[Path, typer.Option("--out", help="The Markdown file to be written.")],
    keys: Keys = 260,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="How often in the browser, with and without.")
    ] = 2,
) -> None:
    """Measure everything and write it down, beside what we promise."""
    from ..evaluate.speed.report import goals, measure_all, write_report

    def say(what: str) -> None:
        typer.echo(f"measuring {what}", err=True)

    found = measure_all(keys, rounds, say)
    _write(out, write_report(found, keys, rounds), goals(found))


def _write_loads(out: Path, seed: int) -> None:
    from ..evaluate.speed.load_report import load_goals, measure_loads, write_loads

    found = measure_loads(seed, lambda what: typer.echo(f"measuring {what}", err=True))
    _write(out, write_loads(found), load_goals(found))


def _write(out: Path, page: str, goals: Sequence[Goal]) -> None:
    """Write a report, and tell which promises are kept."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    for goal in goals:
        kept = "unknown" if goal.met is None else "kept" if goal.met else "NOT kept"
        typer.echo(f"{kept:9} {goal.promise}: {goal.measured}")
    typer.echo(str(out))


def _say(name: str) -> None:
    typer.echo(f"measuring: {name}", err=True)


def _print_json(value: Any) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _print_keystrokes(found: Comparison, each: bool) -> None:
    from ..evaluate.tables import key_lines, keystroke_rows, text_table

    replays = [found.anchored] if found.usual is None else [found.anchored, found.usual]
    if each:
        for replay in replays:
            typer.echo("\n".join(key_lines(replay)) + "\n")
    heads = ["anchored", "usual prompts"][: len(replays)]
    typer.echo(f"{found.model}, {found.notebook}")
    typer.echo(text_table(["", *heads], keystroke_rows([replay.summary for replay in replays])))
