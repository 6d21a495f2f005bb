"""Figures of whole functions, their files and their page."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.evaluate.code import costs
from jupyter_fastgen.evaluate.code.checking import Stress, Verdict, judge
from jupyter_fastgen.evaluate.code.functions import (
    Record,
    Settings,
    evaluate,
    open_results,
    outcome,
    read_results,
)
from jupyter_fastgen.evaluate.code.problems import Problem, coffe
from jupyter_fastgen.evaluate.code.style import style
from jupyter_fastgen.evaluate.code.writing import Answer
from jupyter_fastgen.evaluate.quality import running
from jupyter_fastgen.evaluate.quality.running import Model

from ..engine.scripted import ScriptedEngine
from .functions import RIGHT, TOTAL, coffe_folder

SETTINGS = Settings("code", "HumanEval", "data", "scripted", "prompts", 1, 0)


def record(*stress: Stress, fault: str = "", code: str = RIGHT, reason: str = "stop") -> Record:
    measure = "instructions" if stress else ""
    verdict = Verdict(fault, "seccomp", measure, stress)
    return Record("name", Answer(code, reason), verdict, style(code))


async def test_a_run_goes_on_where_it_ended(tmp_path: Path):
    asked: list[str] = []

    async def write(problem: Problem) -> Answer:
        asked.append(problem.name)
        return Answer(RIGHT, "stop")

    results = open_results(tmp_path / "out.jsonl", SETTINGS)
    await evaluate([TOTAL], write, results, lambda: None)
    again = open_results(tmp_path / "out.jsonl", SETTINGS)
    await evaluate([TOTAL], write, again, lambda: None)
    assert asked == ["total"]
    assert again.records == results.records
    assert [r.right for r in again.records] == [True]


def test_efficient_is_right_and_cheaper_than_the_reference():
    fast = record(Stress(5, 10, True), Stress(5, 10, True))
    slow = record(Stress(40, 10, True))
    differs = record(Stress(5, 10, True), Stress(5, 10, False))
    failed = record(Stress(5, 10, True), Stress(None, 10, False))
    wrong = record(fault="a test fails", code="def f(:", reason="length")
    found = outcome([fast, slow, differs, failed, wrong])
    assert [r.efficient for r in (fast, slow, differs, failed, wrong)] == [True, *[False] * 4]
    assert (found.right, found.efficient, found.timed) == (0.8, 0.2, 2)
    assert found.speedup == pytest.approx((20 + 10) / (10 + 40))
    assert found.typical == pytest.approx((2 + 0.25) / 2)
    assert (found.broken_off, found.snake_case) == (0.2, 0.8)
    assert found.measure == "instructions"


def test_nothing_measured_has_no_figures():
    found = outcome([record(), record(fault="a test fails")])
    assert (found.right, found.efficient, found.speedup, found.typical) == (0.5, None, None, None)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="costs are counted on Linux")
def test_heavy_inputs_are_measured_beside_the_reference(tmp_path: Path):
    coffe_folder(tmp_path)
    problem = coffe(tmp_path)[0][0]  # its reference does the work twenty times over
    slow = RIGHT.replace("sum(values)", "[sum(values) for _ in range(1000)][0]")
    for code, faster in ((RIGHT, True), (slow, False)):
        verdict = judge(problem, code)
        found = Record("total", Answer(code, "stop"), verdict, None)
        assert found.costs is not None
        assert found.efficient is faster
        assert (found.costs[1] > 4 * found.costs[0]) is faster


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="costs are counted on Linux")
def test_a_process_is_counted_from_outside():
    task_clock = (1, 1)
    counted = costs.perf_counter(os.getpid(), task_clock)
    counters = [costs.counter(os.getpid())[1], *([counted] if counted else [])]
    for read in counters:
        before = read()
        time.sleep(0.05)
        slept = read() - before
        before = read()
        sum(n * n for n in range(10**6))
        assert read() - before > 3 * slept


def test_a_sample_is_judged_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = coffe_folder(tmp_path)
    (tmp_path / "results").mkdir()
    out = tmp_path / "results" / "reference.jsonl"
    call = ["eval", "code", "--coffe", str(folder), "--reference", "--out", str(out)]
    assert main([*call, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["model"] == "reference"
    assert (told["summary"]["problems"], told["summary"]["right"]) == (2, 1)
    assert told["summary"]["timed"] == 2
    assert main(call) == 0
    assert "Efficiency is measured in" in capsys.readouterr().out
    page = tmp_path / "code.md"
    assert main(["eval", "code-report", str(out.parent), "--out", str(page)]) == 0
    text = page.read_text()
    assert "| reference, COFFE, all | 2 | 100 % (34 to 100) |" in text
    assert "HumanEval, " not in text


def test_the_model_is_asked_and_its_answer_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    @asynccontextmanager
    async def run(model: Model, context: int) -> AsyncGenerator[ScriptedEngine, None]:
        yield ScriptedEngine("def right(:\n```")

    model = Model("scripted", "", TEMPLATES["qwen"], CHATS["chatml"])
    monkeypatch.setattr(running, "running", run)
    monkeypatch.setattr(running, "edit_model", lambda name: model)
    out = tmp_path / "out.jsonl"
    assert main(["eval", "code", "--out", str(out), "--limit", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["benchmark"] == "HumanEval"
    assert (told["summary"]["problems"], told["summary"]["right"]) == (2, 0)
    assert all(r.verdict.fault.startswith("SyntaxError") for r in read_results(out).records)
    assert main(["eval", "code", "--out", str(out), "--limit", "3"]) == 1
    assert "choose another file with --out" in capsys.readouterr().err


def test_a_folder_without_results_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = str(tmp_path / "code.md")
    assert main(["eval", "code-report", str(tmp_path), "--out", out]) == 1
    assert "holds no results" in capsys.readouterr().err
