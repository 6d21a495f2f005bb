"""The contract suite holds answers on real engines; here is what they seldom do."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_fastgen.engine.answer import Answer
from jupyter_fastgen.engine.base import Request


def event(content: str, *tokens: int) -> dict[str, Any]:
    return {"content": content, "tokens": list(tokens), "stop": False}


def end(kind: str = "limit") -> dict[str, Any]:
    return {"content": "", "tokens": [], "stop": True, "stop_type": kind}


def choices(*texts: str) -> dict[str, Any]:
    """The likeliest tokens, each half as likely as the one before it."""
    told = [
        {"id": n, "bytes": list(text.encode()), "logprob": -math.log(2) * (n + 1)}
        for n, text in enumerate(texts)
    ]
    return event(texts[0], 0) | {"completion_probabilities": [{"top_logprobs": told}]}


def test_bursts_go_on_where_the_last_one_ended_until_the_tokens_are_used_up():
    answer = Answer(Request(1, "p", max_tokens=3), 2)
    assert answer.body()["prompt"] == "p"
    assert answer.body()["n_predict"] == 2
    assert answer.take(event("a", 7)) + answer.take(event("b", 8)) + answer.take(end()) == "ab"
    answer.end_burst(2)
    assert answer.reason is None
    assert answer.body()["prompt"] == ["p", 7, 8]
    assert answer.body()["n_predict"] == 1
    answer.take(event("c", 9))
    answer.take(end())
    answer.end_burst(1)
    assert answer.reason == "length"


def test_the_models_own_end_is_the_answers():
    answer = Answer(Request(1, "p"), 1)
    answer.take(end("eos"))
    answer.end_burst(1)
    assert answer.reason == "stop"


def test_an_answer_of_a_seed_is_asked_for_at_once():
    # In each burst the random numbers of a seed would begin anew.
    answer = Answer(Request(1, "p", max_tokens=9, temperature=0.5, seed=3), 2)
    body = answer.body()
    assert (body["n_predict"], body["temperature"], body["seed"]) == (9, 0.5, 3)


def test_half_a_character_is_asked_for_again_with_all_that_follows():
    answer = Answer(Request(1, "p", max_tokens=9), 1)
    answer.take(event("a", 7))
    answer.take(end())
    answer.end_burst(1)
    answer.take(end())  # a token, and no text of it
    answer.end_burst(1)
    body = answer.body()
    assert body["prompt"] == ["p", 7, ""]
    assert body["n_predict"] == 7


def test_the_likeliest_token_that_agrees_with_what_was_typed_is_chosen():
    answer = Answer(Request(1, "p", begin=" mon"), 4)
    assert answer.body()["n_predict"] == 1
    assert answer.take(choices(" x", "<|im_end|>", "mon", " mo", " month")) == " mo"
    answer.take(end("eos"))
    answer.end_burst(1)
    assert answer.reason is None
    assert answer.body()["prompt"] == ["p", 3]
    assert answer.take(choices("x", "nths")) == "nths"
    answer.end_burst(1)
    assert "n_probs" not in answer.body()
    assert answer.body()["n_predict"] == 4


def test_where_no_token_agrees_a_grammar_makes_one():
    answer = Answer(Request(1, "p", begin='"\\\n'), 4)
    assert answer.take(choices("x", "y")) == ""
    answer.end_burst(1)
    assert answer.reason is None
    assert answer.body()["grammar"] == r'root ::= "\"\\\n" .*'
    assert answer.body()["n_predict"] == 4


def test_at_once_or_with_a_temperature_the_grammar_is_used_from_the_start():
    assert "grammar" in Answer(Request(1, "p", begin="x"), None).body()
    assert "grammar" in Answer(Request(1, "p", begin="x", temperature=0.5), 1).body()


def test_a_grammar_is_followed_in_one_burst():
    answer = Answer(Request(1, "p", max_tokens=9, grammar='root ::= "x"'), 4)
    assert answer.body()["grammar"] == 'root ::= "x"'
    assert answer.body()["n_predict"] == 9


def likely(content: str, logprob: float) -> dict[str, Any]:
    return event(content, 0) | {"completion_probabilities": [{"logprob": logprob}]}


def test_tokens_are_asked_how_likely_they_are():
    answer = Answer(Request(1, "p", stop=("xy",), logprobs=True), 1)
    assert answer.body()["n_probs"] == 1
    assert answer.take(likely("x", -0.5)) == ""
    answer.end_burst(1)
    assert answer.body()["n_probs"] == 1
    assert answer.take(likely("z", -0.25)) == "xz"
    assert answer.take_logprobs() == (-0.5, -0.25)
    assert answer.take_logprobs() == ()
    assert "n_probs" not in Answer(Request(1, "p"), 1).body()


def test_a_chosen_token_is_as_likely_as_it_is_among_those_that_agree():
    answer = Answer(Request(1, "p", begin=" mon", logprobs=True), 4)
    answer.take(choices(" x", " mo", "y", " month"))  # 1/4 and 1/16 agree
    assert answer.take_logprobs() == (pytest.approx(math.log(4 / 5)),)
    plain = Answer(Request(1, "p", begin=" mon"), 4)
    plain.take(choices(" x", " mo"))
    assert plain.take_logprobs() == ()


def test_starts_are_the_tokens_that_go_beyond_what_the_answer_must_begin_with():
    answer = Answer(Request(1, "p", begin=" mon", starts=2), None)
    assert answer.take(choices(" x", " mo", " month", " money")) == ""
    answer.end_burst(1)
    assert answer.reason is None
    assert answer.take(choices("n", "nth", "xyz", "nday", "nster")) == ""
    answer.end_burst(1)
    assert answer.reason is None  # no more than it must begin with
    assert answer.take(choices("th", "<|im_end|>", "day", "ster")) == ""
    assert answer.reason == "stop"
    assert [start.text for start in answer.starts] == [" month", " monday"]
    assert answer.starts[0].probability > answer.starts[1].probability


def test_where_no_token_agrees_there_are_no_starts():
    answer = Answer(Request(1, "p", begin="q", starts=2), 1)
    answer.take(choices("x", "y"))
    answer.end_burst(1)
    assert answer.reason == "stop"
    assert answer.starts == ()
