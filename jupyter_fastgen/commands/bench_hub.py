"""`jupyter fastgen bench sizing` and `replay`: how much engine many people need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..evaluate.speed.load import Assumptions

Assume = Annotated[
    Path | None,
    typer.Option("--assume", exists=True, dir_okay=False, help="A JSON file with assumptions."),
]


def sizing(
    users: Annotated[
        list[int] | None, typer.Option("--users", min=1, help="People; may be given again.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="What 95 % of the requests may wait, in ms.")
    ] = 50.0,
    per_replica: Annotated[
        int, typer.Option("--per-replica", min=1, help="Answers that one engine writes at once.")
    ] = 16,
    seconds: Annotated[float, typer.Option("--seconds", min=20.0, help="Simulated.")] = 130.0,
    assume: Assume = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A Markdown file to be written.")
    ] = None,
) -> None:
    """Tell how many slots, of how many replicas, so many people need; by simulation."""
    from ..evaluate.speed.sizing import HEAD, USERS, need_row, page, sizes
    from ..evaluate.tables import text_table

    assumed = _assumed({"seconds": seconds}, assume)
    needs = list(sizes(assumed, users or USERS, wait, per_replica))
    if out is not None:
        command = f"jupyter fastgen bench sizing --out {out}"
        out.write_text(page(needs, wait, per_replica, command), encoding="utf-8")
    typer.echo(text_table(HEAD, [need_row(need) for need in needs]))


def replay(
    users: Annotated[int, typer.Option("--users", min=1, help="People, all typing.")] = 60,
    slots: Annotated[
        int, typer.Option("--slots", min=1, help="Answers that the engine writes at once.")
    ] = 6,
    seconds: Annotated[float, typer.Option("--seconds", min=2.0, help="Of typing.")] = 20.0,
    assume: Assume = None,
    seed: Annotated[int, typer.Option("--seed")] = 7,
) -> None:
    """Let simulated people ask a real gateway; exit code 1 if they do not meet the same there."""
    from ..evaluate.speed.replayed import measure, replayed_rows
    from ..evaluate.tables import text_table

    own = {"users": users, "slots": slots, "seconds": seconds, "seed": seed, "typing": 1.0}
    found = measure(_assumed(own, assume))
    typer.echo(text_table(["", "simulated", "real"], replayed_rows(found)))
    if not found.agrees:
        raise typer.Exit(1)


def _assumed(own: dict[str, float], assume: Path | None) -> Assumptions:
    import msgspec

    from ..errors import FastgenError
    from ..evaluate.speed.load import Assumptions

    try:
        told = msgspec.json.decode(assume.read_bytes(), type=dict[str, float]) if assume else {}
        return msgspec.convert(own | told, Assumptions, strict=False)
    except msgspec.MsgspecError as error:
        raise FastgenError(f"{assume} can't be read as assumptions: {error}") from error
