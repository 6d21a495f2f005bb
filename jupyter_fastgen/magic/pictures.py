"""The pictures of `--image`: a file, or what was pasted into the Markdown cell above."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..images import MOST_IMAGES, ImageError, check
from .cells import MOST_BYTES

ABOVE = "above"
"""In the place of a file."""

TASK = "write code for what the picture shows"
"""Where nothing else is said."""


@dataclass(frozen=True)
class Picture:
    """A file's name, and what is in it."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.name} ({len(self.data) / 1000:,.0f} kB)"


def read(image: str, asking: str) -> tuple[Picture, ...]:
    """The pictures that `--image` names, for the cell with the id `asking`.

    Raises `ImageError`.
    """
    if image == ABOVE:
        return _pasted(asking)
    path = Path(image).expanduser()
    try:
        # Read no more than can be taken: it may be any file.
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES)
    except OSError as error:
        raise ImageError(f"{image} can't be read: {error.strerror or error}") from error
    return (Picture(path.name, check(path.name, data)),)


def _pasted(asking: str) -> tuple[Picture, ...]:
    """Those of the Markdown cell above, in the notebook's file."""
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))
    try:
        size = path.stat().st_size
        cells: list[Any] = json.loads(path.read_bytes())["cells"] if size <= MOST_BYTES else []
        ids = [str(cell.get("id", "")) for cell in cells]
        above: Any = cells[ids.index(asking) - 1] if asking in ids[1:] else {}
        held: list[Picture] = [
            Picture(name, check(name, b64decode(data)))
            for name, kinds in above.get("attachments", {}).items()
            for kind, data in kinds.items()
            if kind.startswith("image/")
        ]
    except ImageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        held = []  # there may be no such file: a name, or a path on another machine
    if not held:
        raise ImageError(
            "the notebook's file has no picture in a Markdown cell right above this one: paste one"
            " there and save the notebook, or name a file with --image FILE"
        )
    return tuple(held[:MOST_IMAGES])
