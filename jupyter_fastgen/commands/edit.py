"""`jupyter fastgen edit`: changes to a file or a notebook's cell, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..edit.actions import Action
    from ..edit.hunks import Hunk
    from ..edit.merge import Merge
    from ..edit.service import End
    from ..edit.source import Source
    from ..host.edits import Edits
    from ..host.host import ModelHost


def edit(
    file: Annotated[Path, typer.Argument(help="A text file or an .ipynb file.")],
    instruction: Annotated[str, typer.Option("--instruction", "-i", help="What to change.")] = "",
    action: Annotated[
        str, typer.Option("--action", help="Instead of -i, or besides: docstring, types, …")
    ] = "",
    cell: Annotated[
        int | None,
        typer.Option("--cell", help="Of a notebook: only this cell, from 0; -1 is the last."),
    ] = None,
    lines: Annotated[
        str, typer.Option("--lines", help="Change only these, from 1: 10-40, or 7.")
    ] = "",
    write: Annotated[
        bool, typer.Option("--write/--diff", help="Write to the file, or print what would change.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Take what needs a look, too, not only what is safe.")
    ] = False,
    model: Annotated[
        str, typer.Option("--model", help="A name, .gguf file or server's URL; as configured.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, when it is complete.")] = False,
) -> None:
    """Change a text file, a notebook or a cell of it, as an instruction or an action says.

    Prints a diff, or writes to the file. What may be wrong is listed with the reason and left out.
    The exit code is 1 where nothing is left to print or write.
    """
    import asyncio

    from ..configured import load_app
    from ..edit.source import read_source, write_source
    from ..errors import FastgenError

    app = load_app(model)
    chosen = _action(app.edits.actions, action)
    said = chosen.say(instruction, "") if chosen else instruction
    if not said.strip():
        raise FastgenError("the instruction is empty: say with -i what to change")
    source = read_source(file, cell)
    told = app.allowed.feature("edits", source.notebook)
    if not told.on:
        raise FastgenError(f"edits are off: {told.why}")
    part = _part(lines, source)
    end, host = asyncio.run(_run(app.edits, bool(model), source, said, part, echo=not json))
    merge = end.merge
    if chosen is not None and chosen.only == "comments":
        from ..edit.comments import only_comments

        is_more = [source.sheet.is_more_than_code] if source.sheet else []
        merge = only_comments(merge, source.text, source.language, *is_more)
    lost: list[Hunk] = []
    if write:
        # It may have been saved elsewhere while the model wrote.
        source, merge, lost = _rebased(source, merge)
    taken = set(range(len(merge.hunks))) if everything else merge.safe
    text = merge.apply(source.text, taken)
    if write and taken:
        write_source(source, text)
    if json:
        _print_json(source, host, end, merge, taken, lost, write)
    else:
        if not write:
            typer.echo(_diff(source, text), nl=False)
        _report(source, merge, taken, lost, write)
        if host.status.where:
            typer.echo(f"Written by {host.status.model} at {host.status.where}.", err=True)
    if not taken:
        raise typer.Exit(1)


def _action(actions: Mapping[str, Action], name: str) -> Action | None:
    """Raises `FastgenError` for one that is not there, or that is of no use here."""
    from ..errors import FastgenError

    fit = {n: a for n, a in actions.items() if not a.needs and not a.place}
    if name and name not in fit:
        raise FastgenError(f"there is no action {name!r} here: use {', '.join(sorted(fit))}")
    return fit.get(name)


def _part(lines: str, source: Source) -> tuple[int, int] | None:
    """Raises `FastgenError` for lines that are not there."""
    import re

    from ..edit.lines import split_lines
    from ..errors import FastgenError

    if not lines:
        return None
    if source.sheet is not None:
        raise FastgenError("--lines is for one text: say with --cell which cell")
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", lines)
    if found is None:
        raise FastgenError(f"--lines {lines} is not understood: write 10-40, or 7")
    first, last = int(found[1]), int(found[2] or found[1])
    count = len(split_lines(source.text))
    if not 1 <= first <= last <= count:
        raise FastgenError(f"{source.name} has no lines {lines}: it has lines 1 to {count}")
    return first - 1, last


async def _run(
    edits: Edits,
    is_chosen: bool,
    source: Source,
    instruction: str,
    part: tuple[int, int] | None,
    echo: bool,
) -> tuple[End, ModelHost]:
    """The edit, and who made it: a model that `is_chosen` has nobody behind it."""
    from contextlib import suppress

    from ..errors import TooLongError

    try:
        hosts = (edits.host(),) if is_chosen else edits.hosts(source.notebook)
        for host in hosts[:-1]:
            with suppress(TooLongError):
                return await _edit(host, source, instruction, part, echo), host
        return await _edit(hosts[-1], source, instruction, part, echo), hosts[-1]
    finally:
        await edits.close()


async def _edit(
    host: ModelHost, source: Source, instruction: str, part: tuple[int, int] | None, echo: bool
) -> End:
    from contextlib import aclosing
    from functools import partial

    from ..edit.hunks import Hunk
    from ..edit.service import End
    from ..edit.undefined import elsewhere
    from ..errors import FastgenError

    service = await host.edits()
    host.check(source.notebook)
    about = source.sheet.about if source.sheet else ""
    known = partial(elsewhere, source.others, None)
    hunks = service.edit(
        "terminal", source.text, source.language, instruction, part, about, known=known
    )
    async with aclosing(hunks):
        async for hunk in hunks:
            if isinstance(hunk, End):
                return hunk
            if echo and isinstance(hunk, Hunk):
                typer.echo(_place(source, hunk), err=True)
    raise FastgenError("the engine ended without an answer; run `jupyter fastgen doctor`")


def _rebased(source: Source, merge: Merge) -> tuple[Source, Merge, list[Hunk]]:
    """The file as it is now, the merge for it, and the hunks whose lines were changed meanwhile."""
    from ..edit.blocks import parse
    from ..edit.checks import checked
    from ..edit.merge import rebase
    from ..edit.source import read_source

    now = read_source(source.path, source.cell)
    if now.text == source.text:
        return now, merge, []
    merge, lost = rebase(merge, source.text, now.text)
    return now, checked(merge, now.text, lambda text: parse(text, now.language)), lost


def _place(source: Source, hunk: Hunk) -> str:
    """Where a hunk is and what it does, in words."""
    gone, come = hunk.end - hunk.start, len(hunk.new)
    start, cell = hunk.start, ""
    if source.sheet is not None:
        number, start = source.sheet.at(hunk.start)
        cell = f"cell {number} "
    where = f"{cell}line {start + 1}" if gone <= 1 else f"{cell}lines {start + 1}-{start + gone}"
    what = f"{come} added" if not gone else f"{gone} removed" if not come else f"{gone} -> {come}"
    return f"{where}{f' ({hunk.label})' if hunk.label else ''}: {what}"


def _diff(source: Source, text: str) -> str:
    """The change as a unified diff."""
    import difflib

    from ..edit.lines import split_lines

    old, new = split_lines(source.text), split_lines(text)
    lines = difflib.unified_diff(old, new, source.name, source.name)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _report(source: Source, merge: Merge, taken: set[int], lost: list[Hunk], write: bool) -> None:
    """Say on standard error what was done, and what was not and why."""
    from ..edit.lines import body, split_lines

    old = [body(line) for line in split_lines(source.text)]
    for number, hunk in enumerate(merge.hunks):
        if number not in taken:
            reasons = "; ".join(hunk.reasons)
            typer.echo(f"Needs a look: {_place(source, hunk)}: {reasons}", err=True)
            for sign, texts in (("-", old[hunk.start : hunk.end]), ("+", hunk.new)):
                for text in texts:
                    typer.echo(f"  {sign}{text}", err=True)
    for hunk in lost:
        typer.echo(
            f"Left out: {_place(source, hunk)}: the file was changed there meanwhile", err=True
        )
    if len(taken) < len(merge.hunks):
        typer.echo("Take these, too, with --all.", err=True)
    if merge.reason:
        typer.echo(f"{'Incomplete' if merge.hunks else 'No change'}: {merge.reason}.", err=True)
    if write and taken:
        count = len(taken)
        typer.echo(f"Wrote {count} change{'s' * (count > 1)} to {source.name}.", err=True)


def _print_json(
    source: Source,
    host: ModelHost,
    end: End,
    merge: Merge,
    taken: set[int],
    lost: list[Hunk],
    write: bool,
) -> None:
    import json

    import msgspec

    def told(hunk: Hunk) -> dict[str, Any]:
        return {
            "start": hunk.start,
            "end": hunk.end,
            "new": hunk.new,
            "label": hunk.label,
            "flags": sorted(flag.name.lower() for flag in hunk.flags),
            "moved_to": hunk.moved_to,
        }

    counts = {
        key: round(value, 1) if isinstance(value, float) else value
        for key, value in msgspec.to_builtins(end.cost).items()
        if key not in ("id", "type", "reason", "starts")
    }
    answer = {
        "file": str(source.path),
        "cell": source.cell,
        "hunks": [told(hunk) | {"taken": n in taken} for n, hunk in enumerate(merge.hunks)],
        "lost": [told(hunk) for hunk in lost],
        "reason": merge.reason,
        "written": write and bool(taken),
        "format": "whole" if end.whole else "sparse",
        "model": host.status.model,
        "where": host.status.where or None,
        "engine": host.status.engine,
        "counts": counts,
    }
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
