"""Pictures of `--image`: what is read, and sent along."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.images import MOST_BYTES, ImageError
from jupyter_fastgen.magic.pictures import ABOVE, read

from ..tiny_vision import png
from .conftest import Session
from .scripted import ScriptedLink, code

Engine = Callable[..., ScriptedLink]


def saved(folder: Path, monkeypatch: pytest.MonkeyPatch, *cells: dict[str, Any]) -> None:
    path = folder / "some.ipynb"
    path.write_text(json.dumps({"cells": [{"source": "", **cell} for cell in cells]}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))


def pasted(**images: bytes) -> dict[str, Any]:
    held = {name: {"image/png": b64encode(data).decode()} for name, data in images.items()}
    return {"id": "note", "cell_type": "markdown", "attachments": held}


ASKING = {"id": "asks", "cell_type": "code"}


def test_a_file_is_read_and_named(tmp_path: Path):
    file = tmp_path / "plot.png"
    file.write_bytes(png())
    (picture,) = read(str(file), "")
    assert picture.data == png()
    assert str(picture).startswith("plot.png (")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no PNG, JPEG or WebP"),
        (b"GIF89a...", "no PNG, JPEG or WebP"),
        (b"RIFF....AVI ", "no PNG, JPEG or WebP"),
        (png() + bytes(MOST_BYTES), "a picture may have 2 MB: scale it down"),
    ],
)
def test_what_is_no_picture_or_too_large_says_so(tmp_path: Path, data: bytes, said: str):
    file = tmp_path / "some.png"
    file.write_bytes(data)
    with pytest.raises(ImageError, match=rf"some\.png.*{said}"):
        read(str(file), "")


def test_a_folder_and_nothing_are_no_pictures(tmp_path: Path):
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(ImageError, match="can't be read"):
            read(str(path), "")


def test_what_was_pasted_right_above_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = pasted(old=png(8)), pasted(a=png(), b=png(40))
    saved(tmp_path, monkeypatch, first, second | {"id": "near"}, ASKING)
    pictures = read(ABOVE, "asks")
    assert [(picture.name, picture.data) for picture in pictures] == [("a", png()), ("b", png(40))]


@pytest.mark.parametrize(
    "cells",
    [
        [ASKING],
        [ASKING, pasted(a=png())],
        [pasted(a=png()), {"id": "between", "cell_type": "code"}, ASKING],
        [{"id": "note", "cell_type": "markdown"}, ASKING],
        [pasted(a=png()), {"id": "another", "cell_type": "code"}],
    ],
)
def test_without_a_picture_above_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[dict[str, Any]]
):
    saved(tmp_path, monkeypatch, *cells)
    with pytest.raises(ImageError, match=r"save the notebook.*--image FILE"):
        read(ABOVE, "asks")


def test_a_pasted_file_that_is_no_picture_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved(tmp_path, monkeypatch, pasted(odd=b"GIF89a"), ASKING)
    with pytest.raises(ImageError, match="odd is no PNG"):
        read(ABOVE, "asks")


def test_the_magic_sends_it_and_says_what_it_read(tmp_path: Path, session: Session, engine: Engine):
    file = tmp_path / "plot.png"
    file.write_bytes(png())
    link = engine(*code("plt.plot([1])"))
    ran = session.run(f"%%fastgen --wait --image {file}\ndraw it so")
    assert "plt.plot([1])" in ran.out
    assert "read plot.png (" in ran.err
    (asked,) = link.asked
    assert asked.images == (png(),)  # pyright: ignore[reportAttributeAccessIssue]
    session.run(f"%%fastgen --wait --image {file}")
    assert "picture" in link.asked[-1].prompt  # pyright: ignore[reportAttributeAccessIssue]
