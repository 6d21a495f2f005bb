"""The edits that models are measured on say what they mean."""

from __future__ import annotations

from collections import Counter

import pytest

from jupyter_fastgen.evaluate.edits import checking
from jupyter_fastgen.evaluate.edits.tasks import Task, load_tasks

TASKS, _ = load_tasks()


def test_there_are_enough_of_each_kind():
    assert len(TASKS) >= 60
    assert len({task.name for task in TASKS}) == len(TASKS)
    cells = sum(task.is_cell for task in TASKS)
    assert cells >= 30
    assert len(TASKS) - cells >= 25
    languages = Counter(task.language for task in TASKS)
    assert languages["python"] > len(TASKS) / 2
    assert len(languages) >= 7


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_check_takes_the_solution_and_not_the_text_as_it_was(task: Task):
    assert checking.fault(task, task.solution) == ""
    assert checking.fault(task, task.text) != ""


def test_a_check_ends_and_tells_why(monkeypatch: pytest.MonkeyPatch):
    task = Task("", "python", "", (), "run()", text="")
    assert checking.fault(task, "1 / 0") == "ZeroDivisionError: division by zero"
    connect = "import socket\nsocket.create_connection(('127.0.0.1', 1))"
    assert "no network" in checking.fault(task, connect)
    monkeypatch.setattr(checking, "SECONDS", 1.0)
    assert "does not end" in checking.fault(task, "while True: pass")
