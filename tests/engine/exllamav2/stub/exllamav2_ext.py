"""What ExLlamaV2's scheduler and its layers of 16 bits ask of its C++ extension, without a GPU."""

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


# --- layers ---------------------------------------------------------------------


def rms_norm(x: torch.Tensor, weight: torch.Tensor, out: torch.Tensor, epsilon: float) -> None:
    rows = x.float()
    out.copy_(rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + epsilon) * weight)


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, out: torch.Tensor, epsilon: float
) -> None:
    """`bias` is on the device `meta` where there is none."""
    rows = x.float()
    rows = rows - rows.mean(-1, keepdim=True)
    rows = rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + epsilon) * weight
    out.copy_(rows if bias.is_meta else rows + bias)


def rope_(
    x: torch.Tensor,
    sin: torch.Tensor,
    cos: torch.Tensor,
    past: int,
    heads: int,
    dim: int,
    offsets: torch.Tensor,
    is_neox: bool,
) -> None:
    """Turn (batch, rows, heads, dim) by the rows of the tables from `past` and an offset on."""
    assert is_neox
    half = dim // 2
    tables = [table.reshape(-1, table.shape[-1])[:, :half].float() for table in (sin, cos)]
    for at, states in enumerate(x.view(len(x), -1, heads, dim)):
        first = past + (0 if offsets.is_meta else int(offsets[at]))
        s, c = (table[first : first + len(states), None] for table in tables)
        assert len(s) == len(states), "the table is too short"
        left, right = states[..., :half].float(), states[..., half:].float()
        states.copy_(torch.cat([left * c - right * s, right * c + left * s], -1))


def gen_mrope_pos_ids(
    places: torch.Tensor,
    ids: torch.Tensor,
    merge: int,
    spans: list[tuple[int, int]],
    grids: list[tuple[int, int, int]],
) -> int:
    """Fill (3, tokens) with time, row and column; the place of the next token comes back.

    Text counts on in all three. A picture begins at the place of a token and ends beyond its
    longest edge.
    """
    free = start = 0
    inside = False
    for at, id in enumerate(ids.tolist()):
        found = [n for n, (first, end) in enumerate(spans) if first <= id < end]
        if not found:
            places[:, at] = free
            free, inside = free + 1, False
            continue
        if not inside:
            start, inside = free, True
        _, rows, columns = grids[found[0]]
        place = id - spans[found[0]][0]
        row, column = divmod(place, columns // merge)
        places[:, at] = torch.tensor([start, start + row, start + column])
        free = max(free, start + row + 1, start + column + 1)
        assert row < rows // merge
    return free
