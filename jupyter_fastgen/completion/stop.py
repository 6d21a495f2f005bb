"""Where a suggestion ends, decided while it streams."""

from __future__ import annotations

import re

MOST_LINES = 12
"""Of a suggestion of several lines; more is read by nobody before typing on."""

# Bidirectional controls and invisible characters can make code read as what it is not
# (CVE-2021-42574). The zero-width joiner stays: emoji are built with it.
_HIDDEN = re.compile(
    "[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)

_OPENER = re.compile(r"[:{(\[]\s*(?:#.*)?$")


def wants_block(before: str, after: str, above: str) -> bool:
    """Whether several lines are worth suggesting at this cursor.

    So on a fresh line under a line that opens a block, and in an empty cell
    under a comment or a text cell; anywhere else one line.
    """
    line = before[before.rfind("\n") + 1 :]
    if line.strip() or after.split("\n", 1)[0].strip():
        return False
    head = before.rstrip()
    if not head:
        last = above.rsplit("\n", 1)[-1]
        return last.startswith(("#", "//", "--"))
    last = head.rsplit("\n", 1)[-1]
    return bool(_OPENER.search(last)) or last.lstrip().startswith(("#", "//"))


class Cutter:
    """Takes the answer piece by piece and gives what may be shown, until `ended`.

    `complete` says that a rule ended it, and not the engine.

    One line ends at its line break; leading line breaks are kept, so that after a
    finished line the next one is suggested. A block ends at a blank line followed by
    something less indented, at a dedent, or after `MOST_LINES`. What repeats the text
    right of the cursor is held back and dropped.
    """

    def __init__(self, before: str, after: str, block: bool) -> None:
        line = before[before.rfind("\n") + 1 :]
        self._indent = len(line) if not line.strip() else _indentation(line)
        self._tail = after.split("\n", 1)[0].rstrip()
        self._next = next((text.strip() for text in after.split("\n")[1:] if text.strip()), "")
        self._at_line_start = not line.strip()
        self._block = block
        self._text = ""
        self._shown = 0
        self.ended = False
        self.complete = False

    def push(self, piece: str) -> str:
        """The text that may be shown now, after `piece` came."""
        if self.ended:
            return ""
        self._text += _HIDDEN.sub("", piece).replace("\r\n", "\n")
        end = self._end()
        if end is not None:
            self.complete = True
            self._text = self._text[:end]
            return self.finish()
        return self._show(len(self._text) - self._held())

    def finish(self) -> str:
        """The rest, when the answer is over."""
        self.ended = True
        text = self._text.rstrip()
        if self._tail and text.endswith(self._tail):
            text = text[: -len(self._tail)]
        if self._next and text.strip() == self._next:
            text = ""
        return self._show(len(text))

    def _show(self, end: int) -> str:
        piece = self._text[self._shown : end]
        if piece.strip() or (self._shown and piece):
            self._shown = max(self._shown, end)
            return piece
        return ""

    def _held(self) -> int:
        """Characters at the end that may turn out not to be shown."""
        held = len(self._text) - len(self._text.rstrip())
        body = self._text[: len(self._text) - held]
        for length in range(min(len(self._tail), len(body)), 0, -1):
            if body.endswith(self._tail[:length]):
                return held + length
        if self._next and self._next.startswith(body.strip()[:200]):
            return len(self._text) - self._shown
        return held

    def _end(self) -> int | None:
        """Where the answer ends, None while it may go on."""
        body = len(self._text) - len(self._text.lstrip("\n"))
        if not self._text.strip():
            # Nothing but white space, line after line: the model has nothing to say.
            return 0 if self._text.count("\n") > 2 else None
        if not self._block:
            stop = self._text.find("\n", body + _blank(self._text[body:]))
            return stop if stop >= 0 else None
        return self._block_end()

    def _block_end(self) -> int | None:
        lines = self._text.split("\n")
        position = 0
        for number, line in enumerate(lines[:-1]):
            position += len(line) + 1
            following = lines[number + 1]
            complete = number + 2 < len(lines) or (following.strip() and following[0:1].strip())
            if number + 1 >= MOST_LINES:
                return position - 1
            if not complete or not following.strip():
                if not line.strip() and number and not following.strip():
                    return position - 1
                continue
            if _indentation(following) < self._indent and not following.lstrip().startswith(
                (")", "]", "}", "else", "elif", "except", "finally")
            ):
                return position - 1
            if (
                not line.strip()
                and number
                and _indentation(following) <= self._indent
                and self._indent == 0
            ):
                return position - 1
        return None


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _blank(text: str) -> int:
    return len(text) - len(text.lstrip())
