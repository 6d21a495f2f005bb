"""A tower that sees of each place of a picture only which picture it is, and which place."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image

SIDE, MERGE = 14, 2
"""Pixels of a patch, and patches of a token, along each edge."""


class FakeTower:
    """Counts its `looks`; `before` is called with each picture, and may raise."""

    def __init__(self, kind: str = "qwen2", before: Callable[[], None] = lambda: None) -> None:
        self.before = before
        self.looks = 0
        self.config = SimpleNamespace(
            vision_model_type=kind,
            vision_patch_size={"width": SIDE, "height": SIDE},
            vision_spatial_patch_size=SIDE,
            vision_spatial_merge_size=MERGE,
            vision_min_pixels=56 * 56,
            vision_max_pixels=12_845_056,
            vision_size={"longest_edge": 1540},
            vision_resample=3,
        )

    def preprocess_func(self, _: Any, image: Image.Image) -> tuple[Any, ...]:
        return torch.from_numpy(np.asarray(image).copy()), image.size, None, None

    def process(self, pixels: torch.Tensor, grid: tuple[int, int], **_: Any) -> torch.Tensor:
        self.before()
        self.looks += 1
        # Small enough for a float32.
        which = zlib.crc32(pixels.numpy().tobytes()) & 0xFFFFFF
        places = (grid[0] // MERGE) * (grid[1] // MERGE)
        return torch.tensor([[[which, 1 + place] for place in range(places)]], dtype=torch.float32)

    def postprocess_func(
        self, _: Any, __: Any, embeddings: torch.Tensor, rows: int, columns: int
    ) -> tuple[torch.Tensor, int, int]:
        edge = torch.zeros((1, embeddings.shape[1]))
        if self.config.vision_model_type == "pixtral":
            lines = embeddings.view(rows // MERGE, columns // MERGE, -1)
            ended = torch.cat([lines, edge.expand(len(lines), 1, -1)], 1).flatten(0, 1)
            return torch.cat([ended, edge]), 0, 0
        return torch.cat([edge, embeddings, edge]), 1, 1


def encoded(width: int, height: int, colour: str = "red", kind: str = "PNG", **save: Any) -> bytes:
    """A file with a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, kind, **save)
    return file.getvalue()
