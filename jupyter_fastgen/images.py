"""Pictures that go along with a question: what is taken for one, and how large it may be. Pure."""

from __future__ import annotations

from .errors import FastgenError

MARK = "\ufffc"
"""Where a picture stands in a text: Unicode's object replacement character."""

MOST_BYTES = 2 * 1024 * 1024
"""Of a picture: a screenshot has less, and models look at few of its pixels."""

MOST_IMAGES = 4
"""Of a question."""

IMAGE_TOKENS = 1024
"""Of a picture in a prompt, at most: of a larger one models read no more, or are asked not to."""

_STARTS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}


class ImageError(FastgenError):
    """What was given is no picture that a model can be shown."""


def kind_of(data: bytes) -> str:
    """`png`, `jpeg` or `webp`, by how the file begins; "" for anything else."""
    for kind, start in _STARTS.items():
        if data.startswith(start) and (kind != "webp" or data[8:12] == b"WEBP"):
            return kind
    return ""


def check(name: str, data: bytes) -> bytes:
    """`data`, if it is a picture of a size that is taken; raises `ImageError`."""
    if len(data) > MOST_BYTES:
        raise ImageError(
            f"{name} has {len(data) / 1e6:.1f} MB, and a picture may have {MOST_BYTES >> 20} MB:"
            " scale it down, or save it as JPEG"
        )
    if not kind_of(data):
        raise ImageError(f"{name} is no PNG, JPEG or WebP file: save the picture as one of these")
    return data
