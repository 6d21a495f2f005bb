"""Runs the check of one edit: started as a program of its own, for what it runs a model wrote.

From standard input come, as JSON, `text` (edited), `old`, `solution` and `check`; standard error
tells why the check failed. What a check may use is what `_names` holds.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
from contextlib import suppress
from typing import Any

MEMORY = 2 << 30
"""Bytes that a check may use, where the system can tell it so."""


def main() -> None:
    """Raises what the check raises."""
    told = json.load(sys.stdin)
    _confine()
    exec(told["check"], _names(told["text"], told["old"], told["solution"]))


def _confine() -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("a check has no network")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        setattr(socket.socket, name, refuse)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _names(text: str, old: str, solution: str) -> dict[str, Any]:
    def run(source: str = text, **names: Any) -> dict[str, Any]:
        """The names that a Python text defines, run with these."""
        names["__name__"] = "edited"
        # Where dataclasses look for the names of annotations.
        sys.modules["edited"] = type(sys)("edited")
        exec(compile(source, "edited", "exec"), names)
        return names

    def same(*texts: str) -> bool:
        """Whether the text is one of these, or the solution, up to blanks at ends of lines."""
        return _trimmed(text) in map(_trimmed, texts or (solution,))

    def words(source: str) -> list[str]:
        """What a text says, however it is laid out."""
        return source.split()

    def script(*statements: str) -> sqlite3.Connection:
        """A database in which the text was run, and then these statements."""
        database = sqlite3.connect(":memory:")
        database.executescript(text)
        for statement in statements:
            database.execute(statement)
        return database

    def query(rows: list[tuple[Any, ...]]) -> list[Any]:
        """What the text selects of orders by customer, with an amount, a day and a status."""
        database = sqlite3.connect(":memory:")
        database.execute("CREATE TABLE orders (customer, amount, day, status)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        return database.execute(text).fetchall()

    helpers = (run, same, words, script, query)
    return {"text": text, "old": old, "solution": solution} | {h.__name__: h for h in helpers}


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


if __name__ == "__main__":
    main()
