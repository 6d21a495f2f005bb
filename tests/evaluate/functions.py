"""A small problem of our own, and a folder as COFFE's."""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_fastgen.evaluate.code.problems import Case, Problem

STUB = '''\
from typing import List


def total(values: List[int]) -> int:
    """The sum of the values.

    >>> total([1, 2])
    3
    """
'''

RIGHT = "def total(values):\n    return sum(values)\n"

TOTAL = Problem(
    name="total",
    prompt=STUB,
    entry="total",
    given="from typing import List\n\n\n",
    solution=STUB + "    return sum(values)\n",
    solution_entry="total",
    cases=(Case([[1, 2]], [3]), Case([[]], [0])),
)

WORDS = (
    "You are an expert Python programmer, and here is your task: Write a function to join words."
    " Please write a Python function join_words (words) for the task.\n```python"
)


def coffe_folder(folder: Path) -> Path:
    """COFFE's files with two problems: a stub and one in words."""
    folder = folder / "function"
    folder.mkdir()
    slow = "def solution(values):\n    return sum([n for n in values for _ in range(20)]) // 20\n"
    files = {
        "prompts": [STUB, WORDS],
        "best_solutions": {
            STUB: [slow, False],
            WORDS: ["def solution(words):\n    return ' '.join(words)\n", False],
        },
        "testcases": {
            STUB: [{"input": [[1, 2]], "output": [3]}],
            WORDS: [{"input": [["a", "b"]], "output": ["a b"]}],
        },
        "stressful_testcases": {
            STUB: [{"input": "[list(range(20000))]", "output": None}],
            WORDS: [{"input": "[['a'] * 100000]", "output": None}],
        },
    }
    for name, told in files.items():
        (folder / f"{name}.json").write_text(json.dumps(told))
    return folder
