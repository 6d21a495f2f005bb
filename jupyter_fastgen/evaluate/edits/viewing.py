"""How often what is shown of a long text holds what a commit changed in it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ...completion.context import guess_tokens
from ...edit.blocks import Forest, parse
from ...edit.difference import Change, changes
from ...edit.outline import View, outline
from ...edit.service import SHOWN_TOKENS
from ..stats import Spread, share, spread
from .pairs import Pair, bodies
from .sparse import DEFINITIONS
from .tasks import load_tasks

LOCAL = 40
"""Lines from the first change to the last one of an edit that is in one place."""

TOKENS = (256, 512, SHOWN_TOKENS, 1024, 2048)

WORDS = 3

_WORD = re.compile(r"[^\W\d]\w{2,}")


class Outcome(msgspec.Struct, frozen=True):
    """Of some edits: shares of 0 to 1, tokens of what is shown, milliseconds of the processor.

    `found` are the edits of which all changed lines are shown, `shown` is of the text's lines.
    """

    edits: int
    found: float
    shown: float
    tokens: Spread
    ms: Spread


class _Seen(NamedTuple):
    found: bool
    shown: float
    tokens: int
    ms: float


def measure(pairs: Sequence[Pair], seed: int) -> dict[str, dict[str, Outcome]]:
    """Outcomes by what says what to do, and by the tokens to be shown.

    Only edits in one place count, and of texts that are longer than that.
    """
    seen: dict[str, dict[str, list[_Seen]]] = {}
    for n, pair in enumerate(pairs):
        old, found = bodies(pair.before), changes(bodies(pair.before), bodies(pair.after))
        if found[-1].old_end - found[0].old_start > LOCAL:
            continue
        new = "\n".join(_new(pair, change) for change in found)
        words = sorted(set(_WORD.findall(new)))
        some = " ".join(random.Random(f"{seed} {n}").sample(words, min(WORDS, len(words))))
        forest = parse(pair.before, pair.grammar)
        name = _definition(forest, found[0])
        asked = {"its definition": name, "its words": some, "both": f"{name} {some}" * bool(name)}
        for kind, instruction in asked.items():
            _look(seen.setdefault(kind, {}), old, found, pair.grammar, instruction)
    own = seen.setdefault("our own instructions", {})
    for task in load_tasks()[0]:
        old = bodies(task.text)
        _look(own, old, changes(old, bodies(task.solution)), task.language, task.instruction)
    return {
        kind: {tokens: _outcome(results) for tokens, results in by_tokens.items()}
        for kind, by_tokens in seen.items()
    }


def _look(
    seen: dict[str, list[_Seen]],
    old: Sequence[str],
    found: Sequence[Change],
    language: str,
    instruction: str,
) -> None:
    """Add what is seen of a text with each number of tokens that is less than it has."""
    text = "\n".join(old)
    size = guess_tokens(text)
    if not instruction.strip() or size <= min(TOKENS):
        return
    blocks = parse(text, language).blocks
    for tokens in (most for most in TOKENS if most < size):
        start = time.thread_time()
        view = outline(old, blocks, language, instruction, [], tokens)
        ms = 1000 * (time.thread_time() - start)
        seen.setdefault(str(tokens), []).append(_seen(view, found, len(old), ms))


def _definition(forest: Forest, change: Change) -> str:
    """What the innermost definition around a change is called; "" without one."""
    around = forest.enclosing(change.old_start)
    return next((block.label for block in reversed(around) if block.kind in DEFINITIONS), "")


def _new(pair: Pair, change: Change) -> str:
    return "\n".join(bodies(pair.after)[change.new_start : change.new_end])


def _seen(view: View, found: Sequence[Change], size: int, ms: float) -> _Seen:
    shown = {line for n, line in enumerate(view.starts[:-1]) if n not in view.hidden}

    def holds(change: Change) -> bool:
        """All lines that go are shown, or a neighbour of those that come."""
        start, end = change.old_start, change.old_end
        return shown.issuperset(range(start, end)) and (
            start < end or bool({start - 1, start} & shown)
        )

    tokens = guess_tokens("\n".join(view.lines))
    return _Seen(all(map(holds, found)), len(shown) / size, tokens, ms)


def _outcome(results: Sequence[_Seen]) -> Outcome:
    return Outcome(
        len(results),
        share(r.found for r in results),
        sum(r.shown for r in results) / len(results),
        spread(r.tokens for r in results),
        spread(r.ms for r in results),
    )
