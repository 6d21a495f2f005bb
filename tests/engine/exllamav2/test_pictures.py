"""Pictures in the library's scheduler. Of a picture the model sees which it is, at each place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from jupyter_fastgen.engine.base import Done, EngineError
from jupyter_fastgen.engine.exllamav2.answer import Answer
from jupyter_fastgen.engine.exllamav2.pictures import FIRST
from jupyter_fastgen.engine.exllamav2.vision import KEPT, Vision

from .harness import FakeModel, Stepped, as_read, loaded
from .language import Hashed
from .seeing import FakeTower, encoded
from .test_scheduling import HASHED, SIZE, words

RED, BLUE = encoded(280, 140), encoded(280, 140, "blue")
PLACES = 10 * 5 + 2
"""Tokens of each."""

LARGE = encoded(1400, 560)
LARGE_PLACES = 50 * 20 + 2

Part = bytes | Sequence[int]


class Seeing(Stepped):
    """A scheduler on a fake model with a fake tower; parts of prompts are tokens and files."""

    def __init__(self, tower: FakeTower | None = None, **options: Any) -> None:
        self.tower = tower or FakeTower()
        super().__init__(loaded(HASHED, tower=self.tower, **options))

    def show(self, *parts: Part, count: int = 8, salt: str = "", **options: Any) -> Answer:
        assert self._loaded.vision is not None
        pictures = self._loaded.vision.read([p for p in parts if isinstance(p, bytes)], salt)
        left = iter(pictures)
        prompt = [id for p in parts for id in (next(left).ids if isinstance(p, bytes) else p)]
        return self.ask(prompt, count, salt=salt, pictures=pictures, **options)

    def answered(self, *parts: Part, **options: Any) -> Done:
        answer = self.show(*parts, **options)
        self.finish()
        assert answer.tokens == wanted(*parts, count=len(answer.tokens))
        return self.done(answer)


def wanted(*parts: Part, count: int = 8) -> list[int]:
    """What the model says after `parts`, which it sees in no cache."""
    seen: list[int] = []
    for part in parts:
        if isinstance(part, bytes):
            made: Any = FakeModel(HASHED, SIZE)
            vision = Vision(FakeTower(), made, None)  # type: ignore[arg-type]
            (picture,) = vision.read([part], "")
            vision.look(picture)
            ids = as_read(picture.embedding.get_ids_tensor()[0], [picture.embedding])
            seen += ids.tolist()
        else:
            seen += part
    return HASHED.continued(seen, count)


@pytest.mark.parametrize("paged", [True, False])
def test_an_answer_is_about_the_pictures_in_their_order(paged: bool):
    before, between, after = words(1, 30), words(2, 20), words(3, 10)
    assert wanted(before, RED, after) != wanted(before, BLUE, after)
    scheduler = Seeing(paged=paged)
    done = scheduler.answered(before, RED, between, BLUE, after)
    assert done.prompt_tokens == 60 + 2 * PLACES
    scheduler.answered(before, BLUE, between, RED, after)
    scheduler.answered(RED, RED, after)
    scheduler.answered(before, RED)


def test_a_picture_is_read_in_chunks_and_found_again():
    scheduler = Seeing()
    before, after = words(1, 300), words(2, 40)
    cold = scheduler.answered(before, LARGE, after)
    assert (cold.prompt_tokens, cold.cached_tokens) == (340 + LARGE_PLACES, 0)
    chunks = scheduler.model.prefilled
    assert chunks == cold.prompt_tokens - 1
    assert scheduler.answered(before, LARGE, after).cached_tokens == cold.prompt_tokens - 1
    assert scheduler.model.prefilled == chunks
    assert scheduler.tower.looks == 1


def test_no_two_pictures_share_a_page():
    scheduler = Seeing()
    before, after = words(1, 700), words(2, 40)
    scheduler.answered(before, RED, after)
    assert scheduler.answered(before, BLUE, after).cached_tokens == 700
    assert scheduler.answered(words(3, 700), RED, after).cached_tokens == 0
    assert scheduler.tower.looks == 2


def test_nobody_finds_what_was_seen_for_another():
    scheduler = Seeing()
    prompt = (words(1, 300), RED, words(2, 40))
    scheduler.answered(*prompt, salt="ada")
    assert scheduler.answered(*prompt, salt="bob").cached_tokens == 0
    # Whether the tower is spared shows in times.
    assert scheduler.tower.looks == 2
    assert scheduler.answered(*prompt, salt="ada").cached_tokens == 339 + PLACES


def test_only_the_last_pictures_are_kept():
    scheduler = Seeing()
    after = words(1, 20)
    scheduler.answered(RED, after)
    for height in range(1, KEPT):
        scheduler.answered(encoded(280, 140 + 28 * height), after)
    scheduler.answered(RED, after)
    assert scheduler.tower.looks == KEPT
    scheduler.answered(encoded(560, 560), after)
    scheduler.answered(encoded(280, 168), after)  # the one that was shown longest ago
    assert scheduler.tower.looks == KEPT + 2


def test_two_people_ask_about_pictures_beside_one_who_types():
    scheduler = Seeing()
    parts = [(words(1, 40), RED, words(2, 30)), (words(1, 40), BLUE, words(2, 30)), (words(3, 90),)]
    answers = [scheduler.show(*p, count=20, salt=str(n)) for n, p in enumerate(parts)]
    scheduler.finish()
    for answer, prompt in zip(answers, parts, strict=True):
        assert answer.tokens == wanted(*prompt, count=20)
    assert (3, 1) in scheduler.model.steps


def test_between_two_pictures_the_others_get_their_tokens():
    scheduler = Seeing()
    typed = scheduler.show(words(1, 20), count=50)
    scheduler.round()
    scheduler.round()
    written = len(typed.tokens)
    looked = scheduler.show(RED, words(2, 5), BLUE, words(2, 5), encoded(140, 140), words(2, 5))
    for looks in (1, 2, 3):
        scheduler.round()
        assert scheduler.tower.looks == looks
        assert len(typed.tokens) == written + looks
    scheduler.finish()
    assert scheduler.done(looked).reason == "length"
    assert typed.tokens == HASHED.continued(words(1, 20), 50)


def test_nothing_is_warmed_while_somebody_waits_for_the_tower():
    scheduler = Seeing()
    scheduler._cold = [0]
    scheduler.show(RED, BLUE, words(1, 5))
    scheduler.round()
    scheduler.round()
    assert scheduler.tower.looks == 2
    assert not scheduler.model.steps


def test_a_request_that_is_cancelled_between_is_looked_at_no_more():
    scheduler = Seeing()
    answer = scheduler.show(RED, BLUE, words(1, 5))
    scheduler.round()
    scheduler.cancel(answer.request.id)
    scheduler.finish()
    assert scheduler.tower.looks == 1
    assert scheduler.done(answer).reason == "cancelled"
    scheduler.answered(RED, BLUE, words(1, 5))
    assert scheduler.tower.looks == 2


def test_where_the_tower_fails_it_is_the_failure_of_one():
    faults: list[Exception] = [RuntimeError("no memory"), EngineError("it is odd")]

    def before() -> None:
        if faults:
            raise faults.pop(0)

    scheduler = Seeing(FakeTower(before=before))
    typed = scheduler.show(words(1, 20), count=30)
    scheduler.round()
    reasons: list[str] = []
    for _ in range(2):
        failed = scheduler.show(RED, words(2, 5))
        for _ in range(2):
            scheduler.round()
        (told,) = scheduler.told[failed.request.id]
        assert isinstance(told, EngineError)
        reasons.append(told.reason)
    assert reasons == ["ExLlamaV2 failed: RuntimeError: no memory", "it is odd"]
    assert scheduler.answered(RED, words(2, 5)).reason == "length"
    assert typed.tokens == HASHED.continued(words(1, 20), 30)


def test_who_gives_way_goes_on_with_the_picture():
    scheduler = Seeing(paged=False)  # one at a time
    prompt = (words(1, 300), RED, words(2, 30))
    late = scheduler.show(*prompt, count=40, priority="prefetch")
    for _ in range(12):
        scheduler.round()
    assert 0 < len(late.tokens) < 40
    scheduler.show(words(3, 50), count=5, priority="explicit")
    scheduler.finish()
    assert late.tokens == wanted(*prompt, count=40)
    assert scheduler.tower.looks == 1


def test_the_time_that_it_takes_counts_as_reading():
    scheduler = Seeing(FakeTower(before=lambda: time.sleep(0.2)))
    done = scheduler.answered(RED, words(1, 5))
    assert done.prefill_ms >= 200 > done.queue_ms


def test_a_draft_model_is_not_asked_about_pictures():
    scheduler = Seeing(draft=Hashed(SIZE))
    guesser: Any = scheduler._loaded.draft_model
    seen: list[int] = []
    forward = guesser.forward_chunk

    def watched(input_ids: Any, *arguments: Any, **options: Any) -> Any:
        seen.extend(input_ids.flatten().tolist())
        return forward(input_ids, *arguments, **options)

    guesser.forward_chunk = watched
    prompt = (words(1, 40), RED, words(2, 300))
    typed = scheduler.show(words(3, 90), count=60)
    asked = scheduler.show(*prompt, count=20)
    scheduler.finish()
    assert asked.tokens == wanted(*prompt, count=20)
    assert typed.tokens == HASHED.continued(words(3, 90), 60)
    assert max(seen) < FIRST
    # Alone again, the other is guessed for.
    assert scheduler.done(typed).accepted > 0
