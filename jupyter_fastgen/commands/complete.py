"""`jupyter fastgen complete`: ghost text for a notebook's cell, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..completion.writing import End
    from ..document import Cursor, Document
    from ..host.host import ModelHost


def complete(
    notebook: Annotated[Path, typer.Argument(help="An .ipynb file.")],
    cell: Annotated[
        int, typer.Option("--cell", help="Which cell, counted from 0; -1 is the last.")
    ],
    offset: Annotated[
        int | None,
        typer.Option(
            "--offset", help="The cursor, in code points from the cell's start. Default: its end."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="A name, .gguf file or server's URL; as configured.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, when it is complete.")] = False,
) -> None:
    """Complete a cell of a notebook with the model, as the editor would."""
    import asyncio

    from ..configured import load_app
    from ..errors import FastgenError
    from ..notebook import read_notebook

    document = read_notebook(notebook)
    cursor = _cursor(document, notebook, cell, offset)
    app = load_app(model)
    told = app.allowed.feature("suggestions", document.notebook)
    if not told.on:
        raise FastgenError(f"suggestions are off: {told.why}")
    host = app.host
    text, end = asyncio.run(_run(host, cursor, echo=not json))
    if json:
        _print_json(text, end, host)
    elif not text:
        if end.reason == "held":
            typer.echo()  # what was printed of it stays
        typer.echo(f"No suggestion: {end.why or end.reason}.", err=True)
    else:
        typer.echo()


def _cursor(document: Document, path: Path, cell: int, offset: int | None) -> Cursor:
    """Raises `FastgenError` for a place that is not there."""
    from ..document import Cursor
    from ..errors import FastgenError

    count = len(document.cells)
    if not -count <= cell < count:
        has = f"cells 0 to {count - 1}" if count else "no cells"
        raise FastgenError(f"{path} has no cell {cell}: it has {has}")
    found = document.cells[cell]
    length = len(found.source)
    if offset is None:
        offset = length
    if not 0 <= offset <= length:
        raise FastgenError(f"cell {cell} has no offset {offset}: it has {length} code points")
    return Cursor(document, found.id, offset)


async def _run(host: ModelHost, cursor: Cursor, echo: bool) -> tuple[str, End]:
    from contextlib import aclosing

    from ..completion.writing import Piece
    from ..errors import FastgenError

    try:
        service = await host.ready()
        host.check(cursor.document.notebook)
        text = ""
        async with aclosing(service.complete("terminal", cursor, invoked=True)) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Piece):
                    return ("" if piece.reason == "held" else text), piece
                text += piece.text
                if echo:
                    typer.echo(piece.text, nl=False)
        raise FastgenError("the engine ended without an answer; run `jupyter fastgen doctor`")
    finally:
        await host.close()


def _print_json(text: str, end: End, host: ModelHost) -> None:
    import json

    import msgspec

    cost: dict[str, Any] = msgspec.to_builtins(end.cost) if end.cost is not None else {}
    counts = {
        key: round(value, 1) if isinstance(value, float) else value
        for key, value in cost.items()
        if key not in ("id", "type", "reason")
    }
    answer = {
        "text": text,
        "reason": end.reason,
        "why": end.why,
        "model": host.status.model,
        "engine": host.status.engine,
        "counts": counts or None,
    }
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
