"""Every message between the browser, or a kernel, and the server, as msgspec structs.

One websocket per browser tab carries JSON text frames. The first frame of the
browser is `Hello`; the server answers `Welcome` and a `Status`. Documents are
synchronised once (`Open`) and then by deltas, so a keystroke costs tens of
bytes whatever the size of the notebook. All offsets count Unicode code points,
as JupyterLab's completer does.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from .images import MOST_IMAGES
from .policy import UNSAID, Feature, Notebook

VERSION = 1
"""Raised when a message changes its meaning; `Hello` must carry it."""

MAX_FRAME = 4 * 1024 * 1024
"""Bytes of the largest frame taken: a 500-cell notebook opened in one piece."""

CellType = Literal["code", "markdown", "raw"]


Ran = Literal["", "ok", "error"]
"""How the code of a cell ran as it stands; "" if it did not."""


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cell; a plain text file is a document of one code cell."""

    id: str
    type: CellType
    source: str
    ran: Ran = ""


# --- browser to server -------------------------------------------------------


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


# --- a kernel to the server --------------------------------------------------
# Bodies of POST requests; the answer is a stream of frames as a browser is sent, one a line.

SCHEME = "fastgen"
"""Of the `Authorization` header that carries a kernel's secret."""

BEAT = 10.0
"""Seconds without a frame after which the server sends an empty line, to say that it is there."""

TOO_LARGE = f"the request is larger than {MAX_FRAME >> 20} MB: say less, or name fewer objects"


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


# --- server to browser -------------------------------------------------------


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

_decoder = msgspec.json.Decoder(FromBrowser)
_encoder = msgspec.json.Encoder()
_server_decoder = msgspec.json.Decoder(FromServer)


def decode(frame: str | bytes) -> FromBrowser:
    """One frame of the browser; raises `msgspec.DecodeError` if it is not of the protocol."""
    return _decoder.decode(frame)


def decode_server(frame: str | bytes) -> FromServer:
    """One frame of the server, for clients written in Python (bench, tests)."""
    return _server_decoder.decode(frame)


def encode(message: FromServer | FromBrowser) -> str:
    """The JSON text frame of a message."""
    return _encoder.encode(message).decode()
