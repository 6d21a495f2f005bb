from __future__ import annotations

import pytest

from jupyter_fastgen.engine.base import EngineError, KVFormat
from jupyter_fastgen.engine.exllamav2 import memory

QWEN_7B = memory.Shape(layers=28, kv_heads=4, head_dim=128)


@pytest.mark.parametrize(
    ("kv", "expected"),
    [
        ("fp16", 28 * 2 * 4 * 128 * 2),
        # One byte an element and two for each 32 of them; and one layer as fp16.
        ("q8", 28 * 2 * 4 * 128 * (1 + 1 / 16) + 2 * 4 * 128 * 2),
        ("q4", 28 * 2 * 4 * 128 * (0.5 + 1 / 16) + 2 * 4 * 128 * 2),
    ],
)
def test_the_bytes_of_a_token(kv: KVFormat, expected: float):
    assert memory.token_bytes(QWEN_7B, kv) == expected


def test_with_room_enough_there_is_some_for_more_documents_than_are_asked_for():
    assert memory.cache_tokens(4000, 2, free=1e12, per_token=1000) == 4 * 2 * 4096


def test_with_little_room_it_is_shared_with_others():
    tokens = memory.cache_tokens(8192, 2, free=10e6, per_token=1000)
    assert tokens % memory.PAGE == 0
    assert 0.75 * 10e6 < tokens * 1000 <= 0.8 * 10e6


@pytest.mark.parametrize("free", [1e6, 0, -5e9])
def test_with_too_little_it_says_how_much_there_is(free: float):
    with pytest.raises(EngineError, match=r"the GPU has 0\.0 GB left.*smaller"):
        memory.cache_tokens(8192, 2, free=free, per_token=1000)
