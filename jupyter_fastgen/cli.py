"""`jupyter fastgen`: the command line, put together from `commands/`.

A command's module imports no more than typer at its top, and the rest where it is used: `--help`
and the completion of a shell must be quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from .commands import (
    bench,
    complete,
    doctor,
    edit,
    evaluate,
    evaluate_code,
    forget,
    gateway,
    models,
)
from .errors import FastgenError

app = typer.Typer(
    name="jupyter fastgen",
    help="Ghost text in Jupyter from a model on your own hardware.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(complete.complete)
app.command()(doctor.doctor)
app.command()(edit.edit)
app.command()(forget.forget)
app.command(context_settings=gateway.PASSED_ON)(gateway.gateway)
app.command()(gateway.gateway_user)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
evaluate.app.command()(evaluate_code.code)
evaluate.app.command()(evaluate_code.code_report)
app.add_typer(evaluate.app, name="eval")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("jupyter-fastgen"))
        raise typer.Exit


@app.callback()
def _options(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    del version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line on `argv` (the process's own by default) and give the exit code.

    0 is success, 1 a failure told in words on standard error, 2 a wrong call, 130 an interrupt.
    """
    try:
        app(args=list(argv) if argv is not None else None, prog_name="jupyter fastgen")
    except FastgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as stop:
        if isinstance(stop.code, int):
            return stop.code
        return 0 if stop.code is None else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
