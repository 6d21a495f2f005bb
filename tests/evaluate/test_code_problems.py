"""Problems as the benchmarks have them, and the programs that answers make."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.evaluate.code import writing
from jupyter_fastgen.evaluate.code.checking import judge
from jupyter_fastgen.evaluate.code.problems import coffe, human_eval

from ..engine.scripted import ScriptedEngine
from .functions import RIGHT, STUB, TOTAL, WORDS, coffe_folder

ODD = (0, 32, 33, 38, 50, 162)
"""Among them problems whose tests use helpers of the prompt, the function's name, and a library."""


def test_human_eval_is_judged_as_published():
    problems, digest = human_eval()
    assert len(problems) == 164
    assert len(digest) == 64
    for number in ODD:
        problem = problems[number]
        assert judge(problem, problem.solution).fault == ""
        assert judge(problem, problem.prompt + "    return None\n").fault != ""


def test_the_code_before_a_stub_is_given():
    problem = human_eval()[0][38]
    assert problem.entry == "decode_cyclic"
    assert "def encode_cyclic" in problem.given
    assert "def decode_cyclic" not in problem.given


def test_coffe_is_read_from_its_folder(tmp_path: Path):
    folder = coffe_folder(tmp_path)
    problems, digest = coffe(tmp_path)
    assert coffe(folder) == (problems, digest)
    stub, words = problems
    assert (stub.entry, stub.is_stub, words.entry, words.is_stub) == (
        "total",
        True,
        "join_words",
        False,
    )
    for problem in problems:
        verdict = judge(problem, writing.reference(problem).code)
        assert verdict.fault == ""
        assert [each.same for each in verdict.stress] == [True]


def test_a_folder_without_coffe_is_told(tmp_path: Path):
    with pytest.raises(FastgenError, match=r"prompts\.json.*name the folder"):
        coffe(tmp_path)


def test_a_task_is_the_problem_without_the_benchmarks_own_role(tmp_path: Path):
    coffe_folder(tmp_path)
    stub, words = coffe(tmp_path)[0]
    assert writing.task(stub) == f"Complete this function:\n\n{STUB.strip()}"
    told = "Write a function to join words. Please write a Python function join_words (words) for"
    assert writing.task(words) == f"{told} the task."
    assert told in writing.prompt_for(words, CHATS["chatml"])
    assert "expert" not in writing.prompt_for(words, CHATS["chatml"])
    assert WORDS.endswith("```python")


async def test_an_answer_is_what_the_product_writes():
    engine = ScriptedEngine(RIGHT + "```")
    answer = await writing.write(TOTAL, engine, CHATS["chatml"])
    assert answer.code.strip() == RIGHT.strip()
    assert answer.reason == "stop"
    assert answer.counts.new_tokens > 0
    assert engine.requests[0].temperature == 0
    assert engine.requests[0].max_tokens == writing.TOKENS


@pytest.mark.parametrize(
    "code",
    [
        RIGHT,
        "def total(values: List[int]) -> int:\n    return sum(values)",
        "    return sum(values)",
        "    result = sum(values)\n    return result\n\nprint(total([1]))",
        "import math\n\ndef total(values):\n    return int(math.fsum(values))",
        "total = lambda values: sum(values)",
    ],
)
def test_functions_and_bodies_become_programs(code: str):
    assert judge(TOTAL, writing.program(TOTAL, code)).fault == ""


def test_what_is_no_code_stays_wrong():
    assert judge(TOTAL, writing.program(TOTAL, "Sure! Here it is:")).fault != ""
    assert judge(TOTAL, writing.program(TOTAL, "")).fault != ""
