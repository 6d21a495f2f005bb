"""A block that a sparse edit shows by its first line, a marker, new lines, and its end. Pure.

Where all of the block is known, it is written out: the new lines in the place of those of the same
name, or else at its end. Nothing is left to be aligned, or taken for a line elsewhere. A second
marker behind the new lines leaves their place open, which is all the same for properties.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from .lines import indent
from .markers import Keep, read

_NAME = re.compile(r"""["']?([\w.$-]+)["']?\s*[:=](?!=)""")
_PROPERTY = re.compile(r"""["']?[\w-]+["']?\s*:\s*[^:{\s][^{]*$""")


class Nesting:
    """Writes such blocks out, as their last line comes."""

    def __init__(self, shown: Sequence[str], known: Collection[str]) -> None:
        """`shown` holds bodies of lines, `known` those that are not markers for hidden ones."""
        self._shown = shown
        self._known = {line.rstrip() for line in known}
        self._stripped = frozenset(line.strip() for line in known)
        self._before = ""
        self._body: Sequence[str] = ()
        self._held: list[str] = []

    def complete(self, line: str) -> list[str]:
        """What the next line of the answer adds; nothing as long as a block may be written out."""
        before = self._before
        if line.strip():
            self._before = line
        if self._is_marker(line):
            if len(self._held) > 1 and indent(line) == indent(self._held[0]):
                self._held.append(line)
                return []
            held = self.rest()
            if indent(before) < indent(line) and (body := self._block(before)):
                self._body, self._held = body, [line]
                return held
            return [*held, line]
        if not self._held:
            return [line]
        if line.strip() and not self._goes_on(line):
            written = self._written(line)
            self._held = []
            return [*written, line]
        self._held.append(line)
        return []

    def rest(self) -> list[str]:
        """The lines that were held for nothing."""
        held, self._held = self._held, []
        return held

    def _block(self, header: str) -> Sequence[str]:
        """The lines of the block that `header` opens, with the one that ends it; or none.

        There must be one such line, all must be shown, and the end be indented as it is.
        """
        places = [at for at, line in enumerate(self._shown) if line.rstrip() == header.rstrip()]
        if len(places) != 1:
            return ()
        start = end = places[0] + 1
        while end < len(self._shown) and indent(self._shown[end]) > indent(header):
            end += 1
        block = self._shown[start : end + 1]
        closed = end < len(self._shown) and indent(block[-1]) == indent(header)
        is_whole = closed and all(line.rstrip() in self._known for line in block)
        return block if is_whole and block[-1].strip()[:1] in "}])" else ()

    def _is_marker(self, line: str) -> bool:
        return isinstance(read(line, self._stripped), Keep)

    def _goes_on(self, line: str) -> bool:
        """Whether a line is one more new one of the block."""
        return indent(line) >= indent(self._held[0]) and line not in self._body

    def _written(self, line: str) -> list[str]:
        """The block with its new lines, if `line` ends it; else what was held."""
        *body, end = self._body
        new = [text for text in self._held[1:] if text.strip()]
        is_open = bool(new) and self._is_marker(new[-1])
        new = new[:-1] if is_open else new
        if line.rstrip() != end.rstrip() or not new or any(map(self._is_marker, new)):
            return self._held
        for text in new:
            name = _name(text)
            same = [at for at, known in enumerate(body) if name and _name(known) == name]
            if len(same) > 1 or (is_open and not same and not _PROPERTY.match(text.strip())):
                return self._held
            if same:
                body[same[0]] = text
            else:
                body.append(text)
        return body


def _name(line: str) -> str:
    found = _NAME.match(line.strip())
    return found[1] if found else ""
