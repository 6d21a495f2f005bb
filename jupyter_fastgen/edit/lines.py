r"""Lines of a text, with nothing lost: their ends, a byte order mark, the last line's end. Pure.

Only `\n` ends a line, with or without a `\r` before it, as in tree-sitter's rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

BOM = "\ufeff"


def split_lines(text: str) -> list[str]:
    """The lines of `text`, each with its end; joined, they are `text` again."""
    lines = text.split("\n")
    last = lines.pop()
    ended = [line + "\n" for line in lines]
    return [*ended, last] if last else ended


def body(line: str) -> str:
    """A line without its end and without a byte order mark: what is compared."""
    return line.removeprefix(BOM).removesuffix("\n").removesuffix("\r")


def line_end(line: str) -> str:
    r"""How `line` ends: `\n`, `\r\n`, or "" on a last line that is not ended."""
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""


def indent(text: str) -> int:
    """How many spaces and tabs `text` begins with."""
    return len(text) - len(text.lstrip(" \t"))


class Indentation:
    """How a text is indented, to read an answer that has tabs where the text has spaces."""

    def __init__(self, bodies: Collection[str]) -> None:
        self._known = frozenset(bodies)
        self._has_tabs = any(line.startswith("\t") for line in bodies)
        self._votes = {4: 0, 2: 0, 8: 0}

    def as_base(self, line: str) -> str:
        """`line` with its tabs in front as spaces, so many as made most lines those of the text."""
        rest = line.lstrip("\t")
        tabs = len(line) - len(rest)
        if self._has_tabs or not tabs:
            return line
        spaces = indent(rest)
        for width in list(self._votes):
            if width <= spaces and len(self._votes) > 1:  # they would be one more tab
                del self._votes[width]
        for width in self._votes:
            self._votes[width] += " " * width * tabs + rest in self._known
        width = max(self._votes, key=self._votes.__getitem__)
        return " " * width * tabs + rest


def replaced(text: str, changes: Iterable[tuple[int, int, Sequence[str]]]) -> str:
    """`text` with lines [start, end) replaced by bodies, for changes in order.

    A line ends as the one whose place it takes, or as its neighbour. A byte order mark stays in
    front, and the last line is ended if that of `text` is.
    """
    mark = BOM if text.startswith(BOM) else ""
    lines = split_lines(text.removeprefix(BOM))
    if not lines:
        return mark + "\n".join(line for _, _, new in changes for line in new)
    found: list[tuple[str, str]] = []
    at = 0
    for start, end, new in changes:
        found += map(_parted, lines[at:start])
        found += ((line, _end_at(lines, min(start + n, end - 1))) for n, line in enumerate(new))
        at = end
    found += map(_parted, lines[at:])
    bodies = [line + (end or _end_at(lines, len(lines))) for line, end in found[:-1]]
    last = found[-1][0] + line_end(lines[-1]) if found else ""
    return "".join([mark, *bodies, last])


def _parted(line: str) -> tuple[str, str]:
    end = line_end(line)
    return line.removesuffix(end), end


def _end_at(lines: Sequence[str], at: int) -> str:
    """How a line ends that comes to stand at `at`: as the one there, or a neighbour."""
    near = (lines[index] for index in (at, at - 1, at + 1) if 0 <= index < len(lines))
    return next((end for line in near if (end := line_end(line))), "\n")
