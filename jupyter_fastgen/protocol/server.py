"""What the server says to the browser, and of it to a kernel."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..policy import Feature
from .cells import CellType


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edit that needs no description: its name, and what a menu says of it.

    `needs`: it is offered only where a cell has failed (`error`).
    """

    name: str
    title: str
    caption: str
    needs: Literal["", "error"] = ""


class Verdict(msgspec.Struct, frozen=True):
    """That a feature is on or off, and who says so: a sentence for the person."""

    on: bool
    why: str


class Rules(msgspec.Struct, tag="rules", frozen=True):
    """What is not the person's to decide, sent in `Welcome` and when it has changed.

    `courses` say what else is off in notebooks whose metadata name them, and why.
    """

    features: dict[Feature, Verdict] = {}
    courses: dict[str, dict[Feature, str]] = {}


class Welcome(msgspec.Struct, tag="welcome", frozen=True, omit_defaults=True):
    """The connection is taken. `actions` can be asked for in an `Edit`."""

    protocol: int
    version: str
    actions: list[Action] = []
    rules: Rules = Rules()


EngineState = Literal["missing", "downloading", "loading", "ready", "idle", "off", "error"]
"""`missing`: no model file yet. `idle`: unloaded, comes back with the next key.
`off`: switched off by the administrator."""


class Status(msgspec.Struct, tag="status", frozen=True, omit_defaults=True):
    """What the engine is doing, sent on each change of state.

    `progress` is 0..1 of a download or a load. `detail` and `remedy` name the
    reason and the way out of `missing`, `off` and `error`. `where` is the server of others
    that runs the model, "" for this machine; `remote` is one that is asked for edits which
    are too much for the model.
    """

    state: EngineState
    model: str = ""
    engine: str = ""
    progress: float | None = None
    detail: str = ""
    remedy: str = ""
    where: str = ""
    remote: str = ""


class Chunk(msgspec.Struct, tag="chunk", frozen=True, omit_defaults=True):
    """More text of job `id`, to be appended to what came before.

    `block`: there are several lines, for which room is to be made at once.
    """

    id: int
    text: str
    block: bool = False


class Alternative(msgspec.Struct, tag="alternative", frozen=True):
    """The whole of another text, for job `id`."""

    id: int
    text: str


Phase = Literal["loading", "queued", "reading", "writing"]
"""Of an edit: the model is loaded, a shared engine serves others first, the code is read (prefill),
the answer is written."""


class Progress(msgspec.Struct, tag="progress", frozen=True, omit_defaults=True):
    """How far edit `id` is: `fraction` 0..1 of its phase, where that is known.

    While it is queued, `place` 1 is the next of all that wait. While it is written, `lines` of the
    answer are there, and all before line `line` of `cell` is settled, in the text as of the edit's
    `rev`.
    """

    id: int
    phase: Phase
    fraction: float | None = None
    lines: int = 0
    cell: str = ""
    line: int = 0
    place: int = 0


class Hunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change to accept or reject, in the document as of the edit's `rev`.

    `lines`: the lines [start, end) of `cell` become `new`, lines without ends; of both none may
    be there. `insert`: a cell of `type` that holds `new` comes behind `cell`, "" is the top.
    `remove`: `cell` goes. `move`: `cell` goes behind `after`, "" is the top.
    `label` names the block around it. With `reasons`, sentences, it needs a look first. Where
    lines go although nothing says so, `other` is what comes instead of `new` if they stay.
    """

    cell: str
    start: int = 0
    end: int = 0
    new: list[str] = []
    kind: Literal["lines", "insert", "remove", "move"] = "lines"
    type: CellType = "code"
    after: str = ""
    label: str = ""
    reasons: list[str] = []
    other: list[str] = []


class Hunks(msgspec.Struct, tag="hunks", frozen=True, omit_defaults=True):
    """Hunks of edit `id`, in order.

    While it is written come those whose lines are settled, behind the ones before; what may be
    wrong with them is not known yet. `final` ones are all, and stand for those before.
    """

    id: int
    hunks: list[Hunk]
    final: bool = False


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job cost, as the engine counted it: tokens, and times in milliseconds.

    Of the `drafted_tokens`, which were guessed from the prompt, the accepted ones cost no step.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    first_ms: float | None = None
    drafted_tokens: int = 0
    accepted_tokens: int = 0


DoneReason = Literal[
    "stop", "length", "empty", "held", "cancelled", "superseded", "unavailable", "off", "failed"
]


class Done(msgspec.Struct, tag="done", frozen=True, omit_defaults=True):
    """Job `id` ended, and no chunk of it follows.

    `reason`: `stop` (complete), `length` (token limit), `empty` (nothing worth
    showing), `held` (not worth showing: its chunks are to be taken back), `cancelled`,
    `superseded`, `unavailable` (no engine now), `off` (not allowed), `failed`.
    `why` says in a sentence for the person why nothing or less was shown. `by` names the model and
    the server that wrote it, where others run that.
    """

    id: int
    reason: DoneReason
    why: str = ""
    counts: Counts | None = None
    by: str = ""


class Resync(msgspec.Struct, tag="resync", frozen=True):
    """The server's copy of `doc` is not at the revision it was told; send `Open` again."""

    doc: str


class Hint(msgspec.Struct, tag="hint", frozen=True):
    """Wait this long after a key before the next `Complete`, until the engine is not `ready`."""

    debounce_ms: int


class Budget(msgspec.Struct, tag="budget", frozen=True):
    """Of the day's `limit` of tokens at a shared engine `used` are; it is told by the hundredth.

    A new day begins in `reset_s` seconds.
    """

    used: int
    limit: int
    reset_s: int


class Fault(msgspec.Struct, tag="fault", frozen=True):
    """A frame was refused: which, why, and what to do. The connection stays unless `fatal`."""

    message: str
    fatal: bool = False


FromServer = (
    Welcome
    | Status
    | Rules
    | Chunk
    | Alternative
    | Progress
    | Hunks
    | Done
    | Resync
    | Hint
    | Budget
    | Fault
)
