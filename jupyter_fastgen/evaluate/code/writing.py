"""A problem as it is put to the product, and the program that the answer makes."""

from __future__ import annotations

import ast
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from ... import protocol
from ...edit.prompt import Chat
from ...engine.base import Engine
from ...generate import prompt
from ...generate.service import GenerateService
from .problems import Problem

TOKENS = 512
"""Most of an answer: the product's default."""

_ROLE = "You are an expert Python programmer, and here is your task: "
_OPENED = "```python"


class Answer(msgspec.Struct, frozen=True):
    """The code that was written, why it ended, and what it cost."""

    code: str
    reason: str
    counts: protocol.Counts = protocol.Counts()


def task(problem: Problem) -> str:
    """What is asked for.

    The benchmark's prompt, without the role and the open fence that COFFE puts around some: the
    product's prompt has its own.
    """
    if problem.is_stub:
        return f"Complete this function:\n\n{problem.prompt.strip()}"
    return problem.prompt.strip().removesuffix(_OPENED).removeprefix(_ROLE).strip()


def prompt_for(problem: Problem, chat: Chat) -> str:
    """All that the model reads."""
    return prompt.build(task(problem), "", "", "python", chat).text


async def write(problem: Problem, engine: Engine, chat: Chat) -> Answer:
    """Let the product write it; raises `EngineError`."""
    asked = protocol.Generate(prompt=task(problem), max_tokens=TOKENS)
    text = ""
    frames: AsyncGenerator[protocol.FromServer, None]
    async with aclosing(GenerateService(engine, chat).generate(asked, 1)) as frames:
        async for frame in frames:
            if isinstance(frame, protocol.Chunk):
                text += frame.text
            elif isinstance(frame, protocol.Done):
                return Answer(text, frame.reason, frame.counts or protocol.Counts())
    raise AssertionError("a stream ends with Done")


def reference(problem: Problem) -> Answer:
    """The data's own solution, as if it had been written."""
    code = problem.solution
    if problem.solution_entry != problem.entry:
        code += f"\n\n{problem.entry} = {problem.solution_entry}\n"
    return Answer(code, "stop")


def program(problem: Problem, code: str) -> str:
    """The whole program: what stands before the function and `code`.

    Where that is no function but only its body, it goes on from the stub.
    """
    if problem.is_stub and problem.entry not in _bound(code):
        whole = f"{problem.prompt.rstrip()}\n{code}"
        return whole if _bound(whole) else f"{problem.given}\n{code}"
    return f"{problem.given}\n{code}"


def _bound(code: str) -> set[str]:
    """The names that a program defines; none if it doesn't parse."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {part.name for part in body if isinstance(part, ast.FunctionDef | ast.ClassDef)}
    targets = [target for part in body if isinstance(part, ast.Assign) for target in part.targets]
    return found | {target.id for target in targets if isinstance(target, ast.Name)}
