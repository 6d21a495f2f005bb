"""Fill-in-the-middle prompts whose KV cache survives typing.

A Qwen-coder prompt is `<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>`: typing
changes the end of P, and all behind it is computed again. Here P ends at an
*anchor*, the end of a line above the cursor; what follows goes behind
`<|fim_middle|>` as forced text, which typing only appends to (the transformation
of EFIM, arXiv 2505.21889).

Forced text must end where a token may end. So the last pre-token is cut off it
(token healing) and the model is bound to begin with what was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .context import SEPARATOR, View

_CLOSERS = ")]}\"'`"

# Qwen2's pre-tokenizer: letters with one leading sign or space, single digits, signs, white space.
_LETTER = r"[^\W\d_]"
_PRETOKEN = re.compile(
    rf"'(?:[sdmtSDMT]|ll|ve|re)|(?:[^\r\n\w]|_)?{_LETTER}+|\d| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Template:
    """How a model wants to be asked: the special tokens around prefix, suffix and middle.

    Without `suffix` the model continues the prefix and sees nothing below.
    """

    prefix: str
    suffix: str
    middle: str
    stop: tuple[str, ...] = ()


TEMPLATES = {
    "qwen": Template(
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        (
            "<|endoftext|>",
            "<|fim_prefix|>",
            "<|fim_suffix|>",
            "<|fim_pad|>",
            "<|repo_name|>",
            "<|file_sep|>",
        ),
    ),
    "prefix-only": Template("", "", "", ("<|endoftext|>", "<|im_end|>")),
}
"""By the catalog's `fim`."""


@dataclass(frozen=True)
class Anchor:
    """Where the prefix ends: `head` of the cell is prefix, the rest of it forced text."""

    cell: str
    above: str
    head: str
    after: str
    below: str


@dataclass(frozen=True)
class Prompt:
    """`text` for the engine, and `begin`, which the answer must begin with."""

    text: str
    begin: str
    anchor: Anchor


def build(
    view: View,
    template: Template,
    last: Anchor | None = None,
    anchored: bool = True,
    ahead: str = "",
) -> Prompt:
    """The prompt for `view`, on the anchor `last` where that still holds.

    Without `anchored` the usual prompt: the prefix ends at the cursor. `ahead` is text behind the
    cursor, as if it had been accepted.
    """
    anchor = last if last is not None and anchored and _holds(last, view) else _set(view, anchored)
    above = anchor.above + SEPARATOR if anchor.above else ""
    before = above + view.before
    # At the cell's start the separator itself is forced text: a prefix that ends in a line
    # break costs accuracy.
    head = len((above + anchor.head).rstrip()) if anchored else len(before)
    forced, begin = _heal(before[head:] + ahead)
    text = _frame(template, before[:head], anchor.after, anchor.below) + plain(forced)
    return Prompt(text, begin, anchor)


@dataclass(frozen=True)
class Branch:
    """A place in a suggestion where it could go on otherwise.

    `forced` stands before it, behind the prompt; what follows must begin with `begin`, of
    which the cursor is the end. `shown` is the part of `forced` that belongs to the suggestion.
    """

    forced: str
    begin: str
    shown: str


def branches(begin: str, suggestion: str) -> Iterator[Branch]:
    """The starts of the words in the first line of `suggestion`, which stands behind `begin`."""
    text = begin + suggestion
    for word in _PRETOKEN.finditer(text):
        start = word.start()
        if word.end() <= len(begin) or not word.group().strip():
            continue
        shown = text[len(begin) : start]
        if "\n" in shown.lstrip():
            return
        yield Branch(text[:start], text[start : len(begin)], shown)


def branched(built: Prompt, branch: Branch) -> str:
    """The text for the engine at a branch of the suggestion that came of `built`."""
    return built.text + plain(branch.forced)


def _set(view: View, anchored: bool) -> Anchor:
    """Anchor at the end of the last line with text above the cursor's line."""
    line = view.before.rfind("\n") + 1
    head = view.before[:line].rstrip() if anchored else view.before
    return Anchor(view.cell, view.above, head, view.after, view.below)


def _holds(anchor: Anchor, view: View) -> bool:
    return (
        anchor.cell == view.cell
        and view.before.startswith(anchor.head)
        and anchor.above == view.above
        and anchor.below == view.below
        and _same_after(anchor.after, view.after)
    )


def _same_after(anchored: str, after: str) -> bool:
    """Equal but for brackets and quotes that the editor closed by itself since."""
    extra = len(after) - len(anchored)
    return extra >= 0 and after[extra:] == anchored and all(c in _CLOSERS for c in after[:extra])


def _heal(forced: str) -> tuple[str, str]:
    """Split `forced` into what ends at a token boundary and what the answer must begin with."""
    line = forced.rfind("\n") + 1
    pretokens = list(_PRETOKEN.finditer(forced, line))
    if not pretokens or pretokens[-1].group().isdigit():
        return forced, ""
    last = pretokens[-1]
    return forced[: last.start()], forced[last.start() :]


def _frame(template: Template, prefix: str, after: str, below: str) -> str:
    if not template.suffix:
        return plain(prefix)
    suffix = after + (SEPARATOR + below if below else "")
    return template.prefix + plain(prefix) + template.suffix + plain(suffix) + template.middle


def plain(text: str) -> str:
    """User text that spells a special token must not become one."""
    return text.replace("<|", "< |")
