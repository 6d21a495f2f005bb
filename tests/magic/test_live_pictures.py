"""A picture from a cell to a model that sees: a real kernel, server and engine.

The projector has random weights, so what is written means nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ..tiny_vision import png, write_projector
from .test_live import Page, page

__all__ = ["page"]


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], small_model: Path, tmp_path: Path
) -> dict[str, Any]:
    model = tmp_path / "model" / "small.gguf"
    model.parent.mkdir()
    shutil.copy(small_model, model)
    write_projector(model.with_name("mmproj-small.gguf"))
    return jp_server_config | {"FastgenApp": {"model": str(model)}}


async def test_code_for_a_picture_streams_into_the_page(page: Page, tmp_path: Path):
    picture, broken = tmp_path / "plot.png", tmp_path / "broken.png"
    picture.write_bytes(png())
    broken.write_bytes(png()[:40])
    asked = f"%%fastgen --image {picture} --max-tokens 24\ndraw it"
    answer = await page.ask(asked, "cell-1")
    assert answer.state["image"].startswith("plot.png (")
    await page.until(lambda: answer.is_over)
    assert answer.phase == "done", answer.state["why"]
    assert 0 < answer.state["tokens"] <= 24
    printed = await page.run(f"{asked.replace('--image', '--wait --image')}", "cell-2")
    assert "fastgen: read plot.png (" in printed

    # What is only named a picture fails, and the engine goes on.
    assert "fastgen: " in await page.run(f"%%fastgen --wait --image {broken}\nx", "cell-3")
    again = await page.ask("%%fastgen --max-tokens 8\n1, 2, 3, 4, 5", "cell-4")
    await page.until(lambda: again.is_over)
    assert again.phase == "done"
