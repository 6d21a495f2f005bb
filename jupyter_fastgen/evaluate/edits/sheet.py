"""A one-line change of a long stylesheet, in several formats, on one engine and model.

The case, its instruction and its format are of "Accelerating code LLMs" (G. Reddy, 2025,
gauravreddy08.github.io/portfolio/writeups/accelerating-code-llms): 2,174 tokens of a full rewrite
there became 61. Its own way to merge is not run here: what the model writes in that format goes
through ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from ...completion.prompt import plain
from ...edit.blocks import parse
from ...edit.lines import body, split_lines
from ...edit.merge import Merger
from ...edit.prompt import Chat
from ...engine.base import Engine, Request
from ..quality.running import Model, running
from .formats import Edit, Format, ask, merged, whole_answer

OWN = Path(__file__).with_name("tasks") / "texts" / "rental.css.txt"
"""A stylesheet of ours, as long as the one of the article."""

INSTRUCTION = "set the font-size in the body selector to 50px"

VALUE = "50px"

CONTEXT = 8192
"""Tokens of KV cache: the sheet and a full rewrite of it."""

SPARSE_TOKENS = 256

_ARTICLE = """\
You edit a stylesheet. Write the rules that change, each in full, in their order. For every group \
of rules that stay the same write `/* unchanged code */`. No explanation.

Input:
```css
a { color: red; }
p {
  margin: 0;
}
em { color: blue; }
```
Task: make the margin of p 4px
Output:
```css
/* unchanged code */
p {
  margin: 4px;
}
/* unchanged code */
```"""

_FONT_SIZE = re.compile(r"\s*font-size\s*:\s*([^;}\s]+)\s*;?\s*")


class Arm(msgspec.Struct, frozen=True):
    """What one format cost, and what came of it; times are in milliseconds.

    `elsewhere` counts the bytes that changed although they were not to; `right`: the size is set,
    and that is all. `reason` says why nothing was changed.
    """

    name: str
    new_tokens: int
    passes: int
    prefilled_tokens: int
    prefill_ms: float
    decode_ms: float
    elsewhere: int
    right: bool
    flagged: int
    reason: str
    answer: str


class Sheet(msgspec.Struct, frozen=True):
    """The arms on one file, of which `data` is a digest, with one model."""

    name: str
    data: str
    lines: int
    model: str
    draft: int
    arms: list[Arm]


async def measure(name: str, text: str, model: Model, advance: Callable[[str], None]) -> Sheet:
    """Let `model` make the change in the stylesheet `text`; raises `EngineError`."""
    arms: list[Arm] = []

    async def edit(arm: str, form: Format | None, engine: Engine) -> None:
        advance(arm)
        if form is None:
            found = await _article(engine, model.chat, text)
        else:
            found = await ask(form, engine, model.chat, text, "css", INSTRUCTION)
        arms.append(_arm(arm, text, found))

    async with running(model, CONTEXT) as engine:
        await edit("full rewrite", "whole", engine)
        await edit("the article's format", None, engine)
        await edit("search and replace", "search", engine)
        await edit("ours", "ours", engine)
    async with running(model, CONTEXT, draft=True) as engine:
        await edit("ours, drafted", "ours", engine)
        draft = (await engine.stats()).draft
    data = hashlib.sha256(text.encode()).hexdigest()
    return Sheet(name, data, len(split_lines(text)), model.name, draft, arms)


async def _article(engine: Engine, chat: Chat, text: str) -> Edit:
    """The edit in the article's format, by the model alone: no grammar, no early end."""
    asked = plain(f"Input:\n```css\n{text}```\nTask: {INSTRUCTION}\nOutput:")
    prompt = f"{chat.system}{_ARTICLE}{chat.user}{asked}{chat.assistant}```css\n"
    request = Request(
        1, prompt, max_tokens=SPARSE_TOKENS, stop=("\n```", *chat.stop), document="sheet"
    )
    answer, cost = await whole_answer(engine, request)
    merger = Merger(text, False, parse(text, "css"))
    for line in answer.split("\n"):
        merger.push(line)
    return merged(text, merger.finish(cost.reason == "stop"), answer, True, cost)


def _arm(name: str, old: str, found: Edit) -> Arm:
    rest, before = without_size(old)
    rest_now, after = without_size(found.unseen)
    elsewhere = changed_bytes(rest, rest_now)
    cost = found.cost
    return Arm(
        name,
        cost.new_tokens,
        cost.passes,
        cost.prefilled_tokens,
        round(cost.prefill_ms, 1),
        round(cost.decode_ms, 1),
        elsewhere,
        not elsewhere and before != after and after == [VALUE],
        found.flagged,
        found.reason,
        found.answer,
    )


def without_size(text: str) -> tuple[list[str], list[str]]:
    """The lines of a stylesheet without the font sizes of `body`, and these."""
    rest: list[str] = []
    sizes: list[str] = []
    inside = False
    for line in split_lines(text):
        found = _FONT_SIZE.fullmatch(body(line)) if inside else None
        if found:
            sizes.append(found[1])
        else:
            rest.append(line)
        inside = re.match(r"body\s*\{", line) is not None or (inside and "}" not in line)
    return rest, sizes


def changed_bytes(old: Sequence[str], new: Sequence[str]) -> int:
    """How many bytes lines that differ have, on the longer side."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return sum(
        max(len("".join(old[a:b]).encode()), len("".join(new[c:d]).encode()))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )
