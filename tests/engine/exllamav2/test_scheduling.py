"""The library's scheduler, with our jobs, drafts and order."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from jupyter_fastgen.engine.base import Done, Priority
from jupyter_fastgen.engine.exllamav2 import loading
from jupyter_fastgen.engine.exllamav2.copying import MATCH, Copier
from jupyter_fastgen.engine.exllamav2.warming import PASSES, WARMED

from .harness import MARGIN, FakeModel, Stepped, loaded
from .language import Hashed, Scripted

SIZE = 320
HASHED = Hashed(SIZE)


def words(seed: int, count: int) -> list[int]:
    """A prompt of so many tokens."""
    return random.Random(seed).choices(range(5, SIZE), k=count)


@pytest.fixture
def scheduler() -> Stepped:
    return Stepped(loaded(HASHED, tokens=4096))


@pytest.fixture
def unpaged() -> Stepped:
    return Stepped(loaded(HASHED, tokens=4096, paged=False))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 256)


def prefilled(scheduler: Stepped, prompt: list[int]) -> int:
    """Tokens the model computes for a prompt that is only to be read."""
    before = scheduler.model.prefilled
    scheduler.answer(prompt, 0)
    return scheduler.model.prefilled - before


def test_an_answer_is_what_the_model_says(scheduler: Stepped):
    prompt = words(1, 700)
    answer = scheduler.ask(prompt, 300)
    scheduler.finish()
    assert answer.tokens == HASHED.continued(prompt, 300)
    assert scheduler.done(answer).reason == "length"


def test_what_was_read_once_is_not_read_again(scheduler: Stepped):
    first = words(1, 1000)
    assert prefilled(scheduler, first) == 999
    assert prefilled(scheduler, first) == 0
    assert prefilled(scheduler, [*first, 7]) == 0
    assert prefilled(scheduler, [*first[:900], 7, *first[901:]]) == 99
    assert prefilled(scheduler, [*first[:300], 7, *first[300:]]) == 700
    prefilled(scheduler, words(2, 1000))
    assert prefilled(scheduler, first) == 0


def test_counts_of_the_cache_are_those_of_the_model(scheduler: Stepped):
    first = words(1, 1000)
    assert scheduler.answer(first, 4).cached_tokens == 0
    again = scheduler.answer([*first[:600], *words(3, 50)], 4)
    assert (again.prompt_tokens, again.cached_tokens) == (650, 600)


def test_an_answer_is_known_as_the_beginning_of_the_next_prompt(scheduler: Stepped):
    prompt = words(1, 300)
    answer = scheduler.ask(prompt, 200)
    scheduler.finish()
    assert prefilled(scheduler, [*prompt, *answer.tokens]) <= 1


def test_of_a_cancelled_prompt_what_was_read_stays(scheduler: Stepped, small_chunks: None):
    scheduler = Stepped(loaded(HASHED))
    prompt = words(1, 2000)
    answer = scheduler.ask(prompt, 5)
    for _ in range(4):
        scheduler.round()
    assert scheduler.model.prefilled == 1024
    scheduler.cancel(answer.request.id)
    scheduler.round()
    assert scheduler.done(answer).reason == "cancelled"
    assert scheduler.done(answer).new_tokens == 0
    assert prefilled(scheduler, prompt) == 975


def test_a_cancelled_request_computes_no_further_step(scheduler: Stepped):
    answer = scheduler.ask(words(1, 100), 500)
    for _ in range(5):
        scheduler.round()
    steps = len(scheduler.model.steps)
    scheduler.cancel(answer.request.id)
    scheduler.cancel(answer.request.id)
    scheduler.cancel(10**9)
    scheduler.finish()
    assert len(scheduler.model.steps) == steps
    assert [type(event) for event in scheduler.told[answer.request.id]].count(Done) == 1


def test_more_documents_than_fit_are_answered_all_the_same():
    scheduler = Stepped(loaded(HASHED, tokens=2048))
    prompts = [words(seed, 900) for seed in range(3)]
    for prompt in prompts * 2:
        answer = scheduler.ask(prompt, 20)
        scheduler.finish()
        assert answer.tokens == HASHED.continued(prompt, 20)


def test_jobs_are_computed_together(scheduler: Stepped):
    asked = [(words(seed, 50), 10) for seed in range(4)]
    answers = [scheduler.ask(prompt, count) for prompt, count in asked]
    scheduler.finish()
    assert [answer.tokens for answer in answers] == [
        HASHED.continued(prompt, count) for prompt, count in asked
    ]
    assert (4, 1) in scheduler.model.steps


def test_two_live_jobs_read_what_they_share_once(scheduler: Stepped):
    shared = words(1, 1024)
    answers = [scheduler.ask([*shared, *words(seed, 8)], 5) for seed in (2, 3)]
    scheduler.finish()
    assert scheduler.model.prefilled < 1024 + 2 * 8 + 8
    assert all(len(answer.tokens) == 5 for answer in answers)


def test_without_pages_jobs_come_one_by_one(unpaged: Stepped):
    prompts = [words(seed, 300) for seed in range(3)]
    answers = [unpaged.ask(prompt, 12, Copier(prompt, MATCH, None)) for prompt in prompts]
    unpaged.finish()
    for prompt, answer in zip(prompts, answers, strict=True):
        assert answer.tokens == HASHED.continued(prompt, 12)
    assert max(jobs for jobs, _ in unpaged.model.steps) == 1
    assert prefilled(unpaged, [*prompts[-1], 9]) == 0


# --- users who are kept apart ---------------------------------------------------------


@pytest.fixture(params=["paged", "unpaged"])
def either(request: pytest.FixtureRequest) -> Stepped:
    return Stepped(loaded(HASHED, tokens=4096, paged=request.param == "paged"))


def cost(scheduler: Stepped, prompt: list[int], count: int, salt: str) -> tuple[int, int]:
    """What the model computes for a prompt and its answer, and what is told to be cached."""
    before = scheduler.model.prefilled
    cached = scheduler.answer(prompt, count, salt=salt).cached_tokens
    return scheduler.model.prefilled - before, cached


@pytest.mark.parametrize("length", [1, 2, 100, 255, 256, 257, 600, 1000])
def test_nobody_sees_what_another_user_left_in_the_cache(either: Stepped, length: int):
    prompt = words(1, length)
    cold = cost(either, prompt, 5, "alice")
    assert cold == (length - 1, 0)
    assert cost(either, prompt, 5, "bob") == cold
    assert cost(either, prompt, 5, "") == cold
    # What is one's own is found again, so far as the page of an answer is not taken for another.
    assert cost(either, prompt, 5, "")[0] <= 1


@pytest.mark.parametrize("probed", [300, 260, 200])
def test_nobody_sees_what_was_written_for_another_user(either: Stepped, probed: int):
    # The answer goes over the end of the first page, and of the second.
    prompt = words(1, 200)
    answer = either.ask(prompt, 400, salt="alice")
    either.finish()
    guess = [*prompt, *answer.tokens][:probed]
    assert cost(either, guess, 1, "bob") == (probed - 1, 0)
    if either._generator.paged:
        assert cost(either, [*prompt, *answer.tokens][:590], 1, "alice")[0] <= 1


def test_of_a_prompt_of_one_token_nobody_sees_the_answer(either: Stepped):
    answer = either.ask([7], 100, salt="alice")
    either.finish()
    guess = [7, *answer.tokens][:90]
    assert cost(either, guess, 1, "bob") == (89, 0)


def test_users_at_the_same_time_share_nothing(scheduler: Stepped):
    shared = words(1, 1000)
    answers = [scheduler.ask(shared, 60, salt=salt) for salt in ("alice", "bob", "alice")]
    scheduler.finish()
    assert scheduler.model.prefilled == 2 * 999
    for answer in answers:
        assert answer.tokens == HASHED.continued(shared, 60)


def test_of_cancelled_requests_of_others_nothing_is_seen(small_chunks: None):
    scheduler = Stepped(loaded(HASHED, tokens=4096))
    prompt = words(1, 1000)
    for _ in range(3):
        answer = scheduler.ask(prompt, 5, salt="alice")
        scheduler.round()
        scheduler.round()
        scheduler.cancel(answer.request.id)
        scheduler.round()
    assert cost(scheduler, prompt, 5, "bob") == (999, 0)


def test_whatever_users_ask_by_turns_each_finds_their_own_alone():
    dice = random.Random(4)
    scheduler = Stepped(loaded(HASHED, tokens=8192))
    texts = [words(seed, 700) for seed in range(2)]
    seen: dict[str, set[tuple[int, ...]]] = {"alice": set(), "bob": set(), "": set()}
    for _ in range(60):
        text, salt = dice.choice(texts), dice.choice([*seen])
        prompt = text[: dice.randint(1, 700)]
        answer = scheduler.ask(prompt, dice.randint(0, 80), salt=salt)
        scheduler.finish()
        assert answer.tokens == HASHED.continued(prompt, len(answer.tokens))
        known = max((_shared(prompt, old) for old in seen[salt]), default=0)
        assert scheduler.done(answer).cached_tokens <= known
        seen[salt].add((*prompt, *answer.tokens))


def _shared(one: list[int], other: tuple[int, ...]) -> int:
    """How many tokens two sequences begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


# --- whom to serve first --------------------------------------------------------


def test_the_more_urgent_goes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loading, "JOBS", 1)
    scheduler = Stepped(loaded(HASHED))
    ended: list[str] = []
    order: tuple[Priority, ...] = ("prefetch", "ghost", "explicit")
    answers = {
        priority: scheduler.ask(words(at, 60), 8, priority=priority)
        for at, priority in enumerate(order)
    }
    while len(ended) < 3:
        scheduler.round()
        ended += [name for name, answer in answers.items() if answer.reason and name not in ended]
    assert ended == ["explicit", "ghost", "prefetch"]


def test_one_that_gave_way_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loading, "JOBS", 1)
    scheduler = Stepped(loaded(HASHED))
    ahead = scheduler.ask(words(1, 600), 40, priority="prefetch")
    for _ in range(12):
        scheduler.round()
    begun = len(ahead.tokens)
    assert 0 < begun < 40
    read = scheduler.model.prefilled
    urgent = scheduler.ask(words(2, 60), 8, priority="explicit")
    scheduler.round()
    assert len(ahead.tokens) == begun
    scheduler.finish()
    assert urgent.tokens == HASHED.continued(words(2, 60), 8)
    assert ahead.tokens == HASHED.continued(words(1, 600), 40)
    assert scheduler.done(ahead).new_tokens == 40
    assert scheduler.model.prefilled <= read + 60 + 1


def test_the_urgent_takes_pages_from_the_less_urgent():
    scheduler = Stepped(loaded(HASHED, tokens=1024))
    ahead = scheduler.ask(words(1, 500), 200, priority="prefetch")
    scheduler.round()
    urgent = scheduler.ask(words(2, 500), 10, priority="explicit")
    for _ in range(14):
        scheduler.round()
    assert urgent.reason == "length"
    assert ahead.reason is None
    scheduler.finish()
    assert ahead.tokens == HASHED.continued(words(1, 500), 200)


# --- drafts ---------------------------------------------------------------------


def edited() -> tuple[list[int], list[int], list[int]]:
    """A prompt, the text in it that is edited, and the edited text: parts new, gone and changed."""
    source = words(5, 600)
    answer = [
        *source[:100],
        *words(6, 12),
        *source[100:220],
        *source[260:400],
        7,
        *source[401:],
    ]
    return [*words(7, 40), *source], source, answer


@pytest.mark.parametrize("paged", [True, False])
def test_drafts_change_no_token_and_save_most_passes(paged: bool):
    prompt, source, text = edited()
    language = Scripted(SIZE, len(prompt), text, end=0)
    answers, passes = [], []
    for copier in (None, Copier(source, MATCH, 0)):
        scheduler = Stepped(loaded(language, paged=paged))
        answer = scheduler.ask(prompt, 1000, copier)
        scheduler.finish()
        answers.append(answer.tokens)
        passes.append(len(scheduler.model.steps))
        done = scheduler.done(answer)
        assert done.reason == "stop"
        assert done.passes == passes[-1]
        assert done.drafted >= done.accepted
    assert answers[0] == answers[1] == [*text, 0]
    assert passes[0] == len(text) + 1
    assert len(text) / passes[1] > 15


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 100])
def test_with_drafts_an_answer_has_all_its_tokens(count: int):
    source = words(5, 600)
    scheduler = Stepped(loaded(Scripted(SIZE, 600, source, end=0)))
    answer = scheduler.ask(source, count, Copier(source, MATCH, 0))
    scheduler.finish()
    assert answer.tokens == source[:count]
    assert scheduler.done(answer).reason == "length"


def test_the_widest_draft_runs_and_none_is_of_another_width():
    source = words(5, 600)
    scheduler = Stepped(loaded(Scripted(SIZE, 600, source, end=0)))
    scheduler.answer(source, 470, Copier(source, MATCH, 0))
    assert {rows for _, rows in scheduler.model.steps} <= {1, 4, 8, 16, 32}
    assert (1, 32) in scheduler.model.steps


def test_in_a_batch_drafts_are_narrow_enough_for_the_fast_kernels():
    source = words(5, 300)
    scheduler = Stepped(loaded(Scripted(SIZE, 300, source, end=0), tokens=8192))
    for _ in range(5):
        scheduler.ask(source, 100, Copier(source, MATCH, 0))
    scheduler.finish()
    assert max(jobs * rows for jobs, rows in scheduler.model.steps) <= 32
    assert (5, 4) in scheduler.model.steps


def test_drafts_to_the_very_end_of_the_cache():
    source = words(5, 600)
    made = loaded(Scripted(SIZE, 600, source, end=0), tokens=1280)
    scheduler = Stepped(made)
    answer = scheduler.ask(source, made.context - 600, Copier(source, MATCH, 0))
    scheduler.finish()
    assert len(answer.tokens) == 600 + 1  # the whole source, and its end
    assert 600 + len(answer.tokens) <= 1280 - MARGIN


def test_a_draft_model_that_agrees_saves_passes():
    prompt = words(1, 300)
    scheduler = Stepped(loaded(HASHED, draft=HASHED))
    answer = scheduler.ask(prompt, 100)
    scheduler.finish()
    assert answer.tokens == HASHED.continued(prompt, 100)
    assert scheduler.done(answer).accepted == 75
    assert len(scheduler.model.steps) == 25


def test_a_draft_model_that_never_agrees_changes_nothing():
    prompt = words(1, 300)
    scheduler = Stepped(loaded(HASHED, draft=Scripted(SIZE, 0, [6], end=6)))
    answer = scheduler.ask(prompt, 40)
    scheduler.finish()
    assert answer.tokens == HASHED.continued(prompt, 40)


def test_a_draft_model_goes_on_behind_what_was_copied():
    prompt, source, text = edited()
    language = Scripted(SIZE, len(prompt), text, end=0)
    made = loaded(language, draft=language)
    scheduler = Stepped(made)
    answer = scheduler.ask(prompt, 1000, Copier(source, MATCH, 0))
    scheduler.finish()
    assert answer.tokens == [*text, 0]
    guesser = made.draft_model
    assert isinstance(guesser, FakeModel)
    assert guesser.steps, "where nothing is copied the draft model guesses"


# --- idle time ------------------------------------------------------------------


def test_each_width_is_warmed_in_idle_time_and_gives_way():
    made = loaded(HASHED)
    made.widths = WARMED
    scheduler = Stepped(made)
    for _ in range(300):
        scheduler.round()
    before = len(scheduler.model.steps)
    answer = scheduler.ask(words(1, 60), 8)
    scheduler.finish()
    assert answer.tokens == HASHED.continued(words(1, 60), 8)
    assert scheduler.model.steps[before:] == [(1, 1)] * 8
    for _ in range(6 * PASSES):
        scheduler.round()
    counts = Counter(scheduler.model.steps)
    assert all(counts[1, width + 1] >= PASSES for width in WARMED)
    done = len(scheduler.model.steps)
    scheduler.round()
    assert len(scheduler.model.steps) == done


# --- all of it at once ----------------------------------------------------------


@pytest.mark.parametrize("paged", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_no_answer_is_wrong(seed: int, paged: bool, small_chunks: None):
    """Prompts that share beginnings, drafts that are partly wrong, and cancelling at any time."""
    chance = random.Random(seed)
    scheduler = Stepped(loaded(HASHED, tokens=4096, paged=paged))
    bases = [words(100 * seed + number, 900) for number in range(3)]
    live, ended = [], 0
    for _ in range(400):
        if len(live) < 3 and chance.random() < 0.3:
            base = chance.choice(bases)
            cut = base[: chance.randint(1, len(base))]
            prompt = [*cut, *words(chance.randint(0, 10**6), chance.choice([0, 1, 5, 40, 300]))]
            count = chance.randint(1, 120)
            expected = HASHED.continued(prompt, count)
            noisy = [token if chance.random() < 0.8 else 5 for token in expected]
            copier = Copier(noisy, MATCH, 0) if chance.random() < 0.6 else None
            priority = chance.choice(("explicit", "ghost", "prefetch"))
            live.append((prompt, expected, scheduler.ask(prompt, count, copier, priority)))
        scheduler.round()
        for prompt, expected, answer in list(live):
            assert answer.tokens == expected[: len(answer.tokens)]
            if answer.reason is not None:
                assert len(answer.tokens) == len(expected)
                live.remove((prompt, expected, answer))
                ended += 1
                if len(prompt) < 1200 and chance.random() < 0.3:
                    bases[chance.randrange(3)] = [*prompt, *expected]
            elif chance.random() < 0.03:
                scheduler.cancel(answer.request.id)
                live.remove((prompt, expected, answer))
    scheduler.finish()
    assert ended > 5
    assert not any(page.ref_count for page in scheduler._generator.all_pages)
