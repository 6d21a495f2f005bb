"""Python of a notebook cell as tokens, however broken or unfinished it is.

The standard tokenizer stops at the first error and knows no magics; what a person
is in the middle of writing has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "number", "string", "op", "newline", "magic"]

PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "lprun"})
"""Cell magics whose cell is Python."""

_CELL_MAGIC = re.compile(r"\s*%%(\w+)([^\n]*)")
_SKIPPED = re.compile(r"[ \t\f]+|\\\n|#[^\n]*")
_TOKEN = re.compile(
    r"(?P<name>[^\W\d]\w*)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<op>\*\*=|//=|>>=|<<=|\.\.\.|->|:=|[-+*/%@&|^=!<>]=|\*\*|//|<<|>>|.)",
    re.DOTALL,
)
_STRING = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_PREFIXES = frozenset(("", "r", "b", "u", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"))
_MAGIC_LINE = re.compile(r"[ \t]*(?:%{1,2}[^\W\d]|!|\?{1,2}[^\W\d])(?:[^\n\\]|\\\n?)*")
_HELP_LINE = re.compile(r"[ \t]*%{0,2}[\w.*]+\?{1,2}[ \t]*(?=\n|$)")
_AUTOMAGIC = re.compile(
    r"[ \t]*(?:(?:ls|ll|cd|pwd)[ \t]*(?=\n|$)"
    r"|(?:pip|conda|mamba|ls|ll|cd|cat|cp|mv|rm|mkdir|matplotlib|load_ext|timeit|time)[ \t]+"
    r"(?!(?:and|else|for|if|in|is|not|or)\b)(?:-{1,2}\w|[\w./~])[^\n]*)"
)
"""What IPython takes for a magic without its sign."""

_MAGIC_VALUE = re.compile(r"(?:!|%[^\W\d])[^\n]*")


@dataclass(frozen=True)
class Token:
    """A token of the text at `start:end`, inside of `depth` brackets.

    A bracket stands at the depth outside of it. `closed` is False for a string without its end.
    """

    kind: Kind
    text: str
    start: int
    end: int
    depth: int
    closed: bool = True


def tokens(code: str) -> list[Token]:
    """The tokens of `code`, without comments. What an f-string evaluates follows it in braces."""
    found: list[Token] = []
    depth = at = 0
    fresh = True
    while at < len(code):
        if fresh and (magic := _magic(code, at)):
            at = magic.end()
            found.append(Token("magic", magic.group(), magic.start(), at, 0))
        elif skipped := _SKIPPED.match(code, at):
            # White space at a line's start may be that of a magic, which was looked for before.
            at = skipped.end()
            continue
        elif _is_value(found, depth) and (magic := _MAGIC_VALUE.match(code, at)):
            at = magic.end()
            found.append(Token("magic", magic.group(), magic.start(), at, 0))
        elif code[at] == "\n":
            at += 1
            if depth == 0:
                found.append(Token("newline", "\n", at - 1, at, 0))
        elif (quote := _STRING.match(code, at)) and quote.group(1).lower() in _PREFIXES:
            at = _string(code, quote, depth, found)
        else:
            at, depth = _plain(code, at, depth, found)
        fresh = depth == 0 and code[at - 1] == "\n"
    return found


def statements(found: list[Token]) -> Iterator[list[Token]]:
    """Split tokens at line ends outside of brackets and at `;`, which end their statement."""
    statement: list[Token] = []
    for token in found:
        statement.append(token)
        if ends_statement(token):
            yield statement
            statement = []
    if statement:
        yield statement


def source(code: str, statement: list[Token]) -> str:
    """The text of a statement of `code`."""
    return code[statement[0].start : max(token.end for token in statement)]


def ends_statement(token: Token) -> bool:
    """Whether a statement is finished with `token`."""
    return token.kind == "newline" or (token.text == ";" and not token.depth)


def is_open(statement: list[Token]) -> bool:
    """Whether the statement ends within brackets."""
    last = statement[-1]
    return last.depth + (last.kind == "op" and last.text in "([{") > 0


def is_python(source: str) -> bool:
    """Whether the cell is Python, and not given to another language by its cell magic."""
    magic = _CELL_MAGIC.match(source)
    return magic is None or magic.group(1) in PYTHON_MAGICS


def mask(code: str, found: list[Token] | None = None) -> str:
    """`code` with Python in place of its magics; `found` are its tokens where they are known."""
    parts: list[str] = []
    at = 0
    for token in tokens(code) if found is None else found:
        if token.kind == "magic":
            indent = token.text[: len(token.text) - len(token.text.lstrip())]
            parts += [code[at : token.start], indent, _unmagic(token.text.strip())]
            at = token.end
    return "".join(parts) + code[at:]


def _unmagic(magic: str) -> str:
    """Python that binds what a magic binds."""
    if timed := re.match(r"%time\s+(\S.*)", magic, re.DOTALL):
        return timed.group(1)
    if captured := re.match(r"%%capture\s+(?:-\S+\s+)*([^\W\d]\w*)", magic):
        return f"{captured.group(1)} = None"
    return "None"


def _magic(code: str, at: int) -> re.Match[str] | None:
    """The magic that the line at `at` is, if any."""
    for pattern in (_MAGIC_LINE, _HELP_LINE, _AUTOMAGIC):
        if magic := pattern.match(code, at):
            return magic
    return None


def _is_value(found: list[Token], depth: int) -> bool:
    return depth == 0 and bool(found) and found[-1].text == "=" and found[-1].kind == "op"


def _plain(code: str, at: int, depth: int, found: list[Token]) -> tuple[int, int]:
    """Add the token that is no string; returns its end and the depth behind it."""
    match = _TOKEN.match(code, at)
    assert match is not None  # its last branch takes anything
    text = match.group()
    kind: Kind = "name" if match["name"] else "number" if match["number"] else "op"
    if text in ")]}":
        depth = max(0, depth - 1)
    found.append(Token(kind, text, at, match.end(), depth))
    return match.end(), depth + (text in "([{")


def _string(code: str, opening: re.Match[str], depth: int, found: list[Token]) -> int:
    """Add the string that starts with `opening`, and what it evaluates; returns its end."""
    prefix, quote = opening.groups()
    holes: list[tuple[int, int]] = []
    formatted = "f" in prefix.lower() or "t" in prefix.lower()
    end, closed = _string_end(code, opening.end(), quote, holes if formatted else None)
    start = opening.start()
    found.append(Token("string", code[start:end], start, end, depth, closed))
    for first, last in holes:
        found.append(Token("op", "{", first - 1, first, depth))
        for token in tokens("(" + code[first:last])[1:]:
            begin, stop = token.start + first - 1, token.end + first - 1
            inner = Token(token.kind, token.text, begin, stop, token.depth + depth, token.closed)
            found.append(inner)
        found.append(Token("op", "}", last, last, depth))
    return end


def _string_end(
    code: str, at: int, quote: str, holes: list[tuple[int, int]] | None
) -> tuple[int, bool]:
    """Where the string ends, and whether by its quote; `holes` takes what it evaluates."""
    while at < len(code):
        if code[at] == "\\":
            at += 2
        elif code.startswith(quote, at):
            return at + len(quote), True
        elif code[at] == "\n" and len(quote) == 1:
            return at, False
        elif holes is not None and code[at] == "{":
            if code.startswith("{{", at):
                at += 2
            elif (hole := _hole(code, at + 1, quote)) is not None:
                holes.append((at + 1, hole[0]))
                at = hole[1] + 1
            else:
                at += 1
        else:
            at += 1
    return len(code), False


def _hole(code: str, at: int, quote: str) -> tuple[int, int] | None:
    """End of the expression that starts at `at` in an f-string, and its brace; None without."""
    depth, end = 0, None
    while at < len(code):
        character = code[at]
        if character == "\n" and len(quote) == 1:
            return None
        if character == "}" and not depth:
            return (at if end is None else end), at
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif not depth and end is None and re.compile(r"!(?!=)|:|=\s*[}!:]").match(code, at):
            end = at
        elif character in "\"'" and end is None:
            at, closed = _string_end(code, at + 1, character, None)
            if not closed:
                return None
            continue
        at += 1
    return None
