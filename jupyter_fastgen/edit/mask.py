"""IPython as Python of the same size, so that places in one are places in the other. Pure.

In every line the masked text has as many bytes (UTF-8) as the original.
"""

from __future__ import annotations

import re

from ..completion.lexer import PYTHON_MAGICS, tokens
from .grammars import language_of

_HEADER = re.compile(r"\s*(%%(\w+)[^\n]*)")
_TIMED = re.compile(r"%(?:time|timeit|prun|memit)\s+(?=[^\s-])")


def without_header(text: str) -> tuple[str, str]:
    """Language of a Python kernel's cell, and the cell with its `%%` line blank.

    `%%bash` makes it bash, an unknown magic plain text.
    """
    header = _HEADER.match(text)
    if header is None:
        return "python", text
    magic = header.group(2)
    language = "python" if magic in PYTHON_MAGICS else language_of(magic)
    return language, text[: header.start(1)] + _blank(header.group(1)) + text[header.end(1) :]


def mask(text: str) -> str:
    """`text` with a `pass`, a number or a name in place of each magic, `!` command and `?` help."""
    parts: list[str] = []
    at = 0
    try:
        magics = [token for token in tokens(text) if token.kind == "magic"]
    except RecursionError:  # hundreds of strings within each other's braces
        return text
    for token in magics:
        indent = len(token.text) - len(token.text.lstrip())
        first, *continued = token.text[indent:].split("\n")
        value = text[: token.start].rstrip(" \t").endswith("=")
        parts += [text[at : token.start + indent], _masked(first, "0#" if value else "pass#")]
        parts += ["\n" + (_over(line, "#") if line else "") for line in continued]
        at = token.end
    return "".join(parts) + text[at:]


def _masked(magic: str, code: str) -> str:
    timed = _TIMED.match(magic)
    if timed and _opens(magic):  # the statement that is timed goes on in the next lines
        return _over(magic, "0;" + " " * (timed.end() - 2))
    return _over(magic, code) if len(magic) >= len(code) else "_" * _size(magic)


def _opens(magic: str) -> bool:
    """Whether a bracket stays open; a bracket in a string counts too, which is rarely wrong."""
    return sum(map(magic.count, "([{")) > sum(map(magic.count, ")]}"))


def _over(line: str, code: str) -> str:
    """`line` with its first characters replaced by `code`; a name where they are not ASCII."""
    if line[: len(code)].isascii():
        return code + line[len(code) :]
    return "_" * _size(line)


def _blank(line: str) -> str:
    return " " * _size(line.rstrip("\r")) + "\r" * line.endswith("\r")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
