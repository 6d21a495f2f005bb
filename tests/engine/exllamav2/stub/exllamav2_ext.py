"""What ExLlamaV2's scheduler asks of its C++ extension, without a GPU."""

from __future__ import annotations

from itertools import pairwise

import torch


def count_match(a: torch.Tensor, b: torch.Tensor, most: int) -> int:
    """How many leading tokens of two (1, n) tensors are equal, at most so many."""
    length = min(a.shape[-1], b.shape[-1], most)
    pairs = zip(a[0, :length].tolist(), b[0, :length].tolist(), strict=True)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), length)


def cache_rotate(pages: torch.Tensor, order: torch.Tensor, _: torch.Tensor) -> None:
    """Move the pages in `order` of (pages, elements) a place ahead, the first last."""
    places = order.tolist()
    first = pages[places[0]].clone()
    for to, source in pairwise(places):
        pages[to] = pages[source]
    pages[places[-1]] = first


def fast_fill_cpu_ones_bool(tensor: torch.Tensor) -> None:
    tensor.fill_(True)
