"""What drafts gain where cells are written anew: the same edits without them and with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..quality.running import Model, running
from .formats import Edit, ask
from .tasks import Task, load_tasks

CELLS = 4
"""The longest of our own edits of cells."""

CONTEXT = 2048
"""Tokens of KV cache: a cell, what is asked, and the cell anew."""


class Arm(msgspec.Struct, frozen=True):
    """What all edits cost with drafts of `draft` tokens, 0 for none.

    `passes` are runs of the model while it decodes; `token_ms` is the time of a decoded token.
    """

    draft: int
    new_tokens: int
    passes: int
    drafted: int
    accepted: int
    decode_ms: float
    token_ms: float


class Drafts(msgspec.Struct, frozen=True):
    """Both arms; `same` counts the `edits` in which they wrote the same."""

    model: str
    edits: int
    same: int
    plain: Arm
    drafted: Arm


async def measure(model: Model, advance: Callable[[str], None]) -> Drafts:
    """Let `model` make the edits, once without drafts and once with; raises `EngineError`."""
    cells = [task for task in load_tasks()[0] if task.is_cell]
    tasks = sorted(cells, key=lambda task: len(task.text))[-CELLS:]
    advance("without drafts")
    plain, before = await _arm(model, tasks, False)
    advance("with drafts")
    drafted, after = await _arm(model, tasks, True)
    same = sum(one.answer == other.answer for one, other in zip(before, after, strict=True))
    return Drafts(model.name, len(tasks), same, plain, drafted)


async def _arm(model: Model, tasks: Sequence[Task], draft: bool) -> tuple[Arm, list[Edit]]:
    async with running(model, CONTEXT, draft) as engine:
        edits = [
            await ask("whole", engine, model.chat, task.text, task.language, task.instruction)
            for task in tasks
        ]
        length = (await engine.stats()).draft
    costs = [edit.cost for edit in edits]
    tokens = sum(cost.new_tokens for cost in costs)
    decode_ms = sum(cost.decode_ms for cost in costs)
    arm = Arm(
        length,
        tokens,
        sum(cost.passes for cost in costs),
        sum(cost.drafted for cost in costs),
        sum(cost.accepted for cost in costs),
        round(decode_ms, 1),
        round(decode_ms / max(1, tokens), 1),
    )
    return arm, edits
