"""The one error class whose text is written for the user.

Everything that can go wrong in a way that a user can mend is raised as a subclass of
`FastgenError`: the text names the thing, the reason and the way out. The command line prints it
without a traceback, the server shows it in the status panel.
"""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no message of a schema: text that is no UTF-8, and what is
nested too deeply, are no errors of its own."""


class FastgenError(Exception):
    """An error whose text is meant for the user."""


class BlindError(FastgenError):
    """There is no model that can see."""


class TooLongError(FastgenError):
    """The model can't read so much at once; one with more context may."""
