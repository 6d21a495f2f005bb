"""Models that see: the tower that turns pictures into what the model reads in place of tokens.

Imported only once `library.import_library` has run.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import exllamav2
import torch
from exllamav2.generator import ExLlamaV2MMEmbedding
from exllamav2.vlm.util import size_to_longest_edge_and_patch_size, smart_resize

from ...images import IMAGE_TOKENS
from ..base import EngineError
from .pictures import FIRST, Picture, opened

KINDS = ("pixtral", "qwen2", "qwen2.5")
"""The library's `vision_model_type`s that work. Gemma 3 has all tokens of a picture see each other,
which its attention in the library does not let them."""

KEPT = 8
"""Pictures whose embeddings stay in main memory, for the next question about them: 7 MB each for a
model with 3,584 numbers a token."""

Size = tuple[int, int]
"""Width and height in pixels."""


def can_see(config: exllamav2.ExLlamaV2Config) -> bool:
    """Whether the model has a tower that works."""
    return config.vision_model_type in KINDS


def mend(config: exllamav2.ExLlamaV2Config) -> None:
    """Correct what the library takes for granted of a model that sees, before that is made."""
    if config.vision_model_type == "qwen2.5":
        # It normalizes what goes into the tower's last layers as Qwen2-VL does.
        config.arch.mmp.norm = "rmsnorm"
    if config.arch.lm.mrope:
        # Prompts with pictures have rotary tables of their own. A CUDA graph, which all passes of
        # up to 32 rows get after a while, goes on with the table that it was recorded with.
        config.no_graphs = True


class Vision:
    """A loaded tower and the pictures that were shown to it last."""

    def __init__(
        self,
        tower: exllamav2.ExLlamaV2VisionTower,
        model: exllamav2.ExLlamaV2,
        tokenizer: exllamav2.ExLlamaV2Tokenizer,
    ) -> None:
        self._tower = tower
        self._model = model
        self._tokenizer = tokenizer
        self._config = tower.config
        self._kept: OrderedDict[tuple[str, bytes], Picture] = OrderedDict()
        self._next = FIRST
        self._one_at_a_time = threading.Lock()

    def read(self, files: Sequence[bytes], salt: str) -> list[Picture]:
        """The pictures in `files`, as large as the tower takes them; any thread may call.

        The same file under the same `salt` is the same picture, as long as it is kept: under
        another one it would show, by the time it takes, what somebody else asked about.
        Raises `EngineError`.
        """
        pictures: list[Picture] = []
        # Unpacked they are large, so one after another.
        with self._one_at_a_time:
            for data in files:
                key = (salt, hashlib.sha256(data).digest())
                picture = self._kept.pop(key, None) or self._read(data)
                self._kept[key] = picture
                pictures.append(picture)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return pictures

    def look(self, picture: Picture) -> None:
        """Compute what the model reads of a picture; in the thread that runs the model."""
        columns, rows = picture.grid
        with torch.inference_mode():
            pixels, thw = picture.pixels
            seen = self._tower.process(pixels, (rows, columns), thw_grid=thw)
            embeddings, before, after = self._tower.postprocess_func(
                self._model, self._tokenizer, seen[0].cpu(), rows, columns
            )
        made = ExLlamaV2MMEmbedding(
            self._model,
            embeddings,
            thw_grid=(1, rows, columns),
            pre_tokens=before,
            post_tokens=after,
        )
        if made.length != picture.length:
            raise EngineError(
                f"the model made {made.length:,} tokens of a picture, and {picture.length:,} were"
                " expected"
            )
        made.first_index = picture.first
        picture.embedding, picture.pixels = made, None

    def _read(self, data: bytes) -> Picture:
        image = opened(data)
        size = self._fitting(image.size)
        if size != image.size:
            image = image.resize(size, self._config.vision_resample)
        pixels, size, thw, _ = self._tower.preprocess_func(self._config, image)
        side = self._config.vision_patch_size["width"]
        picture = Picture(
            self._next, self._tokens(size), (size[0] // side, size[1] // side), (pixels, thw)
        )
        self._next += picture.length
        return picture

    def _fitting(self, size: Size) -> Size:
        """The size for a picture of `size` so that it has at most `IMAGE_TOKENS`."""
        share = 1.0
        while True:
            width, height = (max(1, round(share * side)) for side in size)
            fitting = self._resized((width, height))
            if self._tokens(fitting) <= IMAGE_TOKENS:
                return fitting
            share *= 0.98

    def _resized(self, size: Size) -> Size:
        """What the library makes of `size`: whole patches."""
        config = self._config
        if config.vision_model_type == "pixtral":
            longest = config.vision_size["longest_edge"]
            cell = 2 * config.vision_patch_size["width"]
            return size_to_longest_edge_and_patch_size(size, (longest, longest), (cell, cell))
        cell = config.vision_spatial_patch_size * config.vision_spatial_merge_size
        try:
            return smart_resize(size, cell, config.vision_min_pixels, config.vision_max_pixels)
        except ValueError as error:
            raise EngineError(
                f"the model can't look at a picture of {size[0]:,} by {size[1]:,} pixels: {error}",
                "cut or scale it to a more usual shape",
            ) from error

    def _tokens(self, size: Size) -> int:
        """How many tokens a picture has."""
        cell = self._config.vision_patch_size["width"] * self._config.vision_spatial_merge_size
        columns, rows = size[0] // cell, size[1] // cell
        if self._config.vision_model_type == "pixtral":
            return rows * (columns + 1) + 1  # a token ends each row, and another one the picture
        return rows * columns + 2  # a token begins it, and one ends it
