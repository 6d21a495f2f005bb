from __future__ import annotations

import random
import re

import pytest

from jupyter_fastgen.engine.exllamav2.copying import LOOKUP, MATCH, Copier, width

SOURCE = [random.Random(3).randrange(1000) for _ in range(300)]


def passes(source: list[int], answer: list[int], most: int, match: int = MATCH) -> int:
    """Passes of the model that an answer takes, with drafts of at most so many tokens."""
    copier = Copier(source, match, 0 if match == MATCH else None)
    count = written = 0
    while written < len(answer):
        draft = copier.draft(most)
        pairs = zip(draft, answer[written:], strict=False)
        right = next((n for n, (one, other) in enumerate(pairs) if one != other), len(draft))
        for token in answer[written : written + right + 1]:
            copier.push(token)
        written += right + 1
        count += 1
    return count


def test_a_copy_takes_a_pass_for_each_draft():
    assert passes(SOURCE, SOURCE, 15) == -(-len(SOURCE) // 16)


def test_an_unlike_answer_takes_a_pass_for_each_token():
    answer = [token + 1000 for token in SOURCE]
    assert passes(SOURCE, answer, 15) == len(answer)


@pytest.mark.parametrize(
    ("answer", "extra"),
    [
        # After a change two tokens are written before the place is known again.
        ([*SOURCE[:100], 5000, *SOURCE[101:]], 4),
        ([*SOURCE[:100], *range(5000, 5008), *SOURCE[100:]], 8 + 4),
        ([*SOURCE[:100], *SOURCE[150:]], 4),
    ],
    ids=["changed", "inserted", "deleted"],
)
def test_after_a_difference_the_place_is_found_again(answer: list[int], extra: int):
    assert passes(SOURCE, answer, 15) <= len(answer) // 16 + 1 + extra


METHOD = """\
    def {name}(self, key, value=None):
        \"\"\"The {name} of a key.\"\"\"
        if value is not None:
            self._{name}[key] = value
        return self._{name}.get(key, value)

"""


def test_of_two_places_that_end_alike_that_with_the_longer_match_is_taken():
    # Of ` margin` there are two, and the nearer one is not behind `def`.
    names = ["size", "colour", "width", "height", "weight", "price", "total", "margin"]
    written = [METHOD.format(name=name) for name in names]
    methods = [[hash(word) for word in re.findall(r"\w+|\W", method)] for method in written]
    source = [token for method in methods for token in method]
    moved = [token for method in reversed(methods) for token in method]
    # Of the passes that copying takes anyway, hardly any is lost at a jump.
    assert passes(source, moved, 15) <= len(moved) // 16 + 1 + len(names) // 2


def test_what_was_deleted_is_not_drafted_again_and_again():
    block = [1, 2, 3, 4, 5, 6, 7, 8]
    source = [*block, *SOURCE[:40], *block, *SOURCE[40:80]]
    answer = source[len(block) + 40 :]
    assert passes(source, answer, 15) <= len(answer) // 16 + 6


def test_a_prompt_is_looked_up_by_longer_matches():
    copier = Copier([1, 2, 3, 4, 5, 6], LOOKUP, None)
    assert copier.draft(3) == []
    for token in (1, 2, 3):
        copier.push(token)
        assert copier.draft(3) == []
    copier.push(4)
    assert copier.draft(3) == [5, 6]


@pytest.mark.parametrize(
    ("wanted", "jobs", "widest", "got"),
    [
        (0, 1, 31, 0),
        (1, 1, 31, 3),
        (3, 1, 31, 3),
        (4, 1, 31, 7),
        (100, 1, 31, 31),
        (31, 1, 15, 15),
        (31, 2, 31, 15),
        (31, 3, 31, 7),
        (31, 8, 31, 3),
        (31, 9, 31, 0),
    ],
)
def test_widths_are_few_and_all_rows_fit(wanted: int, jobs: int, widest: int, got: int):
    assert width(wanted, jobs, widest) == got
