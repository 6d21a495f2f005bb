"""Fill-in-the-middle rows: a file with one line taken out, which the model is to write.

The protocol is that of Qwen2.5-Coder's report (arXiv 2409.12186): greedy, 64 tokens, at most
2,048 of the prompt of which at most 512 are the suffix, the first line compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from ...completion import context, prompt
from ...document import Cell, Cursor, Document
from ...engine.base import Engine, Request, Text
from ..rows import sample
from .lines import Record, Texts, correct_start, first_line, has_first_line, similarity
from .results import Results

CONTEXT = 2048
ANSWER_TOKENS = 64
SUFFIX_TOKENS = 512

Way = Literal["anchored", "plain", "straight"]
"""How a row is asked for: by our prompts, by our usual prompts, or past our code altogether."""

_LINE_NUMBER = re.compile(r"[-_/]L\d+$")


class Row(msgspec.Struct, frozen=True):
    """One row; `name` or `task_id` ends in the number of the line that was taken out."""

    prompt: str
    suffix: str
    canonical_solution: str
    name: str = ""
    task_id: str = ""

    @property
    def problem(self) -> str:
        """What several rows are of."""
        return _LINE_NUMBER.sub("", self.name or self.task_id)


def ask(row: Row, way: Way, template: prompt.Template, suffix_tokens: int) -> tuple[str, str]:
    """The prompt for `row`, and what the answer is bound to begin with."""
    if way == "straight":
        parts = (template.prefix, row.prompt, template.suffix, row.suffix, template.middle)
        return "".join(parts if template.suffix else parts[:2]), ""
    document = Document("", "", 0, [Cell("row", "code", row.prompt + row.suffix)])
    budget = context.Budget(0, CONTEXT - ANSWER_TOKENS - suffix_tokens, suffix_tokens)
    view, _ = context.view(Cursor(document, "row", len(row.prompt)), budget)
    built = prompt.build(view, template, anchored=way == "anchored")
    return built.text, built.begin


async def answer(engine: Engine, request: Request) -> str:
    """What the engine writes for `request` behind its `begin`, until its first line is whole."""
    text = ""
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, Text):
                text += event.text
                if has_first_line(text[len(request.begin) :]):
                    break
    return text[len(request.begin) :]


async def evaluate(
    rows: Sequence[Row],
    way: Way,
    engine: Engine,
    template: prompt.Template,
    results: Results,
    advance: Callable[[], None],
) -> None:
    """Complete the rows that `results` samples and does not hold yet; `advance` after each.

    Raises `EngineError`.
    """
    done = {record.cell for record in results.records}
    settings = results.settings
    for number in sample(len(rows), settings.limit, settings.seed):
        if number not in done:
            row = rows[number]
            text, begin = ask(row, way, template, settings.suffix_tokens)
            request = Request(
                number + 1, text, begin, ANSWER_TOKENS, template.stop, document=row.problem
            )
            got = first_line(await answer(engine, request))
            results.add(_score(row, number, got, settings.texts))
        advance()


def _score(row: Row, number: int, got: str, texts: bool) -> Record:
    expected = row.canonical_solution.strip()
    return Record(
        group=row.problem,
        cell=number,
        offset=len(row.prompt),
        kind="row",
        exact=got == expected,
        similarity=similarity(expected, got),
        expected_chars=len(expected),
        shown_chars=len(got),
        saved=correct_start(expected, got),
        texts=Texts(expected, got) if texts else None,
    )
