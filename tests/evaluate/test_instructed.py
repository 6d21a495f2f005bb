"""What became of instructed edits, by an engine that writes what it is told to."""

from __future__ import annotations

from pathlib import Path

from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.evaluate.edits.formats import Format, ask
from jupyter_fastgen.evaluate.edits.instructed import (
    Record,
    Settings,
    evaluate,
    is_spelled,
    open_results,
    outcome,
    read_results,
)
from jupyter_fastgen.evaluate.edits.tasks import Task, load_tasks

from ..engine.scripted import ScriptedEngine

MARK = "# ... existing code ..."
CELL = next(task for task in load_tasks()[0] if task.name == "last item is left out")
CELL_2 = next(task for task in load_tasks()[0] if task.name == "f-string")
FILE = next(task for task in load_tasks()[0] if task.name == "timetable: two digits")


async def record(tmp_path: Path, task: Task, form: Format, answer: str) -> Record:
    settings = Settings("edits", "digest", "scripted", form, 1, 0)
    results = open_results(tmp_path / f"{form}.jsonl", settings)
    engine = ScriptedEngine(answer)
    await evaluate([task], engine, CHATS["chatml"], results, lambda: None)
    assert read_results(results.path).records == results.records
    return results.records[-1]


async def test_a_right_edit_is_right_in_every_format(tmp_path: Path):
    sparse = f"{MARK}\n    total = 0\n    for i in range(len(trips)):\n"
    sparse += f'        total += trips[i]["km"]\n{MARK}\n```'
    search = "    total = 0\n    for i in range(len(trips) - 1):\n=======\n"
    search += "    total = 0\n    for i in range(len(trips)):\n>>>>>>> REPLACE\n"
    whole = CELL.solution + "```"
    answers: dict[Format, str] = {"ours": whole, "whole": whole, "sparse": sparse, "search": search}
    for form, answer in answers.items():
        found = await record(tmp_path, CELL, form, answer)
        assert found.right
        assert (found.hunks, found.flagged, found.lost) == (1, 0, 0)
        assert found.sparse == (form == "sparse")
        assert found.new_tokens == found.passes > 0


async def test_what_goes_although_the_solution_keeps_it_is_lost(tmp_path: Path):
    answer = CELL.solution.replace("    total = 0\n", "") + "```"
    found = await record(tmp_path, CELL, "whole", answer)
    assert not found.right
    assert "UnboundLocalError" in found.fault
    assert (found.lost, found.misread) == (1, False)
    told = outcome([found])
    assert (told.wrong, told.lost, told.misread) == (1, 1, 0)


async def test_nothing_is_refused_and_not_wrong(tmp_path: Path):
    found = await record(tmp_path, CELL, "whole", "I can't do that.")
    told = outcome([found])
    assert (told.refused, told.applied, told.wrong, told.lost) == (1, 0, 0, 0)
    for answer in ("total = 1\n=======\ntotal = 2\n>>>>>>> REPLACE", "    total = 0\n"):
        found = await record(tmp_path, CELL, "search", answer)
        assert found.reason
        tmp_path.joinpath("search.jsonl").unlink()


async def test_a_second_run_does_what_the_first_did_not(tmp_path: Path):
    engine = ScriptedEngine(CELL.solution + "```")
    settings = Settings("edits", "digest", "scripted", "ours", 1, 0)
    asked: list[int] = []
    for count in (1, 2, 2):
        results = open_results(tmp_path / "out.jsonl", settings)
        tasks = [CELL, CELL_2][:count]
        advanced: list[None] = []
        await evaluate(
            tasks, engine, CHATS["chatml"], results, lambda told=advanced: told.append(None)
        )
        assert len(results.records) == len(advanced) == count
        asked.append(len(engine.requests))
    assert asked[0] < asked[1] == asked[2]


async def test_without_a_grammar_the_model_is_free():
    bound, free = ScriptedEngine(""), ScriptedEngine("")
    await ask("sparse", bound, CHATS["chatml"], FILE.text, "python", "x")
    await ask("free", free, CHATS["chatml"], FILE.text, "python", "x")
    assert all(request.grammar for request in bound.requests)
    assert not any(request.grammar for request in free.requests)
    assert bound.requests[0].prompt == free.requests[0].prompt


def test_an_answer_spells_what_its_lines_and_markers_give():
    original = "a = 1\nb = 2\nc = 3\nd = 4\n"
    answer = ["a = 1", "b = 20", MARK, "d = 4"]
    assert is_spelled(answer, "a = 1\nb = 20\nc = 3\nd = 4\n", original)
    assert is_spelled(answer[1:3], "a = 1\nb = 20\nc = 3\nd = 4\n", original)
    assert is_spelled([MARK, "# deleted: b = 2", "c = 3"], "a = 1\nc = 3\nd = 4\n", original)
    assert is_spelled(["a = 1", "", "", "b = 2"], "a = 1\n\n\nb = 2\nc = 3\n", original)
    assert not is_spelled(answer, "b = 20\na = 1\nc = 3\nd = 4\n", original)
    assert not is_spelled(answer, "a = 1\nc = 3\nd = 4\n", original)
