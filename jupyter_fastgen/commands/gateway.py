"""`jupyter fastgen gateway`: one engine for many users."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..hub.app import GatewayApp

PASSED_ON: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
"""All that follows is read by traitlets."""


def gateway(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be wrong, and serve nobody.")
    ] = False,
) -> None:
    """Serve one engine to many users; `jupyter fastgen gateway --help-all` lists its settings.

    With --check it only tries the users' tokens, the policy and the models; exit code 1 if it
    can't work.
    """
    from ..errors import FastgenError

    try:
        from ..hub.app import GatewayApp
    except ImportError as error:
        raise FastgenError(
            f"{error.name} can't be imported: run `pip install jupyter-fastgen[hub]`"
        ) from error
    # Not as the one application of the process, which another may be.
    app = GatewayApp()
    app.initialize(context.args)
    if check:
        asyncio.run(_check(app))
    else:
        app.start()


async def _check(app: GatewayApp) -> None:
    from .doctor import print_finding

    failed = False
    async for finding in app.check():
        print_finding(finding)
        failed |= finding.verdict == "failed"
    typer.echo(f"\nThe gateway {'can not work until this is mended' if failed else 'can work'}.")
    if failed:
        raise typer.Exit(1)


def gateway_user(
    name: Annotated[str, typer.Argument(help="What the user is called.")],
    groups: Annotated[list[str] | None, typer.Argument(help="Groups that the user is in.")] = None,
    file: Annotated[
        Path, typer.Option("--file", help="The token file of the gateway; made if it is not there.")
    ] = Path("fastgen-tokens"),
) -> None:
    """Add a user to a gateway without a hub, and print the token, which is kept nowhere."""
    import os
    import secrets

    from ..errors import FastgenError
    from ..hub.auth import digest

    words = [name, *(groups or ())]
    if any(not word or "#" in word or len(word.split()) != 1 for word in words):
        raise FastgenError("names are words without spaces and #")
    token = secrets.token_urlsafe(32)
    line = " ".join([name, digest(token), *words[1:]])
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as opened:
            opened.write(line + "\n")
    except OSError as error:
        raise FastgenError(f"{file} can't be written: {error}") from error
    typer.echo(token)
