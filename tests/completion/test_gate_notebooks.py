"""What the gate rejects of code that people wrote: it must be next to nothing."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_fastgen.completion.gate import Context, Gate

MOST_REJECTED = 0.02

NOTEBOOKS = Path(os.environ.get("FASTGEN_DATA", ""), "notebooks")

pytestmark = pytest.mark.skipif(
    "FASTGEN_DATA" not in os.environ or not NOTEBOOKS.is_dir(),
    reason="FASTGEN_DATA names no folder with notebooks to measure on",
)


def cases() -> Iterator[tuple[Context, str]]:
    """Each code line as a suggestion: on a new line, and from its middle on."""
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        for index, source in enumerate(sources):
            offset = 0
            for line in source.split("\n"):
                text, end = line.strip(), offset + len(line.rstrip())
                if len(text) >= 5 and text[0] not in "#%!":
                    for length in (len(text), len(text) // 2):
                        before, after = source[: end - length], source[offset + len(line) :]
                        above = tuple(sources[:index])
                        context = Context("python", above, before, after)
                        yield context, source[end - length : end]
                offset += len(line) + 1


def test_next_to_nothing_of_real_notebooks_is_rejected():
    total = 0
    rejected: Counter[str] = Counter()
    for context, text in cases():
        gate = Gate(context)
        total += 1
        for end in range(1, len(text), 4):
            gate.check(text[:end], complete=False)
        if held := gate.check(text, complete=True):
            rejected[held.gate] += 1
    print(f"{total} suggestions, rejected: {dict(rejected)}")
    assert total > 1000
    assert rejected.total() <= MOST_REJECTED * total
