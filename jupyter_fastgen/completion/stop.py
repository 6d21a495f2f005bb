"""Where a suggestion ends, decided while it streams.

Every rule looks only at what came before the place where it ends the text, so the
outcome is the same however the answer was cut into pieces.
"""

from __future__ import annotations

import re

MOST_LINES = 12
"""Of a suggestion of several lines; more is read by nobody before typing on."""

MOST_BREAKS = 2
"""Line breaks before the first text; a model that writes more has nothing to say."""

# Bidirectional controls and invisible characters can make code read as what it is not
# (CVE-2021-42574): all of Unicode's category Cf. The joiners stay: emoji and some scripts are built
# with them. Carriage returns go too: the editor's line break is "\n".
_HIDDEN = re.compile(
    "[\r\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)

_BLOCK_OPENER = re.compile(r"[:{(\[]\s*(?:#.*)?$")

_OPENERS = {")": "(", "]": "[", "}": "{"}

_QUOTES = "\"'"

_GO_ON = (")", "]", "}", "else", "elif", "except", "finally")
"""What may start a less indented line of the same block."""


def visible(text: str) -> str:
    """The text without signs that nobody sees."""
    return _HIDDEN.sub("", text)


def wants_block(before: str, after: str) -> bool:
    """Whether several lines are worth suggesting at this cursor.

    So in an empty cell, where nobody has begun to say what it is to hold, and on a fresh line
    under a comment or under a line that opens a block; anywhere else one line.
    """
    line = before[before.rfind("\n") + 1 :]
    if line.strip() or after.split("\n", 1)[0].strip():
        return False
    head = before.rstrip()
    if not head and not after.strip():
        return True
    last = head.rsplit("\n", 1)[-1]
    return bool(_BLOCK_OPENER.search(last)) or last.lstrip().startswith(("#", "//"))


class Cutter:
    """Takes the answer piece by piece and gives what may be shown, until `ended`.

    `complete` says that a rule ended it, and not the engine; `block` that it has several lines.

    One line ends at its line break, or becomes a block where it opens one; leading line breaks
    are kept, so that after a finished line the next one is suggested, but not in an empty cell.
    A block ends at two blank lines, at a dedent (at the margin: at a blank line below code), or
    after `MOST_LINES`. An answer ends before it closes the bracket or string that the text right of
    the cursor closes; what else repeats that text, or the line below, is held back and dropped.
    """

    def __init__(self, before: str, after: str, block: bool) -> None:
        line = before[before.rfind("\n") + 1 :]
        self._line = line
        self._indent = len(line) if not line.strip() else _indentation(line)
        self._tail = after.split("\n", 1)[0].rstrip()
        below = next((text for text in after.split("\n")[1:] if text.strip()), "")
        self._next = below.strip()
        self._next_indent = _indentation(below)
        self.block = block
        self._is_empty = not (before.strip() or after.strip())
        self._opener = 0
        self._text = ""
        self._shown = 0
        self.ended = False
        self.complete = False

    def push(self, piece: str) -> str:
        """The text that may be shown now, after `piece` came."""
        if self.ended:
            return ""
        self._text += visible(piece)
        text = self._text.lstrip("\n")
        if self._is_empty and text and len(self._text) - len(text) <= MOST_BREAKS:
            self._text = text
        end, sure = self._end()
        if end is not None:
            self.complete = True
            self._text = self._text[:end]
            return self.finish()
        return self._show(self._without_held(self._text[:sure]))

    def finish(self) -> str:
        """The rest, when the answer is over."""
        self.ended = True
        text = self._text.rstrip()
        if self._next and text.strip() == self._next:
            text = ""
        elif self._tail and text.endswith(self._tail) and not _closes(self._tail):
            text = text[: -len(self._tail)]
        return self._show(len(text))

    def _show(self, end: int) -> str:
        piece = self._text[self._shown : end]
        self._shown = max(self._shown, end)
        return piece

    def _without_held(self, text: str) -> int:
        """Length of `text` less what at its end may turn out not to be shown."""
        body = text.rstrip()
        if self._next and self._next.startswith(body.strip()):
            return 0
        for length in range(min(len(self._tail), len(body)), 0, -1):
            if body.endswith(self._tail[:length]):
                return len(body) - length
        return len(body)

    def _end(self) -> tuple[int | None, int]:
        """Where the answer ends, None while it may go on; and how much of it is sure to stay."""
        text = self._text
        head = len(text) - len(text.lstrip())
        if text.count("\n", 0, head) > MOST_BREAKS:
            return 0, 0
        end, sure = (None, len(text)) if self.block else (_find(text, "\n", head), len(text))
        if end is not None and not self._tail and self._opens_block(end):
            self.block = True
        if self.block:
            end, sure = self._block_end()
        if _closes(self._tail):
            closed = _closing(text if end is None else text[:end], self._tail[0])
            end = end if closed is None else closed
        return end, sure

    def _opens_block(self, end: int) -> bool:
        """Whether the line that ends at `end` of the answer does; its block must be deeper."""
        line = (self._line + self._text[:end]).rsplit("\n", 1)[-1]
        indent = _indentation(line) + 1
        if not _BLOCK_OPENER.search(line) or (self._next and self._next_indent >= indent):
            return False
        self._indent = indent
        self._opener = self._text.count("\n", 0, end)
        return True

    def _block_end(self) -> tuple[int | None, int]:
        lines = self._text.split("\n")
        end = -1
        for number, line in enumerate(lines[:-1]):
            end += len(line) + 1
            if number < self._opener:
                continue
            following = lines[number + 1]
            start = following.strip()
            terminated = number + 2 < len(lines)
            if number + 1 >= MOST_LINES:
                return end, end
            if not start:
                if number and not line.strip() and terminated:
                    return end, end
            elif _indentation(following) < self._indent:
                if not start.startswith(_GO_ON):
                    if terminated or not any(word.startswith(start) for word in _GO_ON):
                        return end, end
                    return None, end
            elif (
                self._indent == 0
                and not line.strip()
                and not _indentation(following)
                and not all(map(_is_comment, lines[:number]))
            ):
                return end, end
        return None, len(self._text)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//", "--"))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _find(text: str, what: str, start: int) -> int | None:
    found = text.find(what, start)
    return found if found >= 0 else None


def _closes(tail: str) -> bool:
    """Whether the text right of the cursor starts by closing a bracket or a string."""
    return tail[:1] in _OPENERS or (tail != "" and tail[0] in _QUOTES)


def _closing(text: str, closer: str) -> int | None:
    """Where `text` closes what was open before it with `closer`, None where it does not."""
    quote = closer if closer in _QUOTES else ""
    open_brackets: list[str] = []
    escaped = False
    for index, character in enumerate(text):
        if quote:
            if character == quote and not escaped:
                if quote == closer:
                    return index
                quote = ""
            escaped = character == "\\" and not escaped
        elif character in _QUOTES:
            quote = character
        elif character in _OPENERS.values():
            open_brackets.append(character)
        elif character in _OPENERS:
            if open_brackets and open_brackets[-1] == _OPENERS[character]:
                open_brackets.pop()
            elif character == closer:
                return index
    return None
