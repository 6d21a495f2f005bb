"""Work ahead of the person: what follows a suggestion, the next cell, and other texts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.service import CompletionService

from .conftest import COUNTING, Connect, first_chunk


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], ghost_text: dict[str, Any]
) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": ghost_text}


async def test_what_follows_a_suggestion_is_known_before_it_is_accepted(connect: Connect):
    browser = await connect()
    browser.open("d", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,")
    got = await browser.answer(browser.ahead("d", "c0", " 12, 13, 14, 15,"))
    assert got.text.startswith(" 16, 17")
    # The accepted text is in the cache then: the next request computes next to nothing.
    browser.type("d", "c0", " 12, 13, 14, 15, 16,")
    got = await browser.answer(browser.ask("d", "c0"))
    assert got.done.counts is not None
    assert got.done.counts.prompt_tokens - got.done.counts.cached_tokens <= 3


async def test_work_ahead_waits_for_a_request_and_ends_with_the_next(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    asked = browser.ask("d", "c0")
    refused = browser.ahead("d", "c0", ", 16")
    assert await browser.answer(refused) == ([], protocol.Done(refused, "cancelled"))
    await browser.answer(asked)
    ahead = browser.ahead("d", "c0", ", 16")
    await first_chunk(browser, ahead)
    asked = browser.ask("d", "c0")
    ended = await browser.until(protocol.Done, lambda done: done.id == ahead)
    assert ended.reason == "superseded"
    assert (await browser.answer(asked)).text.startswith(", 16")


async def test_no_work_ahead_while_a_cell_computes(
    connect: Connect, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
):
    browser = await connect()
    browser.open("d", COUNTING)
    # A kernel whose state is ours: that of a real one changes when its messages come.
    kernel = SimpleNamespace(execution_state="busy")
    kernels = jp_serverapp.kernel_manager
    monkeypatch.setattr(kernels, "list_kernel_ids", lambda: ["one"])
    monkeypatch.setattr(kernels, "get_kernel", lambda id: kernel)
    id = browser.ahead("d", "c0", ", 16")
    assert await browser.answer(id) == ([], protocol.Done(id, "cancelled"))
    id = browser.next_cell("d", "c0")
    assert await browser.answer(id) == ([], protocol.Done(id, "cancelled"))
    kernel.execution_state = "idle"
    id = browser.ahead("d", "c0", ", 16")
    await first_chunk(browser, id)
    kernel.execution_state = "busy"
    assert (await browser.answer(id)).done.reason == "cancelled"


async def test_no_work_ahead_of_what_is_not_likely_taken(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    browser = await connect()
    browser.open("d", COUNTING)
    asked: list[tuple[str, str]] = []

    def is_likely(service: CompletionService, key: str, text: str) -> bool:
        asked.append((key.rsplit("/", 1)[-1], text))
        return False

    monkeypatch.setattr(CompletionService, "is_likely", is_likely)
    id = browser.ahead("d", "c0", ", 16")
    assert await browser.answer(id) == ([], protocol.Done(id, "cancelled"))
    assert asked == [("d", ", 16")]


async def test_work_ahead_of_another_revision_is_given_up(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    browser.send(protocol.Ahead(7, "d", 5, "c0", 0, "x"))
    assert await browser.until(protocol.Done) == protocol.Done(7, "cancelled")


async def test_the_next_cell_is_suggested_as_if_it_were_there(connect: Connect):
    browser = await connect()
    cells = ("import math", "def area(r):\n    return math.pi * r**2", "area(1)", "area(3)")
    browser.open("without", *cells)
    browser.open("with", *cells[:3], "", *cells[3:])
    suggested = await browser.answer(browser.next_cell("without", "c2"))
    asked = await browser.answer(browser.ask("with", "c3"))
    assert suggested.done.counts
    assert asked.done.counts
    assert suggested.done.counts.prompt_tokens == asked.done.counts.prompt_tokens
    # The same prompt; but the cache may tip a close choice later on.
    assert suggested.text.strip()
    assert suggested.text.split("\n")[0] == asked.text.split("\n")[0]
    # Nothing has been written: the document is as it was, at the same revision.
    browser.type("without", "c3", "; print(b)")
    assert (await browser.answer(browser.ask("without", "c3"))).done.reason != "superseded"


async def test_the_next_cell_waits_for_a_request_and_gives_way_to_one(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    asked = browser.ask("d", "c0")
    refused = browser.next_cell("d", "c0")
    assert await browser.answer(refused) == ([], protocol.Done(refused, "cancelled"))
    await browser.answer(asked)
    ahead = browser.next_cell("d", "c0")
    asked = browser.ask("d", "c0")
    ended = await browser.until(protocol.Done, lambda done: done.id == ahead)
    assert ended.reason == "superseded"
    assert (await browser.answer(asked)).text.startswith(", 16")


async def test_the_next_cell_does_not_wait_until_the_cache_is_filled(connect: Connect):
    browser = await connect()
    browser.open("d", *["x = 'some text that stands above'"] * 12)
    browser.send(protocol.Warm("d", 0, "c11", 0))
    got = await browser.answer(browser.next_cell("d", "c11"))
    assert got.done.counts is not None
    assert got.done.reason != "cancelled"


async def test_the_next_cell_of_another_revision_or_place_is_given_up(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    browser.send(protocol.Next(7, "d", 5, "c0"))
    assert await browser.until(protocol.Done) == protocol.Done(7, "cancelled")
    browser.open("d", COUNTING)
    gone = browser.next_cell("d", "no such cell")
    assert (await browser.answer(gone)).done.reason == "cancelled"


COLOURS = "red = 'red'\ngreen = 'green'\nblue = 'blue'\ncolour = "


async def test_alternatives_differ_from_what_is_shown_and_from_each_other(connect: Connect):
    browser = await connect()
    browser.open("d", COLOURS)
    shown = (await browser.answer(browser.ask("d", "c0"))).text
    got = await browser.answer(browser.alternatives("d", "c0", shown))
    assert got.done.reason == "stop"
    assert 1 <= len(got.chunks) <= 2
    texts = ["".join(text.split()) for text in (shown, *got.chunks)]
    assert len(set(texts)) == len(texts)
    assert all(texts)


async def test_alternatives_supersede_nothing_and_end_with_the_next_request(connect: Connect):
    browser = await connect()
    browser.open("d", COLOURS)
    asked = browser.ask("d", "c0")
    refused = browser.alternatives("d", "c0", "x", "invoke")
    assert await browser.answer(refused) == ([], protocol.Done(refused, "cancelled"))
    shown = (await browser.answer(asked)).text
    others = browser.alternatives("d", "c0", shown, "invoke")
    asked = browser.ask("d", "c0")
    ended = await browser.until(protocol.Done, lambda done: done.id == others)
    assert ended.reason == "superseded"
    assert (await browser.answer(asked)).text == shown


async def test_while_a_cell_computes_alternatives_come_only_when_asked_for_by_key(
    connect: Connect, jp_serverapp: Any
):
    browser = await connect()
    browser.open("d", COLOURS)
    shown = (await browser.answer(browser.ask("d", "c0"))).text
    app = next(iter(jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]))
    kernels = app.settings["kernel_manager"]
    kernel = kernels.get_kernel(await kernels.start_kernel())
    kernel.execution_state = "busy"
    id = browser.alternatives("d", "c0", shown)
    assert await browser.answer(id) == ([], protocol.Done(id, "cancelled"))
    assert (await browser.answer(browser.alternatives("d", "c0", shown, "invoke"))).chunks
