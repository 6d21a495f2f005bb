"""Our stand-in for flash-attn, against attention computed in float64."""

from __future__ import annotations

import importlib
import math
from itertools import pairwise
from typing import Any

import pytest
import torch

flash: Any = importlib.import_module("flash_attn")

PAGE = 256


def reference(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = True, left: int = -1
) -> torch.Tensor:
    """Attention of (rows, heads, dim) to (keys, kv heads, dim), one row and head at a time."""
    rows, heads, dim = q.shape
    keys, kv_heads, _ = k.shape
    out = torch.empty((rows, heads, dim), dtype=torch.float64)
    for row in range(rows):
        own = keys - rows + row
        last = own + 1 if causal else keys
        first = max(0, own - left) if left >= 0 else 0
        for head in range(heads):
            other = head * kv_heads // heads
            seen = k[first:last, other].double()
            weights = (seen @ q[row, head].double() / math.sqrt(dim)).softmax(0)
            out[row, head] = weights @ v[first:last, other].double()
    return out


def far(got: torch.Tensor, want: torch.Tensor) -> float:
    return float((got.double() - want).abs().max() / want.abs().max())


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


SHAPES = [(14, 2, 64), (9, 3, 64), (28, 4, 128)]


@pytest.mark.parametrize(("heads", "kv_heads", "dim"), SHAPES)
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_new_keys_go_into_the_pages_and_are_seen(heads: int, kv_heads: int, dim: int, rows: int):
    lengths = [700, 3, 255]
    keys, values = normal(12, PAGE, kv_heads, dim), normal(12, PAGE, kv_heads, dim, seed=1)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(rows))
    table = order.view(3, 4).int()
    q = normal(3, rows, heads, dim)
    k, v = normal(3, rows, kv_heads, dim, seed=2), normal(3, rows, kv_heads, dim, seed=3)
    before = keys.clone(), values.clone()
    out = flash.flash_attn_with_kvcache(
        q, keys, values, k, v, torch.tensor(lengths, dtype=torch.int32), table, causal=True
    )
    written = 0
    for at, length in enumerate(lengths):
        places = [
            int(table[at, position // PAGE]) * PAGE + position % PAGE
            for position in range(length + rows)
        ]
        flat = before[0].flatten(0, 1)[places], before[1].flatten(0, 1)[places]
        flat[0][length:], flat[1][length:] = k[at], v[at]
        assert far(out[at], reference(q[at], *flat)) < 2e-6
        assert torch.equal(keys.flatten(0, 1)[places], flat[0])
        assert torch.equal(values.flatten(0, 1)[places], flat[1])
        written += rows
    changed = (keys != before[0]).flatten(0, 1).any(-1).any(-1).sum()
    assert int(changed) == written


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_keys_that_were_written_before_are_seen(rows: int):
    keys, values = normal(4, PAGE, 2, 64), normal(4, PAGE, 2, 64, seed=1)
    table = torch.tensor([[2, 0, 3, 1]], dtype=torch.int32)
    q = normal(1, rows, 4, 64)
    out = flash.flash_attn_with_kvcache(
        q, keys, values, cache_seqlens=torch.tensor([600]), block_table=table, causal=True
    )
    flat = [cache[[2, 0, 3]].flatten(0, 1)[:600] for cache in (keys, values)]
    assert far(out[0], reference(q[0], *flat)) < 2e-6


def test_the_layers_of_a_pass_share_its_places_and_the_next_pass_has_its_own():
    table = torch.tensor([[0, 1]], dtype=torch.int32)
    q = normal(1, 1, 2, 64)
    for lengths in (torch.tensor([300]), torch.tensor([301])):
        for layer in range(2):
            keys, values = normal(2, PAGE, 2, 64, seed=layer), normal(2, PAGE, 2, 64, seed=9)
            out = flash.flash_attn_with_kvcache(
                q, keys, values, cache_seqlens=lengths, block_table=table, causal=True
            )
            count = int(lengths[0])
            flat = [cache.flatten(0, 1)[:count] for cache in (keys, values)]
            assert far(out[0], reference(q[0], *flat)) < 2e-6


@pytest.mark.parametrize(("rows", "keys"), [(6, 6), (3, 9), (1, 9)])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("left", [-1, 4])
def test_attention_without_pages(rows: int, keys: int, causal: bool, left: int):
    q, k, v = normal(2, rows, 4, 32), normal(2, keys, 2, 32), normal(2, keys, 2, 32, seed=1)
    window = (left, -1)
    out = flash.flash_attn_func(q, k, v, causal=causal, window_size=window)
    for at in range(2):
        assert far(out[at], reference(q[at], k[at], v[at], causal, left)) < 2e-6


def test_the_scale_is_taken():
    q, k, v = normal(1, 3, 2, 32), normal(1, 3, 2, 32), normal(1, 3, 2, 32, seed=1)
    out = flash.flash_attn_func(q, k, v, softmax_scale=0.5, causal=True)
    want = reference(q[0] * 0.5 * math.sqrt(32), k[0], v[0])
    assert far(out[0], want) < 2e-6


def test_no_kernel_is_built_for_each_number_of_keys():
    assert not torch.backends.cuda.cudnn_sdp_enabled()


@pytest.mark.parametrize("rows", [2, 32])
def test_where_there_is_a_mask_every_kernel_may_be_taken(
    rows: int, monkeypatch: pytest.MonkeyPatch
):
    asked: list[dict[str, Any]] = []
    real = flash.scaled_dot_product_attention

    def attention(*tensors: torch.Tensor, **options: Any) -> torch.Tensor:
        asked.append({"heads": [tensor.shape[1] for tensor in tensors], **options})
        return real(*tensors, **options)

    monkeypatch.setattr(flash, "scaled_dot_product_attention", attention)
    q, k = normal(1, rows, 28, 64), normal(1, 300, 4, 64)
    flash.flash_attn_func(q, k, k, causal=True)
    assert asked[0]["heads"] == [4, 4, 4]
    assert asked[0]["attn_mask"].shape == (7 * rows, 300)
    assert not asked[0]["enable_gqa"]


def test_what_it_can_not_do_it_does_not_pretend_to():
    q = normal(1, 3, 2, 32)
    with pytest.raises(NotImplementedError, match="soft-capped"):
        flash.flash_attn_func(q, q, q, softcap=30.0)


@pytest.mark.parametrize("causal", [True, False])
def test_sequences_in_a_row_see_only_their_own(causal: bool):
    ends = torch.tensor([0, 4, 5, 12], dtype=torch.int32)
    q, k, v = (normal(1, 12, heads, 32, seed=heads)[0] for heads in (4, 2, 2))
    out = flash.flash_attn_varlen_func(q, k, v, ends, ends, 7, 7, causal=causal)
    for start, end in pairwise(ends.tolist()):
        own = slice(start, end)
        assert far(out[own], reference(q[own], k[own], v[own], causal, -1)) < 2e-6
