"""What the browser says to the server."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..policy import UNSAID, Notebook
from .cells import Cell


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """The first frame. `xsrf` is the `_xsrf` cookie, proof of our own page."""

    protocol: int
    xsrf: str = ""


class Open(msgspec.Struct, tag="open", frozen=True):
    """The whole document `doc` (a name chosen by the browser) at revision `rev`.

    `kernel`: whether its live kernel may be looked at. `notebook` is what its metadata say of us;
    of one that is turned off the cells stay in the browser.
    """

    doc: str
    cells: list[Cell]
    language: str = "python"
    path: str = ""
    rev: int = 0
    kernel: bool = True
    notebook: Notebook = UNSAID


class Change(msgspec.Struct, tag="change", frozen=True):
    """In `cell`, `text` replaces the code points `start:end`; the document is then at `rev`."""

    doc: str
    rev: int
    cell: str
    start: int
    end: int
    text: str


class Splice(msgspec.Struct, tag="splice", frozen=True):
    """`insert` replaces the `delete` cells from `index` on; the document is then at `rev`."""

    doc: str
    rev: int
    index: int
    delete: int
    insert: list[Cell]


class Executed(msgspec.Struct, tag="executed", frozen=True):
    """`cell` has run as it stands."""

    doc: str
    cell: str
    ok: bool


class Close(msgspec.Struct, tag="close", frozen=True):
    """The document is closed; its running job ends."""

    doc: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of the text that was shown for job `id`.

    `kept` code points of it stand in the document: accepted or typed. It is told once, when
    something else was typed, all was kept, or the person dismissed it.
    """

    id: int
    kept: int


class Complete(msgspec.Struct, tag="complete", frozen=True):
    """Ghost text at `offset` of `cell`, in the document as of `rev`.

    It supersedes the document's running job. `trigger` is `invoke` when the
    person asked for it by key, `auto` when typing did. `outcomes` of earlier jobs
    come along, for they need no message of their own.
    """

    id: int
    doc: str
    rev: int
    cell: str
    offset: int
    trigger: Literal["auto", "invoke"] = "auto"
    outcomes: list[Outcome] = []


class Ahead(msgspec.Struct, tag="ahead", frozen=True):
    """As `Complete`, for the text that stands at `offset` once `text`, which is shown, is accepted.

    Work ahead of the person: it supersedes nothing, and is `cancelled` while a cell computes, or
    where `text` is not likely to be accepted.
    """

    id: int
    doc: str
    rev: int
    cell: str
    offset: int
    text: str


class Next(msgspec.Struct, tag="next", frozen=True):
    """The code of a cell that would follow `cell`, in the document as of `rev`.

    Work ahead of the person, as `Ahead` is.
    """

    id: int
    doc: str
    rev: int
    cell: str


class Alternatives(msgspec.Struct, tag="alternatives", frozen=True):
    """Other texts than `text`, which is shown at `offset`: `Alternative`s, and then `Done`.

    It supersedes nothing; `auto`, it is work ahead of the person, as `Ahead`.
    """

    id: int
    doc: str
    rev: int
    cell: str
    offset: int
    text: str
    trigger: Literal["auto", "invoke"] = "auto"


class Edit(msgspec.Struct, tag="edit", frozen=True, omit_defaults=True):
    """Change `cells`, which stand in this order, of the document as of `rev`.

    `action` names one of `Welcome.actions`, `instruction` is what the person wrote; either may be
    empty. Of one cell only the lines [start, end) change where `end` is given. `error` is the
    traceback that is to be mended. It supersedes the document's running edit, and is answered by
    `Progress`, `Hunks` and a `Done`. The document itself changes only in the browser.
    """

    id: int
    doc: str
    rev: int
    cells: list[str]
    instruction: str = ""
    action: str = ""
    start: int = 0
    end: int | None = None
    error: str = ""


class Prepare(msgspec.Struct, tag="prepare", frozen=True, omit_defaults=True):
    """An `Edit` of this is about to be described: load the model, read the code."""

    doc: str
    rev: int
    cells: list[str]
    start: int = 0
    end: int | None = None


class Cancel(msgspec.Struct, tag="cancel", frozen=True):
    """Ends job `id`; an unknown or ended one is ignored."""

    id: int


class Warm(msgspec.Struct, tag="warm", frozen=True):
    """The cursor rests at `offset` of `cell`: put its prompt into the KV cache."""

    doc: str
    rev: int
    cell: str
    offset: int


FromBrowser = (
    Hello
    | Open
    | Change
    | Splice
    | Executed
    | Close
    | Complete
    | Ahead
    | Next
    | Alternatives
    | Edit
    | Prepare
    | Cancel
    | Warm
)
