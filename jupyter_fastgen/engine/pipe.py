"""Frames between the server and its engine process: msgpack structs behind a four-byte length."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from .base import BusyError, Done, DownError, EngineError, ModelSpec, Request, Stats, Text

EngineName = Literal["llamacpp", "exllamav2", "url"]
"""`url`: a server that others run, by whichever API it has."""


class Load(msgspec.Struct, tag="load", frozen=True):
    """Load `spec` with the adapter `engine`; answered by `Loading`s, then `Ready` or `Broken`."""

    engine: EngineName
    spec: ModelSpec


class Start(msgspec.Struct, tag="start", frozen=True):
    """Stream a request; answered by `Text`s, then `Done` or `Failed`."""

    request: Request


class Stop(msgspec.Struct, tag="stop", frozen=True):
    """Cancel a request."""

    id: int


class Loading(msgspec.Struct, tag="loading", frozen=True):
    """The model loads: 0..1."""

    progress: float


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The model is loaded."""

    stats: Stats


class Broken(msgspec.Struct, tag="broken", frozen=True):
    """The model can't be loaded."""

    reason: str
    remedy: str


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """Request `id` ended with an error; `pause` is of a `BusyError`."""

    id: int
    reason: str
    remedy: str
    kind: Literal["", "busy", "down"] = ""
    pause: float | None = None

    @staticmethod
    def of(id: int, error: EngineError) -> Failed:
        """What `error` says."""
        if isinstance(error, BusyError):
            return Failed(id, error.reason, error.remedy, "busy", error.pause)
        kind = "down" if isinstance(error, DownError) else ""
        return Failed(id, error.reason, error.remedy, kind)

    def error(self) -> EngineError:
        """What it was made of."""
        if self.kind == "busy":
            return BusyError(self.reason, self.remedy, self.pause)
        return (DownError if self.kind == "down" else EngineError)(self.reason, self.remedy)


Command = Load | Start | Stop
Report = Loading | Ready | Broken | Text | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_command = msgspec.msgpack.Decoder(Command)
_report = msgspec.msgpack.Decoder(Report)


def pack(message: Command | Report) -> bytes:
    """One frame."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


async def read_command(stream: asyncio.StreamReader) -> Command:
    """The next command; raises `asyncio.IncompleteReadError` at the end of the pipe."""
    return _command.decode(await _frame(stream))


async def read_report(stream: asyncio.StreamReader) -> Report:
    """The next report; raises `asyncio.IncompleteReadError` at the end of the pipe."""
    return _report.decode(await _frame(stream))


async def _frame(stream: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await stream.readexactly(4), "big")
    return await stream.readexactly(size)
