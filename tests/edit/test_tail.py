from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.edit.tail import MORE_BLANK, Tail

GUIDE = ["# Guide", "", "```sh", "pip install rides", "```", "", "Ask by mail."]


def kept(answer: list[str], original: list[str], whole: bool) -> list[str]:
    """What of an answer is taken, up to where it ended."""
    tail = Tail(original, whole)
    lines: list[str] = []
    for line in answer:
        lines += tail.add(line)
        if tail.ended:
            break
    return lines + tail.rest()


@pytest.mark.parametrize("whole", [True, False])
def test_a_fence_behind_the_whole_text_is_the_answers_own(whole: bool):
    assert kept([*GUIDE, "```"], GUIDE, whole) == GUIDE
    assert kept([*GUIDE, "", "```", ""], GUIDE, whole) == GUIDE


@pytest.mark.parametrize("whole", [True, False])
def test_a_fence_that_closes_code_of_the_answer_stays(whole: bool):
    answer = [*GUIDE, "", "```sh", "pip check", "```"]
    assert kept(answer, GUIDE, whole) == answer
    assert kept([*answer, "```"], GUIDE, whole)[: len(answer)] == answer
    indented = ["1. Check", "   ```sh", "   pip check", "   ```"]
    assert kept(indented, GUIDE, whole) == indented


def test_a_fence_whose_code_began_behind_a_marker_stays():
    marker = "<!-- ... existing code ... -->"
    for answer in ([marker, "pip install rides", "```"], [marker, "pip install cities", "```"]):
        assert kept(answer, GUIDE, whole=False) == answer


def test_a_fence_behind_a_marker_or_before_endless_blank_lines_does_not():
    marker = "<!-- ... existing code ... -->"
    assert kept([marker, "```"], GUIDE, whole=False) == [marker]
    answer = [marker, "Or come by.", "```"]
    assert kept(answer + [""] * 100, GUIDE, whole=False) == answer[:2]


@pytest.mark.parametrize("whole", [True, False])
def test_endless_blank_lines_end_an_answer_and_are_not_part_of_it(whole: bool):
    tail = Tail(["a", "", "", "b"], whole)
    assert tail.add("x") == ["x"]
    assert not any(tail.add("") for _ in range(2 + MORE_BLANK))
    assert not tail.ended
    assert tail.add("") == []
    assert tail.ended
    assert tail.rest() == []


lines = st.lists(st.sampled_from(["", "a", "```", "```sh", "  ```", "# ..."]), max_size=30)


@given(answer=lines, original=lines, whole=st.booleans())
def test_only_a_fence_and_blank_lines_at_the_end_are_ever_dropped(
    answer: list[str], original: list[str], whole: bool
):
    found = kept(answer, original, whole)
    assert found == answer[: len(found)]
    dropped = [line for line in answer[len(found) :] if line]
    ran_on = len(found) + MORE_BLANK < len(answer)
    assert ran_on or [line.strip() for line in dropped] in ([], ["```"])
