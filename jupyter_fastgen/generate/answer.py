"""What of an answer is code, known while it is written. Pure."""

from __future__ import annotations

from ..completion.stop import visible


class Code:
    """Takes an answer piece by piece and gives its code.

    Blank lines at both ends are left out, and a second opening fence; a fence that closes at once
    ends it. The first line keeps its indentation.
    """

    def __init__(self, fence: str) -> None:
        self._fence = fence
        self._held = ""
        self._begun = False
        self.ended = False
        """Whether a fence closed it before there was any code."""

    def push(self, piece: str) -> str:
        """What may be handed on now; blank ends are held until more follows."""
        if self.ended:
            return ""
        self._held += visible(piece)
        if not self._begun and not self._begins():
            return ""
        text = self._held.rstrip()
        self._held = self._held[len(text) :]
        return text

    def rest(self) -> str:
        """What was held for nothing, at the answer's end."""
        held = "" if self._begun or self.ended else self._held.rstrip()
        return "" if held.strip().startswith(self._fence) else held

    def _begins(self) -> bool:
        """Drop what stands before the code; whether the first line of it is known to be code."""
        while True:
            line, end, behind = self._held.partition("\n")
            said = line.strip()
            opens = said.startswith(self._fence)
            if not end:
                # It may be indentation, or grow into a fence.
                self._begun = bool(said) and not opens and not self._fence.startswith(said)
                return self._begun
            if said == self._fence:
                self.ended = True
                return False
            if said and not opens:
                self._begun = True
                return True
            self._held = behind
