"""What the engine for OpenAI's API makes of answers that go wrong."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from jupyter_fastgen.engine import sse
from jupyter_fastgen.engine.base import Done, EngineError, Text
from jupyter_fastgen.engine.openai import PAUSES

from .contract import request
from .faulty import cut, piece, reply, stream
from .finding_out import loaded, said


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (stream(piece("half"), end=""), "no end"),
        (stream(piece("half"), "{not json"), "can't be read"),
        (stream(piece("half"), '{"choices": [{"text": 5}]}'), "can't be read"),
        (stream(piece("half"), "[]"), "can't be read"),
        (stream(piece("half"), {"error": {"message": "out of memory"}}), "out of memory"),
        (stream(piece("half"), end="data: " + "x" * (sse.MOST_BYTES + 1)), "longer than 4 MB"),
        (b"<html>a proxy's page</html>", "no end"),
    ],
)
async def test_a_broken_answer_is_an_error_that_says_where(body: bytes, reason: str):
    async with loaded() as (server, engine):
        server.replies = [reply(body)] * (len(PAUSES) + 1)
        with pytest.raises(EngineError, match=reason) as raised:
            await said(engine)
        assert server.url in str(raised.value)
        server.replies.clear()
        assert (await said(engine)).text == "fine"


async def test_what_was_written_before_a_connection_broke_is_not_asked_for_again():
    async with loaded() as (server, engine):
        server.replies = [cut(stream(piece("half"), end=""))]
        events = engine.stream(request("Say"))
        first = await anext(events)
        assert isinstance(first, Text)
        assert first.text == "half"
        with pytest.raises(EngineError, match="broke off"):
            await anext(events)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "nothing", [b"", reply(b""), cut(b""), reply(b"{}", "502 Bad Gateway")], ids=range(4)
)
async def test_an_answer_of_which_nothing_came_is_asked_for_again(nothing: bytes):
    async with loaded() as (server, engine):
        server.replies = [nothing]
        assert (await said(engine)).text == "fine"
        assert len(server.asked) == 2
        server.replies = [nothing] * 10
        with pytest.raises(EngineError):
            await said(engine)
        assert len(server.asked) == 2 + len(PAUSES) + 1


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
async def test_a_busy_server_is_asked_again_when_it_says(status: str):
    async with loaded() as (server, engine):
        server.replies = [reply(b"{}", status, "Retry-After: 1")]
        start = time.monotonic()
        assert (await said(engine)).text == "fine"
        assert time.monotonic() - start >= 1


@pytest.mark.parametrize("is_date", [False, True])
async def test_a_server_that_is_busy_for_long_is_left_alone(is_date: bool):
    async with loaded() as (server, engine):
        when = formatdate(time.time() + 120, usegmt=True) if is_date else "120"
        server.replies = [reply(b"{}", "503 Service Unavailable", f"Retry-After: {when}")]
        with pytest.raises(EngineError, match=r"busy.*try again in 1[12]\d s"):
            await said(engine)
        assert len(server.asked) == 1


async def test_a_silent_server_is_waited_for_no_longer_than_patience():
    async def silent(writer: asyncio.StreamWriter) -> None:
        await writer.drain()

    async with loaded(patience=0.3) as (server, engine):
        server.replies = [silent]
        with pytest.raises(EngineError, match=r"nothing came for 0\.3 s"):
            await said(engine)
        assert len(server.asked) == 1


async def test_an_end_without_done_and_counts_is_an_end():
    async with loaded() as (server, engine):
        server.replies = [cut(stream(piece("a"), piece("b", "length"), end=""))]
        got = await said(engine)
        assert (got.text, got.done.reason, got.done.new_tokens) == ("ab", "length", 0)


@pytest.mark.parametrize(
    ("counts", "new"), [([], 0), ([{"usage": {"prompt_tokens": 9, "completion_tokens": 2}}], 2)]
)
async def test_a_complete_answer_is_one_whatever_the_server_does_then(counts: Any, new: int):
    async def linger(writer: asyncio.StreamWriter) -> None:
        body = stream(piece("a"), piece("b", "stop"), *counts, end="")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        await writer.drain()

    async with loaded(patience=0.5) as (server, engine):
        server.replies = [linger]
        got = await said(engine)
        assert (got.text, got.done.reason, got.done.new_tokens) == ("ab", "stop", new)


async def test_comments_and_line_ends_of_proxies_are_no_text():
    body = stream(piece("a"), piece("b", "stop")).replace(b"\n", b"\r\n")
    async with loaded() as (server, engine):
        server.replies = [reply(b": ping\r\n\r\nevent: message\r\n" + body)]
        assert (await said(engine)).text == "ab"


@pytest.mark.parametrize("leave", ["cancel", "aclose"])
async def test_what_is_not_wanted_any_more_is_disconnected(leave: str):
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + stream(piece("a"), end=""))
        await writer.drain()

    async with loaded() as (server, engine):
        server.replies = [endless]
        asked = request("Say")
        events = engine.stream(asked)
        assert isinstance(await anext(events), Text)
        if leave == "cancel":
            engine.cancel(asked.id)
            done = await anext(events)
            assert isinstance(done, Done)
            assert done.reason == "cancelled"
        else:
            await events.aclose()
        await asyncio.wait_for(server.closed.wait(), 5)


async def test_an_error_names_what_the_server_says_in_any_spelling():
    bodies = {
        b'{"error": {"message": "too long for the context"}}': "too long for the context",
        b'{"error": "bad prompt"}': "bad prompt",
        b'{"object": "error", "message": "old vLLM"}': "old vLLM",
        b'{"detail": [{"msg": "field required"}]}': "field required",
        b"plain words": "plain words",
    }
    async with loaded() as (server, engine):
        for body, words in bodies.items():
            server.replies = [reply(body, "400 Bad Request")]
            with pytest.raises(EngineError, match=words):
                await said(engine)
