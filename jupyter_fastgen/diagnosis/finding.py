"""One thing that was looked at, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` is the command or setting that puts it right.

    "failed" means that there is no ghost text until it is mended, "warning" that it is worse
    than it could be. `facts` are the same thing for programs.
    """

    name: str
    verdict: Verdict
    text: str
    mend: str
    facts: dict[str, object]
