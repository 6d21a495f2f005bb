"""Is a suggestion worth showing? Wrong ghost text is worse than none.

Which gates there are, and their order, follows what is cheap: memory and repetition for
any language, then what only Python can be asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..document import Cursor
from .context import comment_mark
from .lexer import is_python
from .names import MOST_CHARS
from .namespace import Namespace
from .soundness import Soundness

LINES_ABOVE = 10
"""In which a suggestion of several lines must not be contained."""

LEAST_REVERTED = 8
"""Characters of a deleted text that a suggestion must not begin with."""

_TRIVIAL = re.compile(
    r"[\W\d_]*|(?:else|try|finally) ?:|pass|return|break|continue|end|\}? ?else ?\{"
)


@dataclass(frozen=True)
class Context:
    """What a suggestion is judged by.

    `above` and `below` are the other code cells, `before` and `after` the cursor's cell on
    both sides of it, `deleted` what the person deleted a moment ago.
    """

    language: str
    above: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    below: tuple[str, ...] = ()
    namespace: Namespace | None = None
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """A suggestion is held back: by which `gate`, and `why`, in words for the person."""

    gate: str
    why: str


_BARE = Held("comment", "is the beginning of a comment, and no more")
_DELETED = Held("deleted", "brings back what you deleted a moment ago")


def context_at(
    cursor: Cursor,
    namespace: Namespace | None = None,
    deleted: tuple[str, ...] = (),
    ahead: str = "",
) -> Context:
    """The context of a cursor, behind which `ahead` stands as if accepted.

    A text cell has no language. Raises `OutOfStepError`.
    """
    document, index = cursor.document, cursor.index
    current = document.cells[index]
    sources = [c.source if c.type == "code" else "" for c in document.cells]
    return Context(
        language=document.language.lower() if current.type == "code" else "",
        above=tuple(filter(None, sources[:index])),
        before=cursor.before + ahead,
        after=cursor.after,
        below=tuple(filter(None, sources[index + 1 :])),
        namespace=namespace,
        deleted=deleted,
    )


class Gate:
    """Judges one answer while it grows; what was held once stays held."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._held: Held | None = None
        self._soundness: Soundness | None = None
        cell = context.before + context.after
        # Every key asks, and reading a cell of 5,000 lines takes 0.2 s.
        is_read = context.language in ("python", "ipython") and len(cell) <= MOST_CHARS
        if is_read and is_python(cell):
            cells = (*context.above, *context.below)
            self._soundness = Soundness(cells, context.before, context.after, context.namespace)

    def check(self, text: str, complete: bool) -> Held | None:
        """Whether the answer, which is `text` so far, is to be held back.

        Without `complete` only what no further text can change is judged.
        """
        if self._held is None and text.strip():
            self._held = self._check(text, complete)
        return self._held

    def check_cut(self, text: str) -> Held | None:
        """The same of an answer that was left within a line: it is all of it, but not whole."""
        if self._held is None and _reverts(text, True, self._context.deleted):
            self._held = _DELETED
        elif self._held is None and self._is_bare_comment(text):
            self._held = _BARE
        return self._held

    def _is_bare_comment(self, text: str) -> bool:
        return text.strip() == comment_mark(self._context.language)

    def _check(self, text: str, complete: bool) -> Held | None:
        if _reverts(text, complete, self._context.deleted):
            return _DELETED
        if why := _repeats(self._context, text, complete):
            return Held("repetition", why)
        if complete and self._is_bare_comment(text):
            return _BARE
        problem = self._soundness.problem(text, complete) if self._soundness else None
        return Held(problem.kind, problem.why) if problem else None


class Screen:
    """Lets pass what a gate allows of a growing answer.

    The first line passes as it comes, the others whole: so it is only ever all of the answer that
    must be taken back. `held` says why it passes no more, and `keeps` that what passed may stay.
    """

    def __init__(self, context: Context | None) -> None:
        """Without a context all passes."""
        self._context = context
        self._gate = Gate(context) if context else None
        self._text = ""
        self._passed = 0
        self._good = 0
        self.held: Held | None = None
        self.keeps = False

    def push(self, piece: str) -> str:
        """The text that may be shown now, after `piece` came."""
        start = len(self._text)
        self._text += piece
        for line in re.finditer("\n", self._text):
            end = line.start()
            if end >= start and self._text[:end].strip():
                self._check(end + 1, complete=False)
                if self.held is None:
                    self._good = end
        self._check(len(self._text), complete=False)
        return self._pass(self._good or len(self._text))

    def finish(self, complete: bool) -> str:
        """The rest, when the answer is over; not `complete`: it was cut off."""
        self._check(len(self._text), complete)
        return self._pass(len(self._text))

    def cut(self) -> None:
        """The answer was left within a line, and what has passed is all of it."""
        if self._gate is not None and self.held is None:
            self.held = self._gate.check_cut(self._text[: self._passed])

    def _check(self, end: int, complete: bool) -> None:
        if self._gate is None or self._context is None or self.held is not None:
            return
        self.held = self._gate.check(self._text[:end], complete)
        if self.held is not None and self._good:
            kept = Gate(self._context).check(self._text[: self._good], complete=True)
            self.keeps = kept is None

    def _pass(self, end: int) -> str:
        if self.held is not None:
            end = self._good if self.keeps else self._passed
        piece = self._text[self._passed : end]
        self._passed = max(self._passed, end)
        return piece


def _reverts(text: str, complete: bool, deleted: tuple[str, ...]) -> bool:
    start = text.lstrip()
    for old in (old.strip() for old in deleted):
        if len(old) >= LEAST_REVERTED and start.startswith(old):
            return True
        if complete and old and start.rstrip() == old:
            return True
    return False


def _repeats(context: Context, text: str, complete: bool) -> str:
    """How the lines of `text` repeat what is around them, '' where they do not."""
    above = context.before.split("\n")
    lines = (above.pop() + text).split("\n")
    if not text.split("\n", 1)[0].strip():
        above.append(lines.pop(0))  # that line stood there before
    if complete and lines:
        lines[-1] += context.after.split("\n", 1)[0]
    else:
        lines = lines[:-1]
    own = _normal(lines)
    near = _normal(above)
    below = _normal(context.after.split("\n")[1:])
    if own and not _TRIVIAL.fullmatch(own[0].strip()):
        if own[0] in near[-1:]:
            return "repeats the line above"
        if own[0] in below[:1]:
            return "repeats the line below"
    for index, line in enumerate(own):
        previous = (near + own[:index])[-2:]
        if previous == [line, line] and not _TRIVIAL.fullmatch(line.strip()):
            return "writes the same line a third time"
    if complete and len(own) > 1:
        window = (_normal("\n".join(context.above).split("\n")) + near)[-LINES_ABOVE:]
        if any(window[n : n + len(own)] == own for n in range(len(window))):
            return "repeats the lines above"
    return ""


def _normal(lines: list[str]) -> list[str]:
    """The lines with text, the white space within made equal; indentation tells lines apart."""
    return [
        line[: len(line) - len(line.lstrip())] + " ".join(line.split())
        for line in lines
        if line.strip()
    ]
