"""Requests over the websocket of a Jupyter server whose engine is a running llama-server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyter_fastgen import protocol

from .conftest import COUNTING, Connect, first_chunk


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], ghost_text: dict[str, Any]
) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": ghost_text}


async def test_ghost_text_streams_with_its_costs(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    got = await browser.answer(browser.ask("d", "c0"))
    assert got.text.startswith(", 16, 17")
    assert len(got.chunks) > 3
    assert got.done.reason in ("stop", "length")
    counts = got.done.counts
    assert counts is not None
    assert counts.prompt_tokens > 20
    assert counts.new_tokens > 5
    assert counts.first_ms is not None


async def test_the_deltas_before_a_request_are_in_its_prompt(connect: Connect):
    browser = await connect()
    browser.open("d", "1, 2, 3", "")
    browser.type("d", "c1", "\U0001f600 10, 20, 40, 50, 60, 70, 80")
    browser.type("d", "c1", "30, ", at=10)
    got = await browser.answer(browser.ask("d", "c1"))
    assert got.text.startswith(", 90, 100")


async def test_the_latest_request_of_a_document_wins(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    first = browser.ask("d", "c0")
    await first_chunk(browser, first)
    browser.type("d", "c0", ",")
    second = browser.ask("d", "c0")
    ended = await browser.until(protocol.Done, lambda done: done.id == first)
    assert ended.reason == "superseded"
    assert ended.counts is not None
    assert 0 < ended.counts.new_tokens < 20
    got = await browser.answer(second)
    assert got.done.reason in ("stop", "length")
    assert not any(isinstance(f, protocol.Chunk) and f.id == first for f in browser.frames[-3:])


async def test_of_a_burst_each_request_gets_its_end_and_the_last_its_answer(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    asked = [browser.ask("d", "c0") for _ in range(20)]
    last = await browser.answer(asked[-1])
    assert last.text.startswith(", 16")
    await browser.ping()
    ends = {f.id: f.reason for f in browser.frames if isinstance(f, protocol.Done) and f.id}
    assert ends == dict.fromkeys(asked[:-1], "superseded") | {asked[-1]: last.done.reason}


async def test_a_cell_that_failed_is_not_read(connect: Connect):
    browser = await connect()
    browser.open("d", "numbers = [16, 17, 18]\nprint(numbrs)", COUNTING)
    before = (await browser.answer(browser.ask("d", "c1"))).done.counts
    browser.send(protocol.Executed("d", "c0", ok=False))
    after = (await browser.answer(browser.ask("d", "c1"))).done.counts
    assert before is not None
    assert after is not None
    assert after.prompt_tokens < before.prompt_tokens


async def test_a_cancelled_request_ends_soon(connect: Connect):
    browser = await connect()
    written: list[int] = []
    # This process, server and browser at once, may pause for longer than the model writes.
    for document in "abc":
        browser.open(document, f"# {document}\n{COUNTING}")
        id = browser.ask(document, "c0")
        await first_chunk(browser, id)
        browser.send(protocol.Cancel(id))
        got = await browser.answer(id)
        assert got.done.reason == "cancelled"
        assert got.done.counts is not None
        written.append(got.done.counts.new_tokens)
    assert min(written) < 20


async def test_cancelled_at_once_it_ends_without_text(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    id = browser.ask("d", "c0")
    browser.send(protocol.Cancel(id))
    assert await browser.answer(id) == ([], protocol.Done(id, "cancelled"))
    browser.send(protocol.Cancel(id))
    browser.send(protocol.Cancel(10**6))
    assert (await browser.answer(browser.ask("d", "c0"))).text


async def test_two_documents_are_answered_side_by_side(connect: Connect):
    browser = await connect()
    browser.open("ones", COUNTING)
    browser.open("tens", "10, 20, 30, 40, 50, 60, 70")
    ones, tens = browser.ask("ones", "c0"), browser.ask("tens", "c0")
    texts = dict.fromkeys((ones, tens), "")
    ended: set[int] = set()
    while ended != {ones, tens}:
        frame = await browser.receive()
        if isinstance(frame, protocol.Chunk):
            texts[frame.id] += frame.text
        elif isinstance(frame, protocol.Done):
            assert frame.reason != "superseded"
            ended.add(frame.id)
    assert texts[ones].startswith(", 16")
    assert texts[tens].startswith(", 80")


async def test_two_tabs_on_one_notebook_do_not_disturb_each_other(connect: Connect):
    one, two = await connect(), await connect()
    for browser in (one, two):
        browser.open("d", COUNTING)
    two.type("d", "c0", ", 16, 17")
    first, second = one.ask("d", "c0"), two.ask("d", "c0")
    assert (await one.answer(first)).text.startswith(", 16")
    assert (await two.answer(second)).text.startswith(", 18")
    one.connection.close()
    assert (await two.answer(two.ask("d", "c0"))).text.startswith(", 18")


async def test_closing_a_document_ends_its_request(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    id = browser.ask("d", "c0")
    await first_chunk(browser, id)
    browser.send(protocol.Close("d"))
    assert (await browser.answer(id)).done.reason == "superseded"


async def test_closing_the_tab_ends_its_request(connect: Connect, jp_serverapp: Any):
    browser = await connect()
    browser.open("d", COUNTING)
    await first_chunk(browser, browser.ask("d", "c0"))
    browser.connection.close()
    # The next request in the same slots is not behind the rest of the first.
    other = await connect()
    other.open("d", COUNTING)
    assert (await other.answer(other.ask("d", "c0"))).text.startswith(", 16")


async def test_warming_makes_the_next_request_cheap(connect: Connect):
    browser = await connect()
    browser.open("d", "x = 'some text that stands above'\n" * 12, "y = ")
    browser.send(protocol.Warm("d", 0, "c1", 4))
    # Warming waits for nothing, and is no request: what follows supersedes it. So wait for it.
    browser.open("other", "1, 2, 3")
    await browser.answer(browser.ask("other", "c0"))
    id = browser.ask("d", "c1")
    got = await browser.answer(id)
    assert got.done.counts is not None
    assert got.done.counts.prompt_tokens > 80


@pytest.mark.parametrize("language", ["R", "julia", "javascript", "scheme", ""])
async def test_any_language_gets_ghost_text(connect: Connect, language: str):
    browser = await connect()
    browser.open("d", ("markdown", "Numbers"), COUNTING, language=language)
    assert (await browser.answer(browser.ask("d", "c1"))).text.startswith(", 16")


@pytest.mark.parametrize("kind", ["markdown", "raw"])
async def test_text_cells_get_ghost_text(connect: Connect, kind: protocol.CellType):
    browser = await connect()
    browser.open("d", (kind, COUNTING))
    assert (await browser.answer(browser.ask("d", "c0"))).text.startswith(", 16")


async def test_what_was_just_deleted_is_held_back(connect: Connect):
    browser = await connect()
    browser.open("d", COUNTING)
    browser.type("d", "c0", ", 16, 17")
    browser.delete("d", "c0", len(", 16, 17"))
    got = await browser.answer(browser.ask("d", "c0"))
    assert got.done.reason == "held"
    assert got.done.why == "brings back what you deleted a moment ago"
    assert got.done.counts is not None


async def test_huge_cells_get_ghost_text(connect: Connect):
    browser = await connect()
    lines = "\n".join(f"value_{n} = compute({n})" for n in range(5000))
    browser.open("d", *["x = 1\n"] * 499, lines)
    got = await browser.answer(browser.ask("d", "c499"))
    assert got.done.reason in ("stop", "length", "empty")
    assert got.done.counts is not None
    assert got.done.counts.prompt_tokens < 1000


async def test_stopping_the_server_ends_all(connect: Connect, jp_serverapp: Any):
    browser = await connect()
    browser.open("d", COUNTING)
    await first_chunk(browser, browser.ask("d", "c0"))
    manager = jp_serverapp.extension_manager
    await asyncio.wait_for(manager.stop_all_extensions(), 30)
    app = next(iter(manager.extension_apps["jupyter_fastgen"]))
    assert app.host.status.state == "idle"


async def test_what_becomes_of_a_suggestion_is_learned_once(connect: Connect, jp_serverapp: Any):
    apps = jp_serverapp.extension_manager.extension_apps["jupyter_fastgen"]
    habit = next(iter(apps)).habit_file.habit
    browser = await connect()
    browser.open("d", COUNTING)
    got = await browser.answer(browser.ask("d", "c0"))
    id, line = got.done.id, len(got.text.split("\n")[0])
    assert habit.count == 0

    def tell(*outcomes: protocol.Outcome) -> None:
        browser.send(protocol.Complete(1000, "d", 0, "c0", 0, outcomes=list(outcomes)))
        browser.send(protocol.Cancel(1000))

    tell(protocol.Outcome(id, line), protocol.Outcome(id, 0), protocol.Outcome(999, 5))
    await browser.ping()
    assert habit.count == 1
    assert habit.bias > 0
    second = await browser.answer(browser.ask("d", "c0"))
    bias = habit.bias
    tell(protocol.Outcome(second.done.id, line - 1))
    await browser.ping()
    assert habit.count == 2
    assert habit.bias < bias
