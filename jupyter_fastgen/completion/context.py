"""Cells of a document -> the text a prompt is made of: budgeted, and stable from key to key.

What stands above the cursor's cell must come out the same at each key, or the
KV cache is lost. So cells are rendered whole, and when they outgrow the budget
the window's start moves by a quarter of it at once, on a cell boundary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..document import Cell, Cursor
from . import relevance

CHARS_PER_TOKEN = 3.2
"""Of Qwen's tokenizer on notebook code, digits aside; only budgets rest on it."""

ANSWER_TOKENS = 128
"""Of a context, kept for the answer."""

SAFETY = 0.75
"""Of a context that is planned for: token counts are guessed."""

SEPARATOR = "\n\n"

_DENSE = re.compile(r"[0-9]|[^\x00-\x7f]")

_COMMENTS = {
    "//": "javascript typescript java scala c c++ cpp csharp c# rust go kotlin swift groovy php",
    "--": "sql haskell lua ada",
    "%": "matlab octave tex latex prolog erlang",
    ";": "scheme clojure lisp racket",
}
_COMMENT_OF = {
    language: mark for mark, languages in _COMMENTS.items() for language in languages.split()
}


@dataclass(frozen=True)
class Budget:
    """Tokens of the prompt: `above` the cursor's cell, within the cell, and in the suffix."""

    above: int = 1024
    cell: int = 768
    suffix: int = 64

    def within(self, context: int) -> Budget:
        """The budget cut down to an engine's context in tokens, where that is known (not 0)."""
        room = max(0.0, (context - ANSWER_TOKENS) * SAFETY)
        wanted = self.above + self.cell + self.suffix * 3 // 2
        if not context or wanted <= room:
            return self
        scale = room / wanted
        return Budget(int(self.above * scale), int(self.cell * scale), int(self.suffix * scale))


@dataclass(frozen=True)
class View:
    """What a prompt may hold, seen from one cursor.

    `above`: the cells before, as text. `before`, `after`: the cursor's cell on
    both sides of it. `below`: the next code cell, shortened.
    """

    cell: str
    above: str
    before: str
    after: str
    below: str


def comment_mark(language: str) -> str:
    """What starts a comment line in `language`; `#` where it is unknown."""
    return _COMMENT_OF.get(language.lower(), "#")


def view(cursor: Cursor, budget: Budget, start: int = 0, known: str = "") -> tuple[View, int]:
    """See a document from `cursor`, with the window starting at cell `start` or later.

    `known`: what is said of kernel and modules; it stands first, in the room of the cells.
    Returns the view and the window's start, to be passed in at the next key.
    """
    document, index = cursor.document, cursor.index
    mark = comment_mark(document.language)
    texts = relevance.texts(document.cells[:index], mark)
    start = _window(texts, budget.above - guess_tokens(known), min(start, index))
    rendered = texts[start:]
    if document.language.lower() not in ("", "python", "ipython"):
        rendered.insert(0, f"{mark} Language: {document.language}")
    rendered.insert(0, known)
    return (
        View(
            cell=cursor.cell,
            above=SEPARATOR.join(text for text in rendered if text),
            before=_last_lines(cursor.before, budget.cell),
            after=_first_lines(cursor.after, budget.suffix),
            below=_below(document.cells[index + 1 :], budget),
        ),
        start,
    )


def _window(texts: Sequence[str], budget: int, start: int) -> int:
    """The first cell of the window: it moves only when the text is too long, then by a quarter."""
    sizes = [guess_tokens(text) + 1 if text else 0 for text in texts]
    if sum(sizes[start:]) <= budget:
        # Cells were removed, or another cell is edited: take back what fits with the same slack.
        while start > 0 and sum(sizes[start - 1 :]) <= budget * 3 // 4:
            start -= 1
        return start
    while start < len(texts) and sum(sizes[start:]) > budget * 3 // 4:
        start += 1
    return start


def _below(cells: Sequence[Cell], budget: Budget) -> str:
    following = next(
        (c.source.strip("\n") for c in cells if c.type == "code" and c.source.strip()), ""
    )
    return _first_lines(following, budget.suffix // 2)


@lru_cache(maxsize=4096)
def guess_tokens(text: str) -> int:
    """About how many tokens `text` has: each digit is one, and each sign outside of ASCII."""
    dense = len(_DENSE.findall(text))
    return dense + int((len(text) - dense) / CHARS_PER_TOKEN)


def _most_characters(text: str, tokens: int) -> int:
    """Characters of `text` that are about `tokens` tokens; a power of two times the least.

    So coarse, because what is typed must not move where the text is cut.
    """
    limit, least = int(tokens * CHARS_PER_TOKEN), tokens
    while limit > least and guess_tokens(text) * limit > tokens * len(text) * 1.2:
        limit //= 2
    return max(limit, least)


def _first_lines(text: str, tokens: int) -> str:
    """At most about `tokens` from the start, cut at a line end where there is one."""
    limit = _most_characters(text[: tokens * 4], tokens)
    if len(text) <= limit:
        return text
    end = text.rfind("\n", 0, limit)
    return text[: end if end > 0 else limit]


def _last_lines(text: str, tokens: int) -> str:
    """At most about `tokens` from the end; the start moves in steps of half of that."""
    limit = _most_characters(text[-tokens * 4 :], tokens)
    if len(text) <= limit:
        return text
    step = max(1, limit // 2)
    skipped = (len(text) - limit + step - 1) // step * step
    start = text.find("\n", skipped)
    return text[start + 1 :] if 0 <= start < len(text) - 1 else text[skipped:]
