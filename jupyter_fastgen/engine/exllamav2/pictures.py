"""Pictures as parts of prompts: what is read of a file, and the tokens that stand for it."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass, field
from typing import Any

from ..base import EngineError

FIRST = 10**9
"""The ids of pictures' tokens begin here; the library takes smaller ones for text."""

MOST_PIXELS = 40_000_000
"""Of a file, which may be small and take gigabytes when it is unpacked. A screen of 8K has 33
million."""

FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(eq=False)
class Picture:
    """A picture in prompts: `length` tokens with ids from `first` on, which no other picture has.

    So pages of the cache that hold it are found again with this picture and with no other. `grid`
    is how many patches it has, (columns, rows).
    """

    first: int
    length: int
    grid: tuple[int, int]
    pixels: Any = field(repr=False)
    """As the tower takes them; None once it has looked."""
    embedding: Any = field(default=None, repr=False)
    """What the model reads in place of tokens; None until the tower has looked."""

    @property
    def ids(self) -> range:
        """What stands for it in a prompt."""
        return range(self.first, self.first + self.length)


def opened(data: bytes) -> Any:
    """The picture in a file, an RGB `PIL.Image`, as a person would see it; raises `EngineError`."""
    pil: Any = importlib.import_module("PIL.Image")
    operations: Any = importlib.import_module("PIL.ImageOps")
    try:
        image = pil.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise EngineError(
                f"the picture has {width:,} by {height:,} pixels, and may have"
                f" {MOST_PIXELS // 10**6} million",
                "scale it down",
            )
        # A photo may be stored lying on its side. What is transparent is white, as in a page.
        image = operations.exif_transpose(image).convert("RGBA")
        white = pil.new("RGBA", image.size, "white")
        return pil.alpha_composite(white, image).convert("RGB")
    except EngineError:
        raise
    except Exception as error:  # of broken files its readers raise whatever they stumble over
        raise EngineError(
            f"the picture can't be read: {error or type(error).__name__}",
            "save it again, as PNG, JPEG or WebP",
        ) from error
