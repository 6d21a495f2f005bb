"""Every message between the user's server and the gateway, as msgpack in binary frames.

The first frame is `Hello`, answered by `Welcome`; then requests run side by side, told apart by the
ids that the client chose. A request of the schema `Ask` is all that a client can say: who it is,
what its limits are and which part of the cache it sees are the gateway's to know.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..engine.base import Done, Priority, Stats, Text

VERSION = 1
"""Raised when a message changes its meaning; `Hello` must carry it."""

PATH = "v1/engine"
"""Of the websocket, below the gateway's address."""

REVOKED = 4401
"""The code a socket is closed with whose token is no longer good."""

_Id = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Word = Annotated[str, msgspec.Meta(max_length=256)]


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """One generation; see `engine.base.Request`. Fields that are not here are not looked at."""

    id: _Id
    prompt: str
    begin: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] = 64
    stop: Annotated[tuple[_Word, ...], msgspec.Meta(max_length=32)] = ()
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    document: _Word = ""
    logprobs: bool = False
    starts: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    grammar: Annotated[str, msgspec.Meta(max_length=200_000)] = ""
    progress: bool = False
    priority: Priority = "ghost"
    original: str = ""


class _Named(msgspec.Struct):
    id: _Id


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """The first frame of a client."""

    version: int


class Start(msgspec.Struct, tag="start", frozen=True):
    """Stream a request, an `Ask`: `Text`s come, then `Done`, `Failed`, `Busy` or `Superseded`."""

    request: msgspec.Raw

    @staticmethod
    def of(ask: Ask) -> Start:
        """The frame that asks so."""
        return Start(msgspec.Raw(_encoder.encode(ask)))


class Stop(msgspec.Struct, tag="stop", frozen=True):
    """Cancel a request."""

    id: _Id


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """The first frame of the gateway. The `abilities` in the `stats` name the model's templates."""

    version: int
    stats: Stats


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """Request `id` ended with an error."""

    id: int
    reason: str
    remedy: str = ""


class Busy(msgspec.Struct, tag="busy", frozen=True):
    """Request `id` was not run, or not to its end: too much is to be done. Ask again then."""

    id: int
    retry_ms: int


class Superseded(msgspec.Struct, tag="superseded", frozen=True):
    """Request `id` made way for a newer one of its document."""

    id: int


class Hint(msgspec.Struct, tag="hint", frozen=True):
    """Wait this long after a key before the next request."""

    debounce_ms: int


Reply = Text | Done | Failed | Busy | Superseded
"""What comes of a request."""

FromClient = Hello | Start | Stop
FromGateway = Welcome | Hint | Reply

_encoder = msgspec.msgpack.Encoder()
_client = msgspec.msgpack.Decoder(FromClient)
_gateway = msgspec.msgpack.Decoder(FromGateway)
_ask = msgspec.msgpack.Decoder(Ask)
_name = msgspec.msgpack.Decoder(_Named)


def encode(message: FromClient | FromGateway) -> bytes:
    """One frame."""
    return _encoder.encode(message)


def decode_client(frame: bytes) -> FromClient:
    """A frame of a client; raises `msgspec.DecodeError` if it is not of the protocol."""
    return _client.decode(frame)


def decode_ask(request: msgspec.Raw) -> Ask | Failed:
    """A request, or what is said of one that is not of the schema.

    Raises `msgspec.DecodeError` if it has not even an id.
    """
    try:
        return _ask.decode(request)
    except msgspec.ValidationError as error:
        return Failed(_name.decode(request).id, f"the request is not allowed: {error}")


def decode_gateway(frame: bytes) -> FromGateway:
    """A frame of the gateway; raises `msgspec.DecodeError` if it is not of the protocol."""
    return _gateway.decode(frame)
