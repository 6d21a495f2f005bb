"""What the engine for OpenAI's API finds out of a server, and does without what that lacks."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jupyter_fastgen.engine.address import place, shown
from jupyter_fastgen.engine.base import Abilities, EngineError, ModelSpec, Request, Text
from jupyter_fastgen.engine.openai import OpenAIServer
from jupyter_fastgen.engine.served import adapter
from jupyter_fastgen.images import MARK

from ..tiny_vision import png
from .contract import answer, request
from .faulty import GOOD, Faulty, faulty, piece, reply, stream
from .finding_out import abilities, loaded, said

# --- what a server is, and can -------------------------------------------------


async def test_the_key_goes_along_and_a_wrong_one_is_told():
    async with loaded("sesame", key="sesame") as (server, engine):
        assert (await said(engine)).text == "fine"
        assert all("Bearer sesame" in head for head in server.heads if " /v1" in head)
        server.key = "other"
        with pytest.raises(EngineError, match=r"refused the key.*no such key.*api_key"):
            await said(engine)


async def test_a_wrong_key_is_told_when_it_is_loaded():
    with pytest.raises(EngineError, match=r"refused the key.*api_key"):
        async with loaded("wrong", key="sesame"):
            pass


@pytest.mark.parametrize("models", [{"data": "none"}, {}, {"data": [{"name": "x"}]}])
async def test_what_is_no_such_server_is_named(models: dict[str, Any]):
    with pytest.raises(EngineError, match="no server with OpenAI's API answers at http"):
        async with loaded(models=models):
            pass


async def test_a_model_is_named_behind_the_url():
    async with loaded() as (server, engine):
        await said(engine)
        assert server.asked[-1]["model"] == (await engine.stats()).model == "big"
        assert (await engine.stats()).context == 4096
    async with loaded(model="#other") as (server, engine):
        await said(engine)
        assert server.asked[-1]["model"] == "other"
    with pytest.raises(EngineError, match=r"no model 'third'; it has big, other.*#"):
        async with loaded(model="#third"):
            pass


async def test_a_server_that_can_little_is_asked_for_little():
    async with loaded() as (server, engine):
        can = await abilities(engine)
        assert can == Abilities(server="vllm")
        got = await said(engine, logprobs=True, grammar='root ::= "a"')
        assert got.text == "fine"
        common = {"model", "prompt", "stream", "stream_options", "max_tokens", "temperature"}
        assert {name for name, value in server.asked[-1].items() if value is not None} == common
        assert not (await engine.stats()).grammar


async def test_what_a_server_describes_is_used():
    names = [
        "cache_salt",
        "priority",
        "repetition_penalty",
        "skip_special_tokens",
        "guided_grammar",
    ]
    options = ["include_usage", "continuous_usage_stats"]
    fields = {"CompletionRequest": names, "StreamOptions": options}
    async with loaded(fields=fields) as (server, engine):
        can = await abilities(engine)
        assert (can.salts, can.prioritizes, can.grammar) == (True, True, "")
        await said(engine)
        body = server.asked[-1]
        assert (body["repetition_penalty"], body["skip_special_tokens"]) == (1.0, False)
        assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
        # A person who waits goes before one who types, and both before nobody.
        for priority in ("explicit", "ghost", "prefetch"):
            await said(engine, priority=priority)
        assert [sent["priority"] for sent in server.asked[-3:]] == [0, 1, 2]
        salt = body["cache_salt"]
        assert len(salt) >= 43
        await said(engine, salt="of a user")
        assert server.asked[-1]["cache_salt"] == "of a user"
    async with loaded(fields=fields) as (server, engine):
        await said(engine)
        assert server.asked[-1]["cache_salt"] != salt
    # Of another server it is not known which number goes first.
    others = {"data": [{"id": "big", "owned_by": "sglang"}]}
    async with loaded(fields=fields, models=others) as (server, engine):
        await said(engine, priority="explicit")
        assert "priority" not in server.asked[-1]


async def test_what_was_cached_is_read_behind_counts_that_come_with_each_piece():
    # As vLLM 0.32 answers.
    counts = {"prompt_tokens": 300, "completion_tokens": 1}
    told = counts | {"prompt_tokens_details": {"cached_tokens": 256}}
    good = reply(
        stream(
            piece("fine") | {"usage": counts},
            piece("", "stop") | {"usage": counts},
            {"choices": [], "usage": told},
        )
    )
    fields = {"CompletionRequest": ["x"], "StreamOptions": ["continuous_usage_stats"]}
    async with loaded(fields=fields, replies=[good] * 8) as (_, engine):
        assert (await abilities(engine)).counts
        done = (await said(engine)).done
        assert (done.prompt_tokens, done.cached_tokens, done.prefilled_tokens) == (300, 256, 44)


@pytest.mark.parametrize(
    ("running", "aborts"),
    [([0, 0, 1, 1, 0], True), ([0, 1], False), ([1, 1, 0], None), ([0], None), ([], None)],
    ids=["stops", "writes on", "others use it", "ends at once", "does not tell"],
)
async def test_whether_it_stops_when_nobody_listens(running: list[int], aborts: bool | None):
    async def slow(writer: asyncio.StreamWriter) -> None:
        await writer.drain()

    # Behind the questions for its vocabulary, for likely tokens and for what it caches.
    is_long = running[0:1] == [0] and len(running) > 1
    replies = [GOOD, GOOD, GOOD, GOOD, slow if is_long else GOOD]
    async with loaded(running=running, replies=replies) as (_, it):
        assert (await abilities(it)).aborts is aborts


@pytest.mark.parametrize(
    ("counts", "fim", "chat"),
    [((3, 2), "qwen", "chatml"), ((4, 3), "qwen", "chatml"), ((18, 9), "prefix-only", "plain")],
)
async def test_the_templates_follow_what_the_models_vocabulary_knows(
    counts: tuple[int, int], fim: str, chat: str
):
    told = [
        reply(stream(piece("x", "length", usage=None), {"usage": {"prompt_tokens": count}}))
        for count in counts
    ]
    async with loaded(replies=told) as (_, engine):
        can = await abilities(engine)
        assert (can.fim, can.chat) == (fim, chat)


# --- answers that must begin with a text, where no grammar binds them ------------


def likely(text: str, *choices: tuple[str, float]) -> dict[str, Any]:
    """A piece of one token, in the spelling of completions."""
    told = {"tokens": [text], "token_logprobs": [-1.0], "top_logprobs": [dict(choices)]}
    return piece(text, logprobs=told)


@asynccontextmanager
async def telling() -> AsyncGenerator[tuple[Faulty, OpenAIServer], None]:
    """A server that tells of choices."""
    probe = reply(stream(likely("a", ("a", -0.1)), piece("", "length")))
    async with loaded(replies=[GOOD, GOOD, probe]) as (server, engine):
        assert (await abilities(engine)).choices == 20
        yield server, engine


async def test_an_answer_that_agrees_is_taken_as_it_comes():
    async with telling() as (server, engine):
        tokens = [likely(" Pa", (" Pa", -0.1), (" Lo", -2.0)), piece("ris is", "stop")]
        server.replies = [reply(stream(*tokens))]
        got = await said(engine, begin=" Par")
        assert got.text == " Paris is"
        assert len(server.asked) == 1
        assert server.asked[0]["prompt"] == "Say"


async def test_one_that_does_not_is_asked_for_behind_the_likeliest_token_that_does():
    async with telling() as (server, engine):
        choices = ((" London", -0.1), (" Pa", -3.0), (" Paris", -2.0), (" Parma", -5.0))
        server.replies = [
            reply(stream(likely(" London", *choices))),
            reply(stream(piece(" is", "stop"))),
        ]
        asked = request("Say", begin=" Par", logprobs=True)
        events = [event async for event in engine.stream(asked)]
        assert "".join(e.text for e in events if isinstance(e, Text)) == " Paris is"
        assert [body["prompt"] for body in server.asked] == ["Say", "Say Paris"]
        # Among the three that agree, e^-2 of e^-2 + e^-3 + e^-5.
        first = events[0]
        assert isinstance(first, Text)
        assert first.logprobs[0] == pytest.approx(-0.349, abs=0.001)


@pytest.mark.parametrize("choices", [((" London", -0.1),), ()])
async def test_where_none_does_it_goes_on_from_the_text_itself(choices: Any):
    async with telling() as (server, engine):
        server.replies = [
            reply(stream(likely(" London", *choices))),
            reply(stream(piece("is", "stop"))),
        ]
        assert (await said(engine, begin=" Par")).text == " Paris"
        assert [body["prompt"] for body in server.asked] == ["Say", "Say Par"]


async def test_an_answer_that_ends_too_soon_goes_on_from_the_text():
    async with telling() as (server, engine):
        server.replies = [reply(stream(piece(" P", "stop"))), reply(stream(piece("is", "stop")))]
        assert (await said(engine, begin=" Par")).text == " Paris"


async def test_an_answer_is_asked_for_only_so_often():
    async with telling() as (server, engine):
        single = reply(stream(likely("x", ("x", -0.1), ("a", -2.0))))
        server.replies = [single] * 9
        server.replies.insert(4, reply(stream(piece("!", "stop"))))
        assert (await said(engine, begin="aaaaaaaa")).text == "aaaaaaaa!"
        assert len(server.asked) == 5


async def test_starts_go_on_from_the_text_where_no_choice_agrees():
    async with telling() as (server, engine):
        server.replies = [
            reply(stream(likely(" London", (" London", -0.1)))),
            reply(stream(likely("is", ("is", -0.1), ("ty", -2.0), ("<|im_end|>", -0.5)))),
        ]
        got = await said(engine, begin=" Par", starts=2)
        assert [start.text for start in got.done.starts] == [" Paris", " Party"]
        assert sum(start.probability for start in got.done.starts) == pytest.approx(1)
        assert got.pieces == []


async def test_a_server_that_tells_no_choices_tells_no_starts():
    async with loaded() as (_, engine):
        assert (await said(engine, starts=3)).done.starts == ()


# --- pictures, which only chats have --------------------------------------------


async def test_a_picture_stands_in_a_turn_of_a_chat_where_its_mark_is():
    told = {"choices": [{"delta": {"role": "assistant", "content": None}}]}
    said_so = {"choices": [{"delta": {"content": "a plot"}, "finish_reason": "stop"}]}
    async with loaded(is_seeing=True) as (server, engine):
        assert (await engine.stats()).sees == "chat"
        server.replies = [reply(stream(told, said_so))]
        asked = request(f"Before {MARK} after", images=(png(),), stop=("```",))
        assert (await answer(engine, asked)).text == "a plot"
        (body,) = server.asked
        assert "prompt" not in body
        ((before, image, after),) = [turn["content"] for turn in body["messages"]]
        assert (before["text"], after["text"]) == ("Before ", " after")
        kind, data = image["image_url"]["url"].split(",")
        assert kind == "data:image/png;base64"
        assert b64decode(data) == png()
        with pytest.raises(EngineError, match="not as many places"):
            await answer(engine, request("none", images=(png(),)))


async def test_a_server_that_refuses_pictures_is_not_sent_any():
    async with loaded() as (server, engine):
        assert (await engine.stats()).sees == ""
        with pytest.raises(EngineError, match="big can't see"):
            await answer(engine, request(f"{MARK}?", images=(png(),)))
        assert server.asked == []


# --- which API a URL has ---------------------------------------------------------


async def test_the_url_or_the_server_says_which_api_it_has():
    async with faulty() as server:
        for url in (server.url, f"{server.url}/", f"{server.url}/v1", f"{server.url}/v1#big"):
            engine = await adapter(ModelSpec("far", url))
            assert isinstance(engine, OpenAIServer)
            await engine.load(ModelSpec("far", url), lambda _: None)
            assert (await answer(engine, Request(1, "Say"))).text == "fine"
            await engine.close()


async def test_an_address_where_nothing_answers_is_named():
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9"):
        await adapter(ModelSpec("far", "http://127.0.0.1:9"))
    spec = ModelSpec("far", "http://127.0.0.1:9/v1")
    engine = await adapter(spec)
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9"):
        await engine.load(spec, lambda _: None)


def test_what_is_shown_of_a_url_holds_no_secret():
    url = "https://me:secret@gpu.example.org:8000/v1?key=x#big"
    assert place(url) == "gpu.example.org:8000"
    assert shown(url) == "https://gpu.example.org:8000/v1"


async def test_an_error_holds_no_secret():
    spec = ModelSpec("far", "http://me:secret@127.0.0.1:9")
    for url in (spec.location, f"{spec.location}/v1"):
        with pytest.raises(EngineError) as raised:
            await OpenAIServer().load(ModelSpec("far", url), lambda _: None)
        assert "secret" not in str(raised.value)
    with pytest.raises(EngineError) as raised:
        await adapter(spec)
    assert "secret" not in str(raised.value)
