"""Frames of JSON text: their version, how large they may be, and what they say."""

from __future__ import annotations

import msgspec

from .browser import FromBrowser
from .server import FromServer

VERSION = 1
"""Raised when a message changes its meaning; `Hello` must carry it."""

MAX_FRAME = 4 * 1024 * 1024
"""Bytes of the largest frame taken: a 500-cell notebook opened in one piece."""

TOO_LARGE = f"the request is larger than {MAX_FRAME >> 20} MB: say less, or name fewer objects"

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
