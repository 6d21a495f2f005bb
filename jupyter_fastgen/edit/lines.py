"""Lines of a text, with nothing lost: their ends, a byte order mark, the last line's end. Pure.

Only `\\n` ends a line, with or without a `\\r` before it, as in tree-sitter's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    """How `line` ends: `\\n`, `\\r\\n`, or "" on a last line that is not ended."""
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""


def indent(text: str) -> int:
    """How many spaces and tabs `text` begins with."""
    return len(text) - len(text.lstrip(" \t"))


def replaced(text: str, changes: Iterable[tuple[int, int, Sequence[str]]]) -> str:
    """`text` with lines [start, end) replaced by bodies, for changes in order.

    A line ends as the one whose place it takes, or as its neighbour. A byte order mark stays in
    front, and the last line is ended if that of `text` is.
    """
    mark = BOM if text.startswith(BOM) else ""
    lines = split_lines(text)
    if not lines:
        return "\n".join(line for _, _, new in changes for line in new)
    found: list[tuple[str, str]] = []
    at = 0
    for start, end, new in changes:
        found += ((body(line), line_end(line)) for line in lines[at:start])
        found += ((line, _end_at(lines, min(start + n, end - 1))) for n, line in enumerate(new))
        at = end
    found += ((body(line), line_end(line)) for line in lines[at:])
    bodies = [line + (end or _end_at(lines, len(lines))) for line, end in found[:-1]]
    last = found[-1][0] + line_end(lines[-1]) if found else ""
    return "".join([mark, *bodies, last])


def _end_at(lines: Sequence[str], at: int) -> str:
    """How a line ends that comes to stand at `at`: as the one there, or a neighbour."""
    near = (lines[index] for index in (at, at - 1, at + 1) if 0 <= index < len(lines))
    return next((end for line in near if (end := line_end(line))), "\n")
