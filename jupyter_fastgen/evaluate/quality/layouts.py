"""Other ways to show a notebook to the same model, as baselines: less of it, more, or as peers do.

A peer's layout is told by the text on both sides of the cursor that it would send: the notebook
is made over into one cell that holds just that, and asked for with the usual prompt. What comes
back is cut as ours is, so that only the layouts differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from ...completion.context import SEPARATOR, Budget, comment_mark, guess_tokens
from ...completion.prompt import Template
from ...completion.service import Options
from ...document import Cell, Cursor

Layout = Literal["all", "cell-only", "llama-vim", "continue", "unbudgeted"]

CONTEXT = 4096
"""Tokens of KV cache, for all layouts but `unbudgeted`."""

WHOLE_CONTEXT = 32_768
"""What the default model was made for: as much of a notebook as goes in."""

VIM_LINES = (256, 64)
"""llama.vim's `n_prefix` and `n_suffix` (ggml-org/llama.vim, commit a1c8e6e)."""

VIM_BATCH = 1024
"""The `-b` that llama.vim recommends: llama.cpp's `/infill` gives three quarters of it to the
prefix, and one to the suffix."""

VIM_HEADER = "<|repo_name|>myproject\n<|file_sep|>filename\n"
"""What llama.cpp's `/infill` puts before the prefix where there is no other context."""

CONTINUE_TOKENS = (307, 204)
"""Continue's 1,024 prompt tokens: 30 % of them prefix, 20 % suffix (commit d0a3c0b)."""


def context_tokens(layout: Layout) -> int:
    """The KV cache that `layout` needs."""
    return WHOLE_CONTEXT if layout == "unbudgeted" else CONTEXT


def options(layout: Layout, anchored: bool, suffix_tokens: int) -> Options:
    """How the service makes prompts of what `arrange` gives. Peers know no anchors."""
    if layout in ("all", "cell-only"):
        return Options(Budget(suffix=suffix_tokens), anchored)
    if layout == "unbudgeted":
        return Options(Budget(0, 12_000, 8_000), anchored)
    # More than what the peer's own limits leave.
    return Options(Budget(0, VIM_BATCH, VIM_BATCH // 2), anchored=False)


def framed(layout: Layout, template: Template) -> Template:
    """`template` with what the layout puts before the prefix."""
    if layout == "llama-vim" and template.suffix:
        return replace(template, prefix=VIM_HEADER + template.prefix)
    return template


def arrange(layout: Layout, cursor: Cursor) -> Cursor:
    """The same place in the document that `layout` shows."""
    document = cursor.document
    if layout == "all":
        return cursor
    if layout == "cell-only":
        return replace(cursor, document=replace(document, cells=[document.cells[cursor.index]]))
    if layout == "continue":
        before, after = _joined(cursor, _quoted)
        before = _last_lines(before, CONTINUE_TOKENS[0])
        after = _first_lines(after, CONTINUE_TOKENS[1])
    else:
        mark = comment_mark(document.language)
        before, after = _joined(cursor, lambda text: _comments(text, mark))
        if layout == "llama-vim":
            before, after = _as_vim(before, after)
    shown = replace(document, cells=[Cell("all", "code", before + after)])
    return Cursor(shown, "all", len(before))


def _joined(cursor: Cursor, note: Callable[[str], str]) -> tuple[str, str]:
    """The text of all cells on both sides of the cursor, blank lines between them."""

    def texts(some: Sequence[Cell]) -> list[str]:
        rendered = (c.source if c.type == "code" else note(c.source) for c in some)
        return [text for text in rendered if text.strip()]

    cells, index = cursor.document.cells, cursor.index
    before = SEPARATOR.join([*texts(cells[:index]), cursor.before])
    after = SEPARATOR.join([cursor.after, *texts(cells[index + 1 :])])
    return before, after


def _comments(text: str, mark: str) -> str:
    return "\n".join(f"{mark} {line}".rstrip() for line in text.split("\n") if line.strip())


def _quoted(text: str) -> str:
    """A text cell as Continue shows it: a string over several lines."""
    return f'"""\n{text}\n"""'


def _as_vim(before: str, after: str) -> tuple[str, str]:
    """Cut as llama.vim and then llama.cpp do. The cursor's own line comes on top of the prefix."""
    *above, line = before.split("\n")
    rest, *below = after.split("\n")
    head = _last_lines("\n".join([*above[-VIM_LINES[0] :], ""]), VIM_BATCH * 3 // 4)
    room = VIM_BATCH // 4 - 2 - guess_tokens(line)
    return head + line, _first_lines("\n".join([rest, *below[: VIM_LINES[1]]]), room)


def _last_lines(text: str, tokens: int) -> str:
    """`text` without its first lines, so that it has at most about `tokens`."""
    while "\n" in text and guess_tokens(text) > tokens:
        text = text[text.index("\n") + 1 :]
    return text


def _first_lines(text: str, tokens: int) -> str:
    """`text` without its last lines, so that it has at most about `tokens`."""
    while "\n" in text and guess_tokens(text) > tokens:
        text = text[: text.rindex("\n")]
    return text
