"""Server-sent events, bounded (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable

MOST_BYTES = 4 * 1024 * 1024
"""Of one line: no token needs so many, and what has no end must not fill the memory."""


class LineTooLongError(ValueError):
    """A line of the stream has no end."""


async def data(stream: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event, whose lines are joined; comments and other fields are left out.

    An event that the end of the stream cuts off is none. Raises `LineTooLongError`.
    """
    lines: list[bytes] = []
    async for line in _lines(stream):
        if not line:
            if lines:
                yield b"\n".join(lines)
            lines = []
        elif line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))


async def _lines(stream: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    held = b""
    async for piece in stream:
        *whole, held = (held + piece).split(b"\n")
        if len(held) > MOST_BYTES or any(len(line) > MOST_BYTES for line in whole):
            raise LineTooLongError(f"a line of it is longer than {MOST_BYTES >> 20} MB")
        for line in whole:
            yield line.removesuffix(b"\r")
