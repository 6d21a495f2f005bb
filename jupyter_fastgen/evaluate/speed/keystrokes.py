"""A person's typing, replayed through a real Jupyter server, and what each key costs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...notebook import read_notebook
from .. import stats
from .browser import Answer, BenchError, Browser, KeyKind, Traffic
from .server import JupyterServer, run_server
from .typist import Key, Passage, Typist, last_passages

SOON_MS = 150.0
"""A ghost text that stands this long after its key is there before the next one."""

TAIL_S = 0.6
"""How long the last key of a cell is waited for, as one before a pause."""


class KeyRecord(msgspec.Struct):
    """One key: what it inserted, what it cost, and when ghost text stood.

    The token counts and `first_ms` are of the request that the key caused, if it `asks`,
    however that ended. `ghost_ms` is from the key to the first text that fits what stands
    then, before the next key.
    """

    cell: str
    insert: str
    rests: bool
    follows_rest: bool
    kind: KeyKind = "asks"
    reason: str = ""
    prefilled: int = 0
    cached: int = 0
    decoded: int = 0
    first_ms: float | None = None
    ghost_ms: float | None = None
    sent: int = 0
    sent_bytes: int = 0
    largest_frame: int = 0
    received: int = 0
    received_bytes: int = 0

    @property
    def within_line(self) -> bool:
        """Whether it was typed into a line: not the key that begins a new one."""
        return not self.insert.startswith("\n")


class Summary(msgspec.Struct, frozen=True):
    """All keys of a replay in figures; times in milliseconds."""

    keys: int
    within_line: stats.Spread
    """Prefilled tokens of keys typed into a line; a typed-through key prefills none."""
    within_line_answered: stats.Spread
    """The same of those keys alone whose request came to a text: others tell little."""
    prefilled: int
    cached: int
    decoded: int
    wasted: int
    """Decoded tokens whose text was not typed, by its share of the answer's characters."""
    requests: int
    requests_per_100_keys: float
    cancelled: int
    typed_through: int
    """Keys that agreed with the ghost text: no request."""
    waiting: int
    """Keys one ahead of an answer that was still growing: no request either."""
    frame_bytes: stats.Spread
    """The largest frame that a key sent."""
    sent: int
    sent_bytes: int
    received: int
    received_bytes: int
    engine_first: stats.Spread
    """The engine's time to first text, of requests that came to one."""
    ghost: stats.Spread
    """From key to ghost text."""
    ghost_resting: stats.Spread
    """From key to ghost text where the typist pauses after it."""
    ghost_after_rest: stats.Spread
    """From key to ghost text where the typist paused before it."""
    coverage: float
    """Keys with ghost text within 150 ms, 0 to 1."""


class Replay(msgspec.Struct, frozen=True):
    """One run: how the prompts were made, its figures and its keys."""

    anchored: bool
    summary: Summary
    keys: list[KeyRecord]
    memory: int | None = None
    """Bytes that the Jupyter server held at the end, where the system tells."""


class Comparison(msgspec.Struct, frozen=True):
    """The same typing with anchored prompts and with the usual ones."""

    notebook: str
    insert: bool
    model: str
    anchored: Replay
    usual: Replay | None
    memory_without: int | None = None
    """Bytes of a Jupyter server that runs without the extension."""


@dataclass(frozen=True)
class Plan:
    """What is typed, and where."""

    notebook: Path
    typist: Typist
    keys: int
    insert: bool = False
    """Type into the middle, with the cells below as they are."""
    options: tuple[str, ...] = ()
    """Further options of the Jupyter server."""


def compare(plan: Plan, usual: bool = True) -> Comparison:
    """Replay `plan`, and again with the usual prompts where `usual`; raises `BenchError`."""
    from ...computer import resident_memory

    with run_server(extension=False) as server:
        without = resident_memory(server.pid)
    anchored, model = _replay(plan, anchored=True)
    second = _replay(plan, anchored=False)[0] if usual else None
    return Comparison(plan.notebook.name, plan.insert, model, anchored, second, without)


def _replay(plan: Plan, anchored: bool) -> tuple[Replay, str]:
    from ...computer import resident_memory

    options = (f"--FastgenApp.anchored={anchored}", *plan.options)
    with run_server(options=options) as server:
        keys, answers, model = asyncio.run(_type(plan, server))
        memory = resident_memory(server.pid)
    return Replay(anchored, summarize(keys, answers), keys, memory), model


async def _type(
    plan: Plan, server: JupyterServer
) -> tuple[list[KeyRecord], dict[int, Answer], str]:
    document, passages = last_passages(read_notebook(plan.notebook), plan.keys, plan.insert)
    if not passages:
        raise BenchError(f"{plan.notebook} has no code to type")
    async with Browser.connected(server.url, server.token) as browser:
        await browser.open(document)
        records: list[KeyRecord] = []
        for passage in passages:
            records += await _type_passage(browser, passage, plan.typist.plan(passage.text))
        await browser.settle()
        return records, browser.answers, browser.status.model


async def _type_passage(browser: Browser, passage: Passage, plan: list[Key]) -> list[KeyRecord]:
    clock = asyncio.get_running_loop().time
    await browser.warm(passage.cell)
    browser.traffic = Traffic()
    records: list[KeyRecord] = []
    asked: list[tuple[KeyRecord, int]] = []
    start = clock()
    for key in plan:
        await asyncio.sleep(max(0.0, start + key.at - clock()))
        _count_traffic(browser, records)
        follows = bool(records) and records[-1].rests
        record = KeyRecord(passage.cell, key.insert, key.rests, follows)
        records.append(record)
        pressed = clock()

        def look(record: KeyRecord = record, pressed: float = pressed) -> None:
            if record.ghost_ms is None and browser.ghost(record.cell).strip():
                record.ghost_ms = round((clock() - pressed) * 1000, 1)

        browser.on_change = look
        record.kind, answer = await browser.type(passage.cell, key.insert)
        if record.kind == "asks":
            asked.append((record, answer))
        look()
    await asyncio.sleep(TAIL_S)
    await browser.settle()
    _count_traffic(browser, records)
    browser.on_change = lambda: None
    for record, answer in asked:
        _charge(record, browser.answers[answer])
    return records


def _count_traffic(browser: Browser, records: list[KeyRecord]) -> None:
    traffic, browser.traffic = browser.traffic, Traffic()
    if records:
        record = records[-1]
        record.sent, record.sent_bytes = len(traffic.sent), sum(traffic.sent)
        record.largest_frame = max(traffic.sent, default=0)
        record.received, record.received_bytes = traffic.received, traffic.received_bytes


def _charge(record: KeyRecord, answer: Answer) -> None:
    if answer.done is None:
        return
    record.reason = answer.done.reason
    counts = answer.done.counts
    if counts is not None:
        record.prefilled = counts.prompt_tokens - counts.cached_tokens
        record.cached = counts.cached_tokens
        record.decoded = counts.new_tokens
        record.first_ms = counts.first_ms


def summarize(keys: list[KeyRecord], answers: dict[int, Answer]) -> Summary:
    """The figures of a replay."""
    asked = [key for key in keys if key.kind == "asks"]
    inside = [key for key in keys if key.within_line]
    return Summary(
        keys=len(keys),
        within_line=stats.spread(key.prefilled for key in inside),
        within_line_answered=stats.spread(k.prefilled for k in inside if k.first_ms is not None),
        prefilled=sum(key.prefilled for key in keys),
        cached=sum(key.cached for key in keys),
        decoded=sum(map(decoded_tokens, answers.values())),
        wasted=round(sum(wasted_tokens(answer) for answer in answers.values())),
        requests=len(asked),
        requests_per_100_keys=round(100 * len(asked) / max(1, len(keys)), 1),
        cancelled=sum(key.reason in ("cancelled", "superseded") for key in asked),
        typed_through=sum(key.kind == "through" for key in keys),
        waiting=sum(key.kind == "waits" for key in keys),
        frame_bytes=stats.spread(key.largest_frame for key in keys),
        sent=sum(key.sent for key in keys),
        sent_bytes=sum(key.sent_bytes for key in keys),
        received=sum(key.received for key in keys),
        received_bytes=sum(key.received_bytes for key in keys),
        engine_first=stats.spread(key.first_ms for key in asked if key.first_ms is not None),
        ghost=stats.spread(key.ghost_ms for key in keys),
        ghost_resting=stats.spread(key.ghost_ms for key in keys if key.rests),
        ghost_after_rest=stats.spread(key.ghost_ms for key in keys if key.follows_rest),
        coverage=round(stats.share(_soon(key) for key in keys), 3),
    )


def wasted_tokens(answer: Answer) -> float:
    """Tokens of an answer that were decoded for text that was never typed."""
    whole = len(answer.text) + len(answer.next)
    used = answer.used / whole if whole else 0.0
    return decoded_tokens(answer) * (1 - min(1.0, used))


def decoded_tokens(answer: Answer) -> int:
    """Tokens decoded for an answer, and for what follows it."""
    ends = (answer.done, *answer.ahead.values())
    return sum(done.counts.new_tokens for done in ends if done and done.counts)


def _soon(key: KeyRecord) -> bool:
    return key.ghost_ms is not None and key.ghost_ms <= SOON_MS
