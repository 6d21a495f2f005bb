"""`jupyter fastgen forget`: what was learned of the person is gone."""

from __future__ import annotations

import typer


def forget() -> None:
    """Forget what was learned of which suggestions you accept."""
    from ..errors import FastgenError
    from ..session.habit import HabitFile, default_path

    path = default_path()
    was_there = path.exists()
    try:
        HabitFile(path).forget()
    except OSError as error:
        raise FastgenError(
            f"{path} can't be removed: {error.strerror or error}; remove it by hand"
        ) from error
    typer.echo(f"{path} is removed" if was_there else "nothing was learned yet")
