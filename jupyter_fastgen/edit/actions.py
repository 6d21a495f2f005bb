"""Actions: edits with a description of their own, each a small TOML file that anyone can add to.

    title = "Add Types"
    caption = "Annotate parameters and results"
    instruction = "add type hints to the parameters and the return value of each function"

`{error}` in the instruction is what went wrong; with `needs = "error"` the action is offered only
where a cell failed. `only = "comments"` marks what changes code as more than was asked. With
`place = "below"` the answer is a new cell. A file of the same name replaces a built-in one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import FastgenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUILT_IN = Path(__file__).with_name("actions")

ERROR_CHARS = 600
"""Of what is said of an error."""

_ARROW = re.compile(r"^-+>\s*\d+\s?(.*)$", re.MULTILINE)
"""How IPython marks the line that a frame stands at."""


_RAISED = re.compile(r"[\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Iteration)(?::|$)")
"""How what was raised is said, which may take several lines."""


class BadActionError(FastgenError):
    """A file does not describe an action."""


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says; see above."""

    title: str
    instruction: str
    caption: str = ""
    needs: Literal["", "error"] = ""
    only: Literal["", "comments"] = ""
    place: Literal["", "below"] = ""

    def say(self, instruction: str, error: str) -> str:
        """What the model is told to do; `instruction` is what the person added."""
        said = self.instruction.replace("{error}", in_brief(error))
        return f"{said}; {instruction}" if instruction.strip() else said


def load_actions(
    folders: Iterable[Path] = (), on_bad: Callable[[str], object] | None = None
) -> dict[str, Action]:
    """The actions of the built-in folder and of these, by name.

    `on_bad` is told of a file that can't be used; without it that raises `BadActionError`.
    """
    found: dict[str, Action] = {}
    for folder in (BUILT_IN, *folders):
        for path in sorted(folder.glob("*.toml")):
            try:
                found[path.stem] = _read(path)
            except BadActionError as error:
                if on_bad is None:
                    raise
                on_bad(str(error))
    return found


def _read(path: Path) -> Action:
    try:
        with path.open("rb") as stream:
            return msgspec.convert(tomllib.load(stream), Action)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise BadActionError(
            f"the action {path} can't be used: {error}. It needs a title and an instruction;"
            f" see the files in {BUILT_IN}"
        ) from error


def in_brief(traceback: str) -> str:
    """The end of a traceback, and the line of code that it points to last."""
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    if not lines:
        return ""
    heads = [n for n, line in enumerate(lines) if _RAISED.match(line)]
    said = " ".join(lines[heads[-1] :]) if heads else lines[-1]
    arrows = _ARROW.findall(traceback)
    where = f", in the line `{arrows[-1].strip()}`" if arrows and arrows[-1].strip() else ""
    return f"{said[:ERROR_CHARS]}{where}"
