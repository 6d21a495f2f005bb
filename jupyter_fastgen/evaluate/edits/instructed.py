"""How models do with instructed edits, in each format: asked, merged, and checked by running."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from ...edit.lines import body, split_lines
from ...edit.markers import Delete, Keep, read
from ...edit.prompt import Chat
from ...engine.base import Engine
from .. import results
from ..rows import sample
from ..stats import Spread, spread
from .checking import fault
from .formats import Edit, Format, ask
from .tasks import Task


class Settings(msgspec.Struct, frozen=True):
    """What makes two runs the same; `data` is a digest of the tasks."""

    task: Literal["edits"]
    data: str
    model: str
    format: Format
    seed: int
    limit: int


class Record(msgspec.Struct, frozen=True):
    """What became of one task.

    `right` is the text with what needs no look, `right_taken` the one with all hunks; `fault` says
    what is wrong with the former. `lost` counts the lines that it lacks although they were there
    and stay in the solution; `misread` says that the merge of all hunks is not what the model
    wrote. Times are in milliseconds.
    """

    name: str
    language: str
    is_cell: bool
    lines: int
    sparse: bool
    hunks: int
    flagged: int
    reason: str
    right: bool
    right_taken: bool
    fault: str
    lost: int
    misread: bool
    prompt_tokens: int
    new_tokens: int
    passes: int
    prefill_ms: float
    decode_ms: float
    answer: str

    @property
    def applied(self) -> bool:
        """Whether anything changes without a look."""
        return self.hunks > self.flagged


Results: TypeAlias = "results.Results[Settings, Record]"


class Outcome(msgspec.Struct, frozen=True):
    """Of some tasks: shares of 0 to 1, and what the answers cost.

    `right`: the check passes with what needs no look; `right_taken`: with all hunks. `applied`: at
    least one hunk needs no look, `flagged`: at least one does; `refused`: there is none. `wrong`:
    applied, and the check fails; of these `lost` are silent: lines are gone that the solution
    keeps. They are the model's doing, or where its answer says otherwise the merge's (`misread`).
    """

    tasks: int
    right: float
    right_taken: float
    applied: float
    flagged: float
    refused: float
    wrong: float
    lost: float
    misread: float
    new_tokens: Spread
    passes: Spread
    prefill_ms: Spread
    decode_ms: Spread


def read_results(path: Path) -> Results:
    """As `results.read_results`."""
    return results.read_results(path, Settings, Record)


def open_results(path: Path, settings: Settings) -> Results:
    """As `results.open_results`."""
    return results.open_results(path, settings, Record)


async def evaluate(
    tasks: Sequence[Task], engine: Engine, chat: Chat, found: Results, advance: Callable[[], None]
) -> None:
    """Do the tasks that `found` samples and does not hold yet; `advance` after each.

    Raises `EngineError`.
    """
    settings = found.settings
    done = {record.name for record in found.records}
    for number in sample(len(tasks), settings.limit, settings.seed):
        task = tasks[number]
        if task.name not in done:
            edit = await ask(
                settings.format, engine, chat, task.text, task.language, task.instruction
            )
            found.add(await asyncio.to_thread(_record, task, edit))
        advance()


def _record(task: Task, edit: Edit) -> Record:
    said = edit.answer.split("\n")
    if edit.cost.reason == "cancelled":
        del said[-1]  # it was complete, and the engine stopped within a line
    wrong = fault(task, edit.unseen)
    lines = split_lines(task.text)
    cost = edit.cost
    return Record(
        name=task.name,
        language=task.language,
        is_cell=task.is_cell,
        lines=len(lines),
        sparse=edit.sparse,
        hunks=edit.hunks,
        flagged=edit.flagged,
        reason=edit.reason,
        right=not wrong,
        right_taken=not (wrong if edit.merged == edit.unseen else fault(task, edit.merged)),
        fault=wrong,
        lost=((_texts(task.text) & _texts(task.solution)) - _texts(edit.unseen)).total(),
        misread=edit.sparse and not is_spelled(said, edit.merged, task.text),
        prompt_tokens=cost.prompt_tokens,
        new_tokens=cost.new_tokens,
        passes=cost.passes,
        prefill_ms=round(cost.prefill_ms, 1),
        decode_ms=round(cost.decode_ms, 1),
        answer=edit.answer,
    )


def _texts(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.strip())


def is_spelled(answer: Sequence[str], merged: str, original: str) -> bool:
    """Whether `merged` is what a sparse answer says, its markers read as lines that stay.

    Lines before its first and behind its last line stay, too.
    """
    known = {line.strip() for line in original.split("\n")}
    text = [body(line).strip() for line in split_lines(merged)]
    places = set(range(len(text) + 1))
    before = ""
    for line in answer:
        item = read(line, known, before)
        before = line
        if isinstance(item, Keep):
            places = set(range(min(places), len(text) + 1))
        elif not isinstance(item, Delete) and line.strip():
            starts = set(places)
            for at in places:  # blank lines beside markers come and go
                while at < len(text) and not text[at]:
                    at += 1
                starts.add(at)
            places = {n + 1 for n in starts if n < len(text) and text[n] == line.strip()}
        if not places:
            return False
    return True


def outcome(records: Sequence[Record]) -> Outcome:
    """The figures of some records."""

    def share(of: Callable[[Record], bool]) -> float:
        return sum(map(of, records)) / max(1, len(records))

    def is_wrong(r: Record) -> bool:
        return r.applied and not r.right

    return Outcome(
        tasks=len(records),
        right=share(lambda r: r.right),
        right_taken=share(lambda r: r.right_taken),
        applied=share(lambda r: r.applied),
        flagged=share(lambda r: r.flagged > 0),
        refused=share(lambda r: r.hunks == 0),
        wrong=share(is_wrong),
        lost=share(lambda r: is_wrong(r) and r.lost > 0),
        misread=share(lambda r: is_wrong(r) and r.lost > 0 and r.misread),
        new_tokens=spread(r.new_tokens for r in records),
        passes=spread(r.passes for r in records),
        prefill_ms=spread(r.prefill_ms for r in records),
        decode_ms=spread(r.decode_ms for r in records),
    )
