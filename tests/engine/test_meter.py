from __future__ import annotations

from typing import Any

import pytest

from jupyter_fastgen.engine.meter import Meter


def told(prompt: int, cached: int, prompt_ms: float, new: int, decode_ms: float) -> dict[str, Any]:
    return {
        "timings": {
            "prompt_n": prompt,
            "cache_n": cached,
            "prompt_ms": prompt_ms,
            "predicted_n": new,
            "predicted_ms": decode_ms,
        }
    }


def test_the_prompt_counts_once_and_later_bursts_are_decoding():
    meter = Meter(7)
    meter.start_burst()
    meter.read(told(5, 700, 90.0, 1, 0.1))
    meter.text()
    meter.start_burst()
    meter.read(told(1, 705, 40.0, 2, 41.0))
    done = meter.done("length")
    assert (done.id, done.reason) == (7, "length")
    assert (done.prompt_tokens, done.cached_tokens, done.prefilled_tokens) == (705, 700, 5)
    assert done.new_tokens == 3
    assert done.prefill_ms == 90.0
    assert done.decode_ms == pytest.approx(81.1)
    assert meter.token_ms == pytest.approx(40.5)


def test_one_token_with_the_prompt_tells_nothing_of_the_speed():
    meter = Meter(1)
    meter.start_burst()
    meter.read(told(5, 0, 90.0, 1, 0.1))
    assert meter.token_ms == 0


def test_a_prompt_cut_short_counts_as_far_as_it_was_read():
    meter = Meter(1)
    meter.start_burst()
    meter.read({"prompt_progress": {"total": 300, "cache": 10, "processed": 74, "time_ms": 400}})
    done = meter.done("cancelled")
    assert (done.prompt_tokens, done.prefilled_tokens, done.new_tokens) == (74, 64, 0)
    assert done.first_ms is None


def test_drafts_of_all_bursts_are_counted():
    meter = Meter(1)
    for new, drafted, accepted in ((9, 8, 6), (4, 8, 2)):
        meter.start_burst()
        data = told(1, 0, 1.0, new, 1.0)
        data["timings"] |= {"draft_n": drafted, "draft_n_accepted": accepted}
        meter.read(data)
    done = meter.done("stop")
    assert (done.drafted, done.accepted) == (16, 8)
    assert (done.new_tokens, done.passes) == (13, 5)
