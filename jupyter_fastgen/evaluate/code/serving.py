"""The process of one generated program: calls come as pickled arguments, results go as plain data.

Standard library only.
"""

from __future__ import annotations

import gc
import numbers
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, ModuleType
from typing import Any, cast

from .confine import confine

READY, DONE, VALUE, FAULT = b"R", b"D", b"V", b"F"
"""Kinds of replies: it may be called, it was, this is what it returned, this went wrong."""

FAULT_LENGTH = 200
"""Characters of what is told of a fault."""


def serve(requests: int, replies: int) -> None:
    """Answer requests for as long as they come. Nothing of the tests may have been read before."""
    silence(0)
    for number in range(3, 256):
        if number not in (requests, replies):
            with suppress(OSError):
                os.close(number)
    program, entry = pickle.loads(_read(requests))
    confine()
    try:
        code = compile(program, "answer", "exec")
        _function(code, entry)
        _write(replies, b"", READY)
    except BaseException as error:
        _write(replies, described(error).encode("utf-8", "replace"), FAULT)
    else:
        while True:
            copies, arguments = pickle.loads(_read(requests))
            try:
                _answer(requests, replies, code, entry, copies, arguments)
            except BaseException as error:
                _write(replies, described(error).encode("utf-8", "replace"), FAULT)


def _answer(
    requests: int, replies: int, code: CodeType, entry: str, copies: int, arguments: bytes
) -> None:
    calls = [(_function(code, entry), pickle.loads(arguments)) for _ in range(copies)]
    result: Any = None
    gc.disable()
    _write(replies, b"", READY)
    _read(requests)
    for function, values in calls:
        result = function(*values)
    _write(replies, b"", DONE)
    _read(requests)
    gc.enable()
    _write(replies, pickle.dumps(plain(result)), VALUE)


def _function(code: CodeType, entry: str) -> Callable[..., Any]:
    """Run the program anew, and find its function."""
    # Where dataclasses look for the names of annotations.
    module = sys.modules["answer"] = ModuleType("answer")
    exec(code, module.__dict__)
    if not callable(found := module.__dict__.get(entry)):
        raise NameError(f"there is no function {entry}")
    return cast("Callable[..., Any]", found)


def plain(value: Any) -> Any:
    """A value made of Python's own plain types; raises `TypeError` where it is none."""
    if value is None or type(value) in (bool, int, float, complex, str, bytes):
        return value
    if isinstance(value, str):
        return "".join(value)
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return cast("Any", kind)(map(plain, cast("list[Any]", value)))
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {plain(key): plain(item) for key, item in items}
    if isinstance(value, numbers.Integral):  # NumPy's
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"a {type(value).__name__} is no plain data")


def framed(body: bytes, kind: bytes = b"") -> bytes:
    """Requests are a length and a body; replies are of a kind, too."""
    return kind + len(body).to_bytes(8, "big") + body


def _write(file: int, body: bytes, kind: bytes) -> None:
    data = memoryview(framed(body, kind))
    while data:
        data = data[os.write(file, data) :]


def _read(file: int) -> bytes:
    """A request; ends this process where its owner has ended."""

    def exactly(size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = os.read(file, size - len(found))
            if not piece:
                os._exit(0)
            found += piece
        return found

    return exactly(int.from_bytes(exactly(8), "big"))


def silence(*files: int) -> None:
    """Let these lead nowhere."""
    for number in files:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, number)
        if nothing != number:
            os.close(nothing)


def described(error: BaseException) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {error}"[:FAULT_LENGTH].rstrip(": ")
