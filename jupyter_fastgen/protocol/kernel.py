"""What a kernel says to the server: the bodies of POST requests.

The answer is a stream of frames as a browser is sent, one a line.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..images import MOST_IMAGES
from ..policy import UNSAID, Notebook
from .cells import Cell

SCHEME = "fastgen"
"""Of the `Authorization` header that carries a kernel's secret."""

BEAT = 10.0
"""Seconds without a frame after which the server sends an empty line, to say that it is there."""


class Generate(msgspec.Struct, frozen=True, omit_defaults=True):
    """Write the code that `prompt` asks for; answered by `Progress`, `Chunk`s and a `Done`.

    `cells`: the code that is there, in order. `about`: what else there is to know, as text.
    `model` names one of the catalog, "" is the one for edits. `temperature` 0 is greedy; above it
    the same `seed` gives the same answer. `job` names it among those of all kernels, for `Stop`.
    `images` are files of the pictures to write code for, by a model that sees. `notebook` is what
    the metadata say of the one that asks, as it was saved, and `kernel` the id of its kernel.
    """

    prompt: str
    cells: list[Cell] = []
    about: str = ""
    language: str = "python"
    model: str = ""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] = 512
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    job: str = ""
    images: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=MOST_IMAGES)] = ()
    notebook: Notebook = UNSAID
    kernel: str = ""


class Rewrite(msgspec.Struct, frozen=True, omit_defaults=True):
    """Change `cells`, as an `Edit` does; answered by `Progress`, `Hunks` and a `Done`.

    `about`, `model`, `job`, `notebook` and `kernel` are as in `Generate`.
    """

    cells: list[Cell]
    instruction: str = ""
    action: str = ""
    error: str = ""
    about: str = ""
    language: str = "python"
    start: int = 0
    end: int | None = None
    model: str = ""
    job: str = ""
    notebook: Notebook = UNSAID
    kernel: str = ""


class Stop(msgspec.Struct, frozen=True):
    """End the answer to the request that is called `job`; an unknown one is ignored.

    A page sends it, for a kernel that computes hears nothing.
    """

    job: str
