"""How large the KV cache may be: the rule, in numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import EngineError, KVFormat

PAGE = 256
"""Tokens in a page of the cache, ExLlamaV2's `PAGED_PAGE_SIZE`."""

CROWD = 4
"""Times the documents kept warm for which there is room: the oldest pages go first, so documents
that take turns in a cache that is just too small would find none of theirs."""

SHARE = 0.8
"""Of the memory that the weights leave free; the rest is for buffers and for others."""

LEAST = 1024
"""Tokens with which an engine is of use."""

_BITS: dict[KVFormat, tuple[float, float]] = {
    "fp16": (16, 0),
    # Quantized: a 16-bit scale for each 32 elements, and one layer's keys and values as fp16.
    "q8": (8 + 16 / 32, 16),
    "q6": (6 + 16 / 32, 16),
    "q4": (4 + 16 / 32, 16),
}
"""Bits of an element in each layer, and once for a whole device. In ExLlamaV2's Q6 keys have 8 bits
and values 4."""


@dataclass(frozen=True)
class Shape:
    """What of a model decides the size of its keys and values."""

    layers: int
    kv_heads: int
    head_dim: int


def token_bytes(shape: Shape, kv: KVFormat) -> float:
    """Bytes that one token takes in the cache."""
    each, once = _BITS[kv]
    elements = 2 * shape.kv_heads * shape.head_dim
    return elements * (shape.layers * each + once) / 8


def cache_tokens(context: int, slots: int, free: float, per_token: float) -> int:
    """Tokens of a cache for `slots` documents of `context` tokens, in whole pages.

    `free` bytes are left by the weights: `SHARE` of them are taken, up to `CROWD` times what the
    documents need. Raises `EngineError` where not even `LEAST` tokens fit.
    """
    wanted = -(-context // PAGE) * PAGE * max(1, slots) * CROWD
    fitting = int(SHARE * max(0.0, free) / per_token)
    tokens = min(wanted, fitting) // PAGE * PAGE
    if tokens < LEAST:
        raise EngineError(
            f"beside the weights the GPU has {max(0.0, free) / 1e9:.1f} GB left, too little for a"
            f" KV cache of {LEAST:,} tokens",
            "choose a smaller model or a smaller KV cache, or end what else uses the GPU",
        )
    return tokens
