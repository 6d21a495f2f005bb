"""What engines that are others' are asked, and what is made of their answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from jupyter_fastgen.engine.base import Done, Event, ModelSpec, Request, Start, Text
from jupyter_fastgen.engine.gbnf import literal
from jupyter_fastgen.engine.hiding import hiding
from jupyter_fastgen.engine.openai import OpenAIServer

from .faulty import Faulty, faulty, piece, reply, stream

KEY = "AKIAIOSFODNN7EXAMPLE"
HIDDEN = "REDACTED_1_"
PROMPT = f'key = "{KEY}"\nclient('


class Recorder:
    """Answers these events, and knows what it was asked."""

    def __init__(self, *events: Event) -> None:
        self.events = events
        self.asked: list[Request] = []

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        for event in self.events:
            yield event


async def answered(engine: Recorder, request: Request) -> list[Event]:
    async with aclosing(hiding(engine.stream, request)) as events:
        return [event async for event in events]


async def test_no_part_of_a_request_has_the_secret():
    engine = Recorder(Done(1, "stop"))
    line = f'key = "{KEY}"'
    asked = Request(1, PROMPT, original=f"{line}\n", grammar=f"root ::= {literal(line)}")
    await answered(engine, asked)
    (sent,) = engine.asked
    assert KEY not in repr(sent)
    assert sent.prompt == PROMPT.replace(KEY, HIDDEN)
    assert HIDDEN in sent.original
    assert HIDDEN in sent.grammar


@pytest.mark.parametrize("size", range(1, len(HIDDEN) + 3))
async def test_it_is_back_in_the_answer_however_that_is_cut(size: int):
    answer = f"REDACTED_, {HIDDEN}, RED{HIDDEN})"
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    done = Done(1, "stop", new_tokens=len(pieces), starts=(Start(HIDDEN, 0.5), Start("R", 0.5)))
    engine = Recorder(*(Text(1, piece, (-0.5,)) for piece in pieces), done)
    *texts, end = await answered(engine, Request(1, PROMPT, logprobs=True))
    assert "".join(t.text for t in texts if isinstance(t, Text)) == answer.replace(HIDDEN, KEY)
    probable = [p for t in texts if isinstance(t, Text) for p in t.logprobs]
    assert probable == [-0.5] * len(pieces)
    assert isinstance(end, Done)
    assert end.starts == (Start(KEY, 0.5), Start("R", 0.5))


async def test_what_tells_only_how_far_it_is_passes():
    engine = Recorder(Text(1, "", read=0.5), Done(1, "stop"))
    assert await answered(engine, Request(1, PROMPT)) == [Text(1, "", read=0.5), Done(1, "stop")]


async def test_while_a_secret_is_typed_nothing_is_asked():
    engine = Recorder(Done(1, "length"))
    asked = Request(1, "password = 'zeppelin99", begin="zeppelin99")
    assert await answered(engine, asked) == [Done(1, "stop")]
    assert engine.asked == []


async def written(server: Faulty, host: str) -> str:
    """What a server with OpenAI's API writes, by the name it is reached."""
    engine = OpenAIServer()
    url = f"{server.url}/v1".replace("127.0.0.1", host)
    await engine.load(ModelSpec("", url), lambda _: None)
    server.replies = [reply(stream(piece("REDAC"), piece("TED_1_)", "stop")))]
    server.asked.clear()
    try:
        async with aclosing(engine.stream(Request(1, PROMPT))) as events:
            return "".join([event.text async for event in events if isinstance(event, Text)])
    finally:
        await engine.close()


@pytest.mark.parametrize(("host", "text"), [("0.0.0.0", f"{KEY})"), ("127.0.0.1", f"{HIDDEN})")])
async def test_a_server_of_this_machine_is_not_another(host: str, text: str):
    async with faulty() as server:
        assert await written(server, host) == text
        (asked,) = server.asked
        assert (KEY in asked["prompt"]) == (host == "127.0.0.1")
