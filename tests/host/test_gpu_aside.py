"""A server where ExLlamaV2 is installed, no model is named, and the driver takes its time."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from jupyter_fastgen.engine.exllamav2 import requirements

from ..waiting import until

Fetch = Callable[..., Awaitable[HTTPResponse]]

SECONDS = 2

MODEL = "qwen2.5-coder-7b-exl2-6.5bpw"
"""The largest of the catalog's that fits in an H200."""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the GPUs were asked for."""
    log = tmp_path / "asked"
    log.touch()
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\necho >> {log}\nsleep {SECONDS}\necho 0, GPU-a, NVIDIA H200, 143771, 143000\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(requirements, "faults", lambda: [])
    return lambda: log.stat().st_size


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], tmp_path: Path, asked: object
) -> dict[str, Any]:
    return jp_server_config | {"FastgenApp": {"models_dir": str(tmp_path / "no models")}}


async def test_its_start_does_not_wait_nor_does_who_asks_something_else(
    asked: Callable[[], int],
    jp_serverapp: object,
    jp_fetch: Fetch,
    jp_ws_fetch: Callable[..., Awaitable[Any]],
):
    assert asked() == 0
    status = asyncio.ensure_future(jp_fetch("jupyter-fastgen", "status"))
    edits = asyncio.ensure_future(jp_fetch("jupyter-fastgen", "status", params={"of": "edits"}))
    page = asyncio.ensure_future(jp_ws_fetch("jupyter-fastgen", "ws"))
    await until(asked)
    before = time.perf_counter()
    await jp_fetch("api", "status")
    assert time.perf_counter() - before < SECONDS / 2
    assert not any(task.done() for task in (status, edits, page))
    assert json.loads((await status).body)["model"] == MODEL
    assert json.loads((await edits).body)["model"] == MODEL
    (await page).close()
    assert asked() == 1
