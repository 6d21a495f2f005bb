"""Our own instructed edits: what is asked for, a solution, and a check that runs.

They are data, in `tasks/*.toml`; longer texts stand in `tasks/texts`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec

from ...edit.lines import split_lines

FEW_LINES = 25
"""Of a text that counts as a cell; what is longer counts as a file."""


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edit of `text`, or of the text in the file `file`.

    `changes` are pairs: what stands once in the text, and what becomes of it in the `solution`.
    `check` is Python, with the names that `trial.py` tells; it raises if the edit is wrong.
    """

    name: str
    language: str
    instruction: str
    changes: tuple[tuple[str, str], ...]
    check: str
    text: str = ""
    file: str = ""

    @property
    def solution(self) -> str:
        """One right edit."""
        text = self.text
        for old, new in self.changes:
            assert text.count(old) == 1, f"{self.name}: {old!r} does not stand once in the text"
            text = text.replace(old, new)
        return text

    @property
    def is_cell(self) -> bool:
        """Whether the text is as short as most cells are."""
        return len(split_lines(self.text)) <= FEW_LINES


class _Tasks(msgspec.Struct):
    tasks: list[Task]


@lru_cache(maxsize=1)
def load_tasks() -> tuple[tuple[Task, ...], str]:
    """All tasks, those of one text together, and a digest of them."""
    folder = Path(__file__).with_name("tasks")
    found: list[Task] = []
    for name in ("cells.toml", "languages.toml", "files.toml"):
        told = msgspec.toml.decode((folder / name).read_bytes(), type=_Tasks)
        for task in told.tasks:
            if task.file:
                text = (folder / "texts" / task.file).read_text(encoding="utf-8")
                task = msgspec.structs.replace(task, text=text)
            found.append(task)
    return tuple(found), hashlib.sha256(msgspec.json.encode(found)).hexdigest()
