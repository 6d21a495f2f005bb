"""GBNF, the grammar language of llama.cpp (its `grammars/README.md`). Pure."""

from __future__ import annotations


def literal(text: str) -> str:
    """`text` as a literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def anything_but(start: str) -> str:
    """A line with its end, white space in front left out, that does not begin with `start`."""
    ways: list[str] = []
    for at, character in enumerate(start):
        before, space = (f"{literal(start[:at])} ", "") if at else ("", " \\t")
        other = f"[^{_in_class(character)}{space}\\n] [^\\n]*"
        ways.append(f'{before}({other})? "\\n"')
    return " | ".join(ways)


def _in_class(character: str) -> str:
    return "\\" + character if character in "\\]^-" else character
