"""Every way an answer can go, by an engine that writes what it is told to."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.edit.answer import Reached
from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.hunks import Hunk
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.safety import Flag
from jupyter_fastgen.edit.service import EditService, End, Written
from jupyter_fastgen.engine.base import EngineError, ModelSpec
from jupyter_fastgen.engine.worker import Worker

from ..engine.scripted import ScriptedEngine
from .editing import CELL, LONG, MARK, Answers, edited, merged


async def test_a_short_text_is_written_anew():
    answer = CELL.replace(
        "    total = 0\n", "    if not values:\n        return 0\n    total = 0\n"
    )
    engine = ScriptedEngine(answer + "```\nThis returns 0 for an empty list.")
    _, end = await edited(engine)
    assert end.whole
    assert end.merge.apply(CELL, end.merge.safe) == answer
    assert not end.merge.reason
    assert end.cost.new_tokens == engine.written < len(answer + "```\nThis returns") / 3


def subtracting(*numbers: int) -> str:
    """A sparse answer that changes these functions of `LONG`."""
    shown = (f"def f{n}(x):\n    y{n} = x - {n}\n    return y{n}\n{MARK}\n" for n in numbers)
    return f"{MARK}\n{''.join(shown)}```"


async def test_hunks_of_a_long_text_come_while_it_is_written():
    engine = ScriptedEngine(subtracting(3, 9, 12, 15))
    written: list[int] = []
    hunks: list[Hunk] = []
    end = None
    async for found in EditService(engine, CHATS["chatml"]).edit("a", LONG, "python", "subtract"):
        if isinstance(found, End):
            end = found
        elif isinstance(found, Hunk):
            hunks.append(found)
            written.append(engine.written)
    assert end is not None
    assert not end.whole
    assert written[0] < written[1] < engine.written
    assert [hunk.new for hunk in hunks] == [hunk.new for hunk in end.merge.hunks][: len(hunks)]
    assert [hunk.label for hunk in end.merge.hunks] == ["def f3", "def f9", "def f12", "def f15"]
    wanted = LONG
    for n in (3, 9, 12, 15):
        wanted = wanted.replace(f"x + {n}\n", f"x - {n}\n")
    assert end.merge.apply(LONG, end.merge.safe) == wanted


async def test_what_stands_behind_an_answer_without_a_last_marker_stays():
    for last in ("    return y3\n", ""):
        merge = await merged(f"{MARK}\ndef f3(x):\n    y3 = x - 3\n{last}```", LONG)
        changed = LONG.replace("x + 3\n", "x - 3\n")
        assert merge.apply(LONG, [0]) == changed
        # Where its last line is new, one can't tell what it stands before.
        assert merge.safe == ({0} if last else set())


async def test_an_answer_that_goes_to_the_end_may_change_it():
    text = LONG + "print(f3(1))\n"
    answer = f"{MARK}\n    return y19\n\n\nprint(f4(1))\n```"
    assert (await merged(answer, text)).apply(text, [0]) == text.replace("f3(1)", "f4(1)")
    answer = f"{MARK}\n    return y19\n\n\nprint(f4(1))\nprint(f3(1))\n```"
    merge = await merged(answer, text)
    assert merge.apply(text, merge.safe) == text.replace("print", "print(f4(1))\nprint")


async def test_a_last_line_that_comes_often_is_not_the_texts_last():
    sheet = "".join(f".c{n} {{\n  color: red;\n  width: {n}px;\n}}\n\n" for n in range(20))
    answer = ".c3 {\n  /* ... existing code ... */\n  margin: 0;\n}\n```"
    merge = await merged(answer, sheet, "css")
    assert merge.apply(sheet, merge.safe) == sheet.replace(
        "width: 3px;\n", "width: 3px;\n  margin: 0;\n"
    )


async def test_an_answer_that_copies_on_is_ended():
    answer = LONG.replace("x + 3\n", "x - 3\n")
    engine = ScriptedEngine(answer + "```")
    _, end = await edited(engine, LONG)
    assert end.merge.apply(LONG, end.merge.safe) == answer
    assert not end.merge.reason
    assert end.cost.new_tokens == engine.written < len(answer) / 6
    # What is written anew may change up to its last line.
    both = answer.replace("x + 15\n", "x - 15\n")
    _, end = await edited(ScriptedEngine(both.strip() + "\n```"), LONG, whole=True)
    assert end.merge.apply(LONG, end.merge.safe) == both


async def test_blank_lines_at_the_ends_stay():
    text = "\n\n" + CELL + "\n\n"
    merge = await merged(CELL.replace("total = 0", "total = 0.0") + "```", text)
    assert merge.apply(text, merge.safe) == text.replace("total = 0", "total = 0.0")
    merge = await merged("    y3 = x - 3\n    return y3\n```", LONG, part=(16, 20))
    assert merge.apply(LONG, merge.safe) == LONG.replace("x + 3\n", "x - 3\n")


async def test_only_a_selection_changes():
    answer = "    y3 = x - 3\n    return y3\n```"
    merge = await merged(answer, LONG, part=(16, 18))
    assert merge.apply(LONG, merge.safe) == LONG.replace("x + 3\n", "x - 3\n")


async def test_where_nothing_stands_something_new_may():
    merge = await merged("x = 1\n```", CELL + "\n\n\n", part=(6, 8))
    assert merge.apply(CELL + "\n\n\n", merge.safe) == CELL + "\nx = 1\n\n\n"


async def test_what_stands_around_a_selection_is_not_written_into_it():
    merge = await merged(LONG, LONG, part=(16, 18))
    assert not merge.hunks
    assert "around the selection" in merge.reason


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "wrote nothing"),
        ("```", "wrote nothing"),
        ("\n\n```\n", "wrote nothing"),
        (CELL + "```", "as it is"),
        ("Task: do it\n" + CELL + "```", "repeated"),
        ("I am sorry, but as a language model I can't.", "not answer with code"),
    ],
)
async def test_of_an_answer_that_is_none_nothing_changes(answer: str, why: str):
    merge = await merged(answer)
    assert not merge.hunks
    assert why in merge.reason


async def test_prose_for_a_long_text_changes_nothing():
    merge = await merged("Here is what I would do.\nFirst, look at the code.\n```", LONG)
    assert not merge.hunks
    assert "where it belongs is unknown" in merge.reason


async def test_of_prose_in_place_of_prose_a_person_is_asked():
    text = "Bicycles are lent at forty stations.\n"
    merge = await merged("I am sorry, I can't.", text, "text")
    assert [hunk.flags for hunk in merge.hunks] == [{Flag.UNRELATED}]


async def test_most_of_a_text_does_not_go_unseen():
    text = "".join(f"value_{n} = read({n})\n" for n in range(20))
    merge = await merged("value_0 = read(1)\nvalue_19 = read(19)\n```", text)
    assert merge.hunks
    assert not merge.safe


async def test_where_a_model_may_have_stopped_early_nothing_goes_unseen():
    text = "first = read(1)\nsecond = read(2)\nprint(first)\nprint(second)\n"
    merge = await merged("first = read(10)\nsecond = read(2)\n```", text)
    assert [hunk.flags for hunk in merge.hunks] == [set(), {Flag.LOST}]
    merge = await merged("first = read(1)\nsecond = read(22)\n```", text)
    assert [hunk.flags for hunk in merge.hunks] == [{Flag.LOST}]
    for answer in ("second = read(2)\nprint(second)\n", "both = read(1), read(2)\nprint(both)\n"):
        merge = await merged(answer + "```", text)
        assert merge.apply(text, merge.safe) == answer


async def test_what_breaks_the_syntax_needs_a_look():
    merge = await merged(CELL.replace("for value in values:", "for value in values") + "```")
    assert merge.hunks
    assert all(Flag.SYNTAX in hunk.flags for hunk in merge.hunks)


async def test_of_an_answer_that_is_cut_off_only_what_is_sure_counts():
    _, end = await edited(ScriptedEngine("def mean(values):\n    total = 1\n", "length"))
    assert not end.merge.hunks
    assert "broke off" in end.merge.reason
    answer = f"{MARK}\ndef f3(x):\n    y3 = x - 3\n    return y3\n{MARK}\ndef f9(x):\n    y9 = "
    _, end = await edited(ScriptedEngine(answer, "length"), LONG)
    assert [hunk.new for hunk in end.merge.hunks] == [("    y3 = x - 3",)]
    assert "broke off" in end.merge.reason


async def test_an_engine_that_is_lost_is_an_error():
    with pytest.raises(EngineError, match="died"):
        await edited(ScriptedEngine(CELL.replace("0", "1"), "lost"))


async def test_cancelling_stops_the_engine_and_tells_the_cost():
    answer = subtracting(*range(20))
    engine = ScriptedEngine(answer)
    service = EditService(engine, CHATS["chatml"])
    end = None
    async for found in service.edit("a", LONG, "python", "x"):
        service.cancel("a")
        end = found
    assert isinstance(end, End)
    assert "cancelled" in end.merge.reason
    assert end.cost.new_tokens == engine.written < len(answer) / 6
    service.cancel("a")  # nothing runs


async def test_changes_of_a_text_that_is_written_anew_come_once_a_copy_follows():
    answer = CELL.replace("total = 0", "total = 0.0") + "print(mean([1]))\n```"
    engine = ScriptedEngine(answer)
    came: list[tuple[int, Hunk]] = []
    reached: list[Reached] = []
    end = None
    async for found in EditService(engine, CHATS["chatml"]).edit("a", CELL, "python", "x"):
        if isinstance(found, Hunk):
            came.append((engine.written, found))
        elif isinstance(found, Reached):
            reached.append(found)
        elif isinstance(found, End):
            end = found
    assert end is not None
    (written, hunk), *_ = came
    assert written < engine.written - 10
    assert (hunk.start, hunk.new) == (1, ("    total = 0.0",))
    assert [hunk.new for hunk in end.merge.hunks] == [("    total = 0.0",), ("print(mean([1]))",)]
    assert [r.line for r in reached] == sorted(r.line for r in reached)
    assert reached[-1].line >= 4


async def test_what_was_read_ahead_is_how_the_prompt_begins():
    for text, part in ((CELL, None), (LONG, None), (LONG, (16, 18))):
        engine = ScriptedEngine("x\n```")
        service = EditService(engine, CHATS["chatml"])
        about = "The kernel holds:\n# df: DataFrame"
        await service.prepare("a", text, "python", part, about)
        _ = [x async for x in service.edit("a", text, "python", "do it", part, about)]
        ahead, asked = engine.requests
        assert ahead.max_tokens == 0
        assert asked.prompt.startswith(ahead.prompt)
        assert len(asked.prompt) - len(ahead.prompt) < 100
        assert "df: DataFrame" in ahead.prompt
        assert not service.is_running


async def written(answer: str, reason: Any = "stop") -> Written:
    service = EditService(ScriptedEngine(answer, reason), CHATS["chatml"])
    *_, found = [x async for x in service.write("a", CELL, "python", "test it")]
    assert isinstance(found, Written)
    return found


async def test_new_code_is_what_stands_in_the_fence():
    found = await written("assert mean([1, 3]) == 2\nassert mean([5]) == 5\n```\nThese test it.")
    assert found.lines == ("assert mean([1, 3]) == 2", "assert mean([5]) == 5")
    assert not found.reason


async def test_of_new_code_that_breaks_off_whole_lines_are_left():
    found = await written("assert mean([1, 3]) == 2\nassert mean([", "length")
    assert found.lines == ("assert mean([1, 3]) == 2",)
    assert "broke off" in found.reason


async def test_no_new_code_has_a_reason():
    for answer in ("", "\n\n```", "Task: test it\n```"):
        found = await written(answer)
        assert not found.lines
        assert found.reason


async def test_leaving_stops_the_engine():
    answer = subtracting(*range(20))
    engine = ScriptedEngine(answer)
    service = EditService(engine, CHATS["chatml"])
    async with aclosing(service.edit("a", LONG, "python", "x")) as found:
        assert isinstance(await anext(found), Reached)
    assert engine.left
    assert engine.written < len(answer) / 6


async def test_an_endless_answer_is_bounded_by_the_text():
    engine = ScriptedEngine("x")
    await edited(engine, "x = 1\n")
    await edited(engine, LONG)
    assert [request.max_tokens < 200 for request in engine.requests] == [True, False]
    assert engine.requests[1].max_tokens <= 1024


async def test_line_ends_and_the_mark_in_front_stay():
    text = "\ufeff" + CELL.replace("\n", "\r\n")
    merge = await merged(CELL.replace("total = 0", "total = 0.0") + "```", text)
    assert merge.apply(text, merge.safe) == text.replace("total = 0", "total = 0.0")


GUIDE = "# Guide\n\n```sh\npip install rides\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"


@pytest.mark.parametrize("whole", [True, False])
async def test_a_markdown_answer_that_runs_on_in_blank_lines_is_complete(whole: bool):
    engine = ScriptedEngine(GUIDE.replace("pip", "uv pip") + "```\n" + "\n" * 500, "length")
    _, end = await edited(engine, GUIDE, "markdown", whole=whole)
    assert end.merge.apply(GUIDE, end.merge.safe) == GUIDE.replace("pip", "uv pip")
    assert not end.merge.reason
    assert engine.written < 60


async def test_a_marker_behind_a_new_line_is_not_written_into_the_text():
    answer = "| a | b |\n| - | - |\n| 0 | 1 | <!-- ... existing code ... -->\n```"
    merge = await merged(answer, GUIDE, "markdown", part=(6, 9), whole=True)
    assert "| 1 | 2 |" in merge.apply(GUIDE, merge.safe)
    everything = merge.apply(GUIDE, range(len(merge.hunks)))
    assert "| 0 | 1 |" in everything
    assert "existing" not in everything


async def test_the_real_model_edits_a_cell(default_model: Path):
    worker = Worker("llamacpp", ModelSpec("default", str(default_model), context=2048, slots=1))
    try:
        await worker.ready()
        service = EditService(worker, CHATS["chatml"])
        found = [x async for x in service.edit("a", CELL, "python", "rename total to result")]
        end = found[-1]
        assert isinstance(end, End)
        assert end.cost.reason == "stop"
        new = end.merge.apply(CELL, end.merge.safe)
        assert not parse(new, "python").has_errors
        assert new != CELL or end.merge.reason or len(end.merge.hunks) > len(end.merge.safe)
        # Another instruction for the same code computes hardly more than the instruction.
        again = [x async for x in service.edit("a", CELL, "python", "add a docstring")][-1]
        assert isinstance(again, End)
        assert again.cost.prefilled_tokens < again.cost.prompt_tokens / 4
    finally:
        await worker.close()


async def test_where_nothing_is_safe_the_block_is_written_anew():
    text = LONG + "\n\ndef mean(values):\n" + "".join(
        f"    step = {n}\n    step += 1\n" for n in range(4)
    ) + "    return step\n"  # fmt: skip
    doubtful = f"{MARK}\n    step += 1\n    step += 2\n    step += 1\n{MARK}\n```"
    block = text[text.index("def mean") :]
    engine = Answers(doubtful, block.replace("return step", "return 2 * step") + "```")
    hunks, end = await edited(engine, text)
    first, second = engine.requests
    assert "existing code" in first.prompt
    assert "all of the part" in second.prompt
    assert end.whole
    assert end.merge.apply(text, end.merge.safe) == text.replace("return step", "return 2 * step")
    # What is told twice would be shown twice.
    assert len(hunks) <= 1
    engine = Answers(doubtful, "I can't.\n```")
    _, end = await edited(engine, text)
    assert end.merge.hunks
    assert not end.merge.safe
