"""A person who writes notebooks anew and accepts what is right, through a real Jupyter server.

The person knows what is to stand there. Where the ghost text is right to the end of a line, or
for long enough, when the next key would be pressed, it is read, and taken with Tab or Ctrl+Down;
where it is not, typing goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from ...document import Document
from .browser import Answer, BenchError, Browser, KeyKind
from .keystrokes import decoded_tokens, wasted_tokens
from .server import JupyterServer, run_server
from .typist import PAUSE_AFTER, Passage, Typist, last_passages, split_keys

LEAST_ACCEPTED = 2
"""Characters for which reaching for Tab is worth it, where they end a line."""

LEAST_WITHIN_LINE = 10
"""The same where the line goes on, as behind a suggestion that ends before a guess: about half of a
line (GitHub Copilot's client notes 19 characters as the median)."""

READING_S = 0.5
"""From seeing that the ghost text is right to taking it."""


class Press(msgspec.Struct, frozen=True):
    """One key: a character typed, or an acceptance. `kind` says what it cost."""

    notebook: str
    cell: str
    insert: str
    accepts: bool
    kind: KeyKind


class Summary(msgspec.Struct, frozen=True):
    """What a replay cost and saved. Shares are 0 to 1, None of nothing."""

    presses: int
    characters: int
    accepted_characters: float | None
    """Share of the characters that came by accepting."""
    acceptances: int
    without_work: float | None
    """Share of the presses that asked nothing of the model."""
    starts_per_100: float | None
    """Requests for a suggestion, for 100 presses."""
    ahead_per_100: float | None
    """Requests for what follows a suggestion that stood, for 100 presses."""
    decoded: int
    wasted: float | None
    """Share of the decoded tokens whose text was never typed or accepted."""
    after_acceptance: float | None
    """Share of the acceptances after which the next suggestion needed a new request."""


class Replay(msgspec.Struct, frozen=True):
    """A replay's figures, and its keys."""

    model: str
    summary: Summary
    presses: list[Press]


def replay(
    notebooks: dict[str, Document],
    keys: int,
    typist: Typist,
    options: Sequence[str],
    advance: Callable[[], None],
) -> Replay:
    """Write about the last `keys` keys of each notebook anew; `advance` is called after each.

    `options` are further ones of the Jupyter server. Raises `BenchError`.
    """
    presses: list[Press] = []
    answers: list[Answer] = []
    model = ""
    with run_server(options=tuple(options)) as server:
        for name, document in notebooks.items():
            made, given, model = asyncio.run(_write(name, document, keys, typist, server))
            presses += made
            answers += given
            advance()
    return Replay(model, summarize(presses, answers), presses)


async def _write(
    name: str, document: Document, keys: int, typist: Typist, server: JupyterServer
) -> tuple[list[Press], list[Answer], str]:
    shortened, passages = last_passages(document, keys)
    if not passages:
        raise BenchError(f"{name} has no code to type")
    async with Browser.connected(server.url, server.token) as browser:
        await browser.open(shortened)
        presses: list[Press] = []
        for passage in passages:
            presses += await _write_passage(name, browser, passage, typist)
        await browser.settle()
        return presses, list(browser.answers.values()), browser.status.model


async def _write_passage(
    name: str, browser: Browser, passage: Passage, typist: Typist
) -> list[Press]:
    clock = asyncio.get_running_loop().time
    await browser.warm(passage.cell)
    presses: list[Press] = []
    rest = passage.text
    due = clock()
    while rest:
        await asyncio.sleep(max(0.0, due - clock()))
        part = accepted(browser.ghost(passage.cell), rest)
        if part:
            await asyncio.sleep(READING_S)
            due = clock()
            part = accepted(browser.ghost(passage.cell), rest)  # it may have grown
        insert = part or split_keys(rest)[0]
        kind, _ = await browser.type(passage.cell, insert)
        presses.append(Press(name, passage.cell, insert, bool(part), kind))
        rest = rest[len(insert) :]
        # What has been accepted is read before the next key.
        due += typist.pause if part or insert[0] in PAUSE_AFTER else typist.interval
    return presses


def accepted(ghost: str, wanted: str) -> str:
    """What of `ghost` the person takes who wants `wanted` there; "" to go on typing."""
    ends_line = wanted[len(ghost) : len(ghost) + 1] in ("", "\n")
    is_long = len(ghost.strip()) >= LEAST_WITHIN_LINE
    if wanted.startswith(ghost) and (ends_line or is_long):
        part = ghost
    else:
        start = 1 if ghost.startswith("\n") else 0
        end = ghost.find("\n", start)
        line = ghost if end < 0 else ghost[:end]
        wanted_end = wanted.find("\n", 1 if wanted.startswith("\n") else 0)
        part = line if line == (wanted if wanted_end < 0 else wanted[:wanted_end]) else ""
    return part if len(part.strip()) >= LEAST_ACCEPTED else ""


def summarize(presses: Sequence[Press], answers: Sequence[Answer]) -> Summary:
    """The figures of a replay."""
    accepting = [press for press in presses if press.accepts]
    asking = [press for press in presses if press.kind == "asks"]
    characters = sum(len(press.insert) for press in presses)
    decoded = sum(map(decoded_tokens, answers))
    return Summary(
        presses=len(presses),
        characters=characters,
        accepted_characters=_share(sum(len(press.insert) for press in accepting), characters),
        acceptances=len(accepting),
        without_work=_share(len(presses) - len(asking), len(presses)),
        starts_per_100=_share(100 * len(asking), len(presses)),
        ahead_per_100=_share(100 * sum(map(_started_ahead, answers)), len(presses)),
        decoded=decoded,
        wasted=_share(sum(map(wasted_tokens, answers)), decoded),
        after_acceptance=_share(sum(p.kind == "asks" for p in accepting), len(accepting)),
    )


def _started_ahead(answer: Answer) -> int:
    """How often the model began to write what follows."""
    return sum(done is not None and done.counts is not None for done in answer.ahead.values())


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole else None
