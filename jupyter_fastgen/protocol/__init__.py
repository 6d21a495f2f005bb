"""Every message between the browser, or a kernel, and the server, as msgspec structs.

One websocket per browser tab carries JSON text frames. The first frame of the
browser is `Hello`; the server answers `Welcome` and a `Status`. Documents are
synchronised once (`Open`) and then by deltas, so a keystroke costs tens of
bytes whatever the size of the notebook. All offsets count Unicode code points,
as JupyterLab's completer does.
"""

# All messages under one name, wherever they are written down.
# ruff: noqa: F401
# pyright: reportUnusedImport=false

from .browser import (
    Ahead,
    Alternatives,
    Cancel,
    Change,
    Close,
    Complete,
    Edit,
    Executed,
    FromBrowser,
    Hello,
    Next,
    Open,
    Outcome,
    Prepare,
    Splice,
    Warm,
)
from .cells import Cell, CellType, Ran
from .frames import MAX_FRAME, TOO_LARGE, VERSION, decode, decode_server, encode
from .kernel import BEAT, SCHEME, Generate, Rewrite, Stop
from .server import (
    Action,
    Alternative,
    Budget,
    Chunk,
    Counts,
    Done,
    DoneReason,
    EngineState,
    Fault,
    FromServer,
    Hint,
    Hunk,
    Hunks,
    Phase,
    Progress,
    Resync,
    Rules,
    Status,
    Verdict,
    Welcome,
)
