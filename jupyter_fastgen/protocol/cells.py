"""Cells, as all messages carry them."""

from __future__ import annotations

from typing import Literal

import msgspec

CellType = Literal["code", "markdown", "raw"]

Ran = Literal["", "ok", "error"]
"""How the code of a cell ran as it stands; "" if it did not."""


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cell; a plain text file is a document of one code cell."""

    id: str
    type: CellType
    source: str
    ran: Ran = ""
