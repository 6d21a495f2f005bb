"""Every message between the user's server and the gateway, as msgpack in binary frames.

The first frame is `Hello`, answered by `Welcome`; then requests run side by side, told apart by the
ids that the client chose. A request of the schema `Ask` is all that a client can say: who it is,
what its limits are and which part of the cache it sees are the gateway's to know.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..images import MOST_BYTES, MOST_IMAGES
from ..policy import Policy
from .base import Done, Priority, Role, Stats, Text

VERSION = 1
"""Raised when a message changes its meaning; `Hello` must carry it."""

PATH = "v1/engine"
"""Of the websocket, below the gateway's address."""

GOING_AWAY = 1001
"""A websocket's code of a gateway that ends: another may take over, or the same once more."""

REVOKED = 4401
"""The code a socket is closed with whose token is no longer good."""

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Id = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Image = Annotated[bytes, msgspec.Meta(max_length=MOST_BYTES)]
_Word = Annotated[str, msgspec.Meta(max_length=256)]

ModelId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
"""An administrator's name of a model: looked up, never a path."""


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """One generation; see `engine.base.Request`. Fields that are not here are not looked at.

    `model` is an id of the gateway's list, "" the first of it that the user may use.
    """

    id: _Id
    prompt: str
    model: ModelId = ""
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
    images: Annotated[tuple[_Image, ...], msgspec.Meta(max_length=MOST_IMAGES)] = ()


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


class Offered(msgspec.Struct, frozen=True):
    """A model that the user may use. The `abilities` in its `stats` name its templates."""

    id: str
    roles: tuple[Role, ...]
    stats: Stats


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """The first frame of the gateway: the models for this user, as the administrator lists them.

    `policy` is what of it concerns the user, who is in these `groups`. When that has changed
    another welcome says so. A message may have `body_bytes`; 0 says nothing of it.
    """

    version: int
    models: tuple[Offered, ...]
    policy: Policy = Policy()
    groups: tuple[str, ...] = ()
    body_bytes: int = 0


class Failed(msgspec.Struct, tag="failed", frozen=True, omit_defaults=True):
    """Request `id` ended with an error.

    `refused`: it was not run, for it is not allowed: a feature of the policy, `model`, `quota`, or
    all, which is `paused`.
    """

    id: int
    reason: str
    remedy: str = ""
    refused: str = ""


class Place(msgspec.Struct, tag="place", frozen=True):
    """Request `id`, for which somebody waits, is at this place of the queue.

    1 is the next; 0 says that it waits no more.
    """

    id: int
    place: int


class Busy(msgspec.Struct, tag="busy", frozen=True):
    """Request `id` was not run, or not to its end. Ask again then.

    Too much is to be done, or it is for the `reason` given.
    """

    id: int
    retry_ms: int
    reason: str = ""


class Superseded(msgspec.Struct, tag="superseded", frozen=True):
    """Request `id` made way for a newer one of its document."""

    id: int


class Hint(msgspec.Struct, tag="hint", frozen=True):
    """Wait this long after a key before the next request; 0 until it is told."""

    debounce_ms: int


class Budget(msgspec.Struct, tag="budget", frozen=True):
    """A user has `used` so many tokens of the day's `limit`; the next is in `reset_s` seconds."""

    used: _Count
    limit: Annotated[int, msgspec.Meta(ge=1)]
    reset_s: _Count

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit

    @property
    def percent(self) -> int:
        """What is used of it, 0..100; all only when it is."""
        return min(100, 100 * self.used // self.limit)


def spent(budget: Budget) -> tuple[str, str]:
    """What the person is told whose budget is: the reason, and the way out."""
    return f"the day's budget of {budget.limit:,} tokens is used up", "it begins anew at 00:00 UTC"


Reply = Text | Done | Failed | Busy | Superseded | Place
"""What comes of a request."""

FromClient = Hello | Start | Stop
FromGateway = Welcome | Hint | Budget | Reply

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
