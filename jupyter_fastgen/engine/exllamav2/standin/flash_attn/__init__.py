"""The functions of flash-attn that ExLlamaV2 calls, computed with torch's own attention.

Only on the path of an engine process without flash-attn: it makes paged attention possible there.
Shapes and meaning are those of flash-attn's `flash_attn_interface.py`. A query row of `rows` new
ones at the end of `keys` keys sees all keys up to its own: the mask is aligned bottom right.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

__version__ = "2.8.3"
"""Whose interface this is; ExLlamaV2 asks for 2.5.7 or later."""

# From Hopper on torch prefers cuDNN, which builds what it runs for each new number of keys: every
# token would wait for that.
torch.backends.cuda.enable_cudnn_sdp(False)

Tensor = torch.Tensor
Window = tuple[int, int]


def flash_attn_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    **_: Any,
) -> Tensor:
    """Attention of queries (batch, rows, heads, dim) to keys and values (batch, keys, …)."""
    _check(dropout_p, softcap)
    rows = [
        _attend(one_q, one_k, one_v, softmax_scale, causal, window_size)
        for one_q, one_k, one_v in zip(q, k, v, strict=True)
    ]
    return torch.stack(rows)


def flash_attn_with_kvcache(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    k: Tensor | None = None,
    v: Tensor | None = None,
    cache_seqlens: Tensor | None = None,
    block_table: Tensor | None = None,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    **_: Any,
) -> Tensor:
    """Attention to a paged cache (pages, page size, heads, dim), into which `k` and `v` go first.

    `block_table` holds each sequence's pages in order, `cache_seqlens` how many of its keys the
    cache has already.
    """
    _check(0.0, softcap)
    if cache_seqlens is None or block_table is None:
        raise NotImplementedError("only a paged cache, with the length of each sequence")
    keys, values = k_cache.flatten(0, 1), v_cache.flatten(0, 1)
    new = 0 if k is None else k.shape[1]
    rows: list[Tensor] = []
    for at, places in enumerate(_places.of(block_table, cache_seqlens, new, k_cache.shape[1])):
        if k is not None and v is not None:
            keys[places[-new:]] = k[at]
            values[places[-new:]] = v[at]
        rows.append(
            _attend(q[at], keys[places], values[places], softmax_scale, causal, window_size)
        )
    return torch.stack(rows)


class _Places:
    """Where in a flat cache each sequence's keys are; worked out once for all layers of a pass.

    Reading lengths from the GPU waits for it. Each pass brings its own tensors, which nobody
    changes, so the same ones mean the same places.
    """

    def __init__(self) -> None:
        self._told: tuple[Tensor, Tensor, int, int] | None = None
        self._found: list[Tensor] = []

    def of(self, table: Tensor, lengths: Tensor, new: int, page_size: int) -> list[Tensor]:
        """Of each sequence, that of its keys and of `new` more."""
        told = self._told
        if not (told and told[0] is table and told[1] is lengths and told[2:] == (new, page_size)):
            within = torch.arange(page_size, device=table.device)
            self._found = [
                (pages[: -(-total // page_size), None] * page_size + within).flatten()[:total]
                for pages, length in zip(table.long(), lengths.tolist(), strict=True)
                for total in (length + new,)
            ]
            self._told = (table, lengths, new, page_size)
        return self._found


_places = _Places()


def flash_attn_varlen_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    **_: Any,
) -> Tensor:
    """Attention within each of several sequences in a row, (tokens, heads, dim).

    The sequence at `i` has the tokens from `cu_seqlens[i]` to `cu_seqlens[i + 1]`: windows of
    a picture. At most some dozens.
    """
    _check(dropout_p, softcap)
    ends_q, ends_k = cu_seqlens_q.tolist(), cu_seqlens_k.tolist()
    rows = [
        _attend(q[a:b], k[c:d], v[c:d], softmax_scale, causal, window_size)
        for (a, b), (c, d) in zip(pairwise(ends_q), pairwise(ends_k), strict=True)
    ]
    return torch.cat(rows)


def _attend(
    q: Tensor, k: Tensor, v: Tensor, scale: float | None, causal: bool, window: Window
) -> Tensor:
    """Attention of one sequence; tensors are (tokens, heads, dim)."""
    rows, keys = q.shape[0], k.shape[0]
    mask = _mask(rows, keys, causal, window, q.device)
    out = scaled_dot_product_attention(
        *(_by_head(tensor, k.shape[1], mask is not None) for tensor in (q, k, v)),
        attn_mask=None if mask is None else mask.repeat(q.shape[1] // k.shape[1], 1),
        is_causal=mask is None and causal and rows > 1,
        scale=scale,
        enable_gqa=mask is None and q.shape[1] != k.shape[1],
    )
    if mask is None:
        return out[0].transpose(0, 1).contiguous()
    return out[0].unflatten(1, (-1, rows)).flatten(0, 1).transpose(0, 1).contiguous()


def _by_head(tensor: Tensor, kv_heads: int, grouped: bool) -> Tensor:
    """Tokens (tokens, heads, dim) as (1, heads, tokens, dim).

    Where they are `grouped`, query heads that share keys are as many more tokens of one head.
    With a mask not all of torch's kernels know of shared keys, and the one that always does keeps
    all products in 32 bits.
    """
    heads = tensor.transpose(0, 1)
    return (heads.unflatten(0, (kv_heads, -1)).flatten(1, 2) if grouped else heads)[None]


@lru_cache(maxsize=8)
def _mask(
    rows: int, keys: int, causal: bool, window: Window, device: torch.device
) -> Tensor | None:
    """Which keys each row sees, (rows, keys); None for all, or as torch itself says "causal".

    The layers of a pass ask for the same: one for each of the few jobs that have drafts.
    """
    left, right = window
    limits_left = 0 <= left < keys
    if not (limits_left or (causal and 1 < rows < keys) or (not causal and 0 <= right < keys)):
        return None
    own = torch.arange(keys - rows, keys, device=device)[:, None]
    other = torch.arange(keys, device=device)[None, :]
    last = own if causal else own + (right if right >= 0 else keys)
    first = own - left if limits_left else own - keys
    return (other <= last) & (other >= first)


def _check(dropout_p: float, softcap: float) -> None:
    if dropout_p or softcap:
        raise NotImplementedError("dropout and soft-capped logits need the real flash-attn")
