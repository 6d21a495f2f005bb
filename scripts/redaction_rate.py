"""How much of real code is taken for a secret: `python scripts/redaction_rate.py FOLDER …`.

Reads sources, the cells of notebooks and the texts in JSON lines, and prints every line that would
be changed before it leaves a user's server. In code without secrets there should be none.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from jupyter_fastgen.engine.redaction import redact

CODE = {".py", ".r", ".jl", ".js", ".ts", ".md", ".java", ".c", ".sh"}


def texts(path: Path) -> Iterator[str]:
    """All there is to read in a file."""
    if path.suffix in CODE:
        yield path.read_text(encoding="utf-8", errors="replace")
    elif path.suffix in (".ipynb", ".jsonl"):
        whole = path.read_text(encoding="utf-8")
        for line in whole.splitlines() if path.suffix == ".jsonl" else [whole]:
            yield from strings(json.loads(line))


def strings(value: Any) -> Iterator[str]:
    """Those in a JSON value; a list of lines is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        if all(isinstance(item, str) for item in items):
            yield "".join(items)
        else:
            for item in items:
                yield from strings(item)
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from strings(item)


def main(folders: list[str]) -> None:
    """Print the lines, and the rate."""
    lines = chars = changed = 0
    seconds = 0.0
    for path in (path for folder in folders for path in sorted(Path(folder).rglob("*"))):
        if not path.is_file():
            continue
        for text in texts(path):
            began = time.perf_counter()
            told = redact(text)
            seconds += time.perf_counter() - began
            lines, chars = lines + text.count("\n") + 1, chars + len(text)
            for before, after in zip(text.split("\n"), told.split("\n"), strict=True):
                if before != after:
                    changed += 1
                    print(f"{path}: {after.strip()[:120]}")
    rate = 100 * changed / max(1, lines)
    print(f"{changed} of {lines:,} lines changed ({rate:.4f} %), {chars / seconds / 1e6:.1f} MB/s")


if __name__ == "__main__":
    main(sys.argv[1:])
