"""Texts that are too long to be read whole: a part is shown, and the answer changes the whole."""

from __future__ import annotations

import pytest

from jupyter_fastgen.completion.context import guess_tokens
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.safety import Flag
from jupyter_fastgen.edit.service import SHOWN_TOKENS, EditService, End, TooLongError

from ..engine.scripted import ScriptedEngine
from .editing import LONG, MARK, Answers, edited

BIG = "".join(
    f"def step_{n}(x):\n    value_{n} = x + {n}\n    return value_{n}\n\n\n" for n in range(400)
)


async def asked(engine: ScriptedEngine, instruction: str, text: str = BIG) -> End:
    found = EditService(engine, CHATS["chatml"]).edit("a", text, "python", instruction)
    *_, end = [x async for x in found]
    assert isinstance(end, End)
    return end


def step(n: int, sign: str = "+") -> str:
    return f"def step_{n}(x):\n    value_{n} = x {sign} {n}\n    return value_{n}\n"


async def test_of_a_long_text_what_matters_is_shown_and_the_answer_changes_the_whole():
    engine = ScriptedEngine(f"{MARK}\n{step(321, '-')}{MARK}\n```")
    end = await asked(engine, "subtract in step_321")
    assert len(engine.requests) == 1
    prompt = engine.requests[0].prompt
    assert step(321) in prompt
    assert step(200) not in prompt
    assert guess_tokens(prompt) < SHOWN_TOKENS + 400
    assert end.merge.apply(BIG, end.merge.safe) == BIG.replace(step(321), step(321, "-"))
    # Only lines that are shown are offered to begin a part with.
    assert "value_321" in engine.requests[0].grammar
    assert "value_200" not in engine.requests[0].grammar


async def test_twenty_thousand_lines_are_no_more_to_read_than_a_few_hundred():
    text = "".join(f"{step(n)}\n\n" for n in range(4000))
    engine = ScriptedEngine(f"{MARK}\n{step(3210, '-')}{MARK}\n```")
    end = await asked(engine, "subtract in step_3210", text)
    assert guess_tokens(engine.requests[0].prompt) < SHOWN_TOKENS + 400
    assert end.merge.apply(text, end.merge.safe) == text.replace(step(3210), step(3210, "-"))


async def test_lines_like_those_that_are_hidden_are_not_mistaken_for_them():
    text = "".join(
        f"def step_{n}(x):\n    y = x + 1\n    y = y * y\n    return y\n\n\n" for n in range(200)
    )
    answer = f"{MARK}\ndef step_120(x):\n    y = x + 2\n    y = y * y\n    return y\n{MARK}\n```"
    end = await asked(ScriptedEngine(answer), "step_120 must add 2", text)
    old = "def step_120(x):\n    y = x + 1\n"
    assert end.merge.apply(text, end.merge.safe) == text.replace(old, old.replace("1\n", "2\n"))


async def test_an_answer_about_what_is_hidden_is_asked_for_again_with_more_shown():
    unseen = f"{MARK}\n{step(0)}\n\ndef step_77(x):\n    return x - 77\n{MARK}\n```"
    engine = Answers(unseen, f"{MARK}\n{step(77, '-')}{MARK}\n```")
    end = await asked(engine, "subtract in step_0")
    assert step(77) not in engine.requests[0].prompt
    assert guess_tokens(engine.requests[1].prompt) > guess_tokens(engine.requests[0].prompt)
    assert end.merge.apply(BIG, end.merge.safe) == BIG.replace(step(77), step(77, "-"))
    # The cost is that of both answers.
    assert end.cost.new_tokens > engine.written > 0


async def test_what_was_written_into_a_hidden_block_brings_the_block():
    text = "class Steps:\n" + "".join(
        f"    def step_{n}(self, x):\n        a_{n} = x + {n}\n"
        + "        pass\n" * 60
        + f"        return a_{n}\n\n"
        for n in range(5)
    )
    engine = Answers(
        f"{MARK}\n    def step_3(self, x):\n        print(x)\n        {MARK}\n```",
        f"{MARK}\n    def step_3(self, x):\n        print(x)\n        a_3 = x + 3\n{MARK}\n```",
    )
    end = await asked(engine, "print", text)
    first, second = (request.prompt for request in engine.requests)
    assert "def step_3" in first
    assert "a_3 = x + 3" not in first
    assert "a_3 = x + 3" in second
    changed = text.replace("        a_3 =", "        print(x)\n        a_3 =")
    assert end.merge.apply(text, end.merge.safe) == changed


async def test_what_takes_away_hidden_lines_is_never_taken_unseen():
    answer = f"{MARK}\n{step(77)}\n\n{step(300, '-')}{MARK}\n```"
    end = await asked(ScriptedEngine(answer), "step_77 step_300")
    assert any(Flag.HIDDEN in hunk.flags for hunk in end.merge.hunks)
    kept = end.merge.apply(BIG, end.merge.safe)
    assert all(step(n).splitlines()[0] in kept for n in range(400))


async def test_an_answer_that_does_nothing_is_asked_for_once_more():
    engine = ScriptedEngine(f"{MARK}\n```")
    end = await asked(engine, "subtract in step_5")
    assert len(engine.requests) == 2
    assert "as it is" in end.merge.reason
    engine = ScriptedEngine(f"{MARK}\n```")
    await asked(engine, "subtract", LONG)  # all of it was shown
    assert len(engine.requests) == 1


async def test_around_a_selection_of_a_long_text_what_matters_is_shown():
    engine = ScriptedEngine("    value_3 = x - 3\n    return value_3\n```")
    _, end = await edited(engine, BIG, part=(16, 18))
    assert guess_tokens(engine.requests[0].prompt) < SHOWN_TOKENS + 400
    assert end.merge.apply(BIG, end.merge.safe) == BIG.replace("x + 3\n", "x - 3\n")


async def test_a_selection_that_is_too_long_is_shown_in_part_as_well():
    engine = ScriptedEngine(f"{MARK}\n{step(321, '-')}{MARK}\n```")
    service = EditService(engine, CHATS["chatml"])
    found = service.edit("a", BIG, "python", "subtract in step_321", (1000, 1990))
    *_, end = [x async for x in found]
    assert isinstance(end, End)
    assert guess_tokens(engine.requests[0].prompt) < SHOWN_TOKENS + 400
    assert end.merge.apply(BIG, end.merge.safe) == BIG.replace(step(321), step(321, "-"))


async def test_a_text_that_can_not_be_shown_in_part_is_refused():
    with pytest.raises(TooLongError, match="select fewer lines"):
        await edited(ScriptedEngine(""), "x = 1  # " + "long " * 20_000)
