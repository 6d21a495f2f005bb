"""Results of `eval fim` and `eval notebooks`: what made them, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from .. import results
from ..results import BadResultsError as BadResultsError
from .lines import Record

Gates = Literal["off", "sound", "all"]
"""What holds suggestions back: nothing, what can't be right, or also what is not likely to be."""


class Settings(msgspec.Struct, frozen=True):
    """What makes two runs the same: the first line of a file of results.

    `data` is a digest of what was completed, `prompts` names their layout.
    """

    task: Literal["fim", "notebooks"]
    data: str
    model: str
    prompts: str
    seed: int
    limit: int
    suffix_tokens: int
    texts: bool
    gates: Gates = "sound"


Results: TypeAlias = "results.Results[Settings, Record]"


def read_results(path: Path) -> Results:
    """As `results.read_results`."""
    return results.read_results(path, Settings, Record)


def open_results(path: Path, settings: Settings) -> Results:
    """As `results.open_results`."""
    return results.open_results(path, settings, Record)
