"""What several rooms' tests share: models that are really there, and a running llama-server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest

from jupyter_fastgen.models.catalog import load_catalog
from jupyter_fastgen.models.store import ModelStore

# A slow machine is no defect.
hypothesis.settings.register_profile("fastgen", deadline=None)
hypothesis.settings.load_profile("fastgen")


def _pulled(name: str) -> Path:
    catalog = load_catalog()
    entry = catalog.get(name) if name else catalog.default
    return ModelStore().pull(entry)


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The file of the catalog's default model, in the ordinary store; pulled if it is absent."""
    return _pulled("")


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The file of a small real model, for what does not depend on good answers."""
    return _pulled("smollm2-135m")


class RunningServer(NamedTuple):
    """A `llama-server` that somebody else runs, with its figures at /metrics."""

    url: str
    pid: int


@pytest.fixture(scope="session")
def llama_server(small_model: Path) -> Iterator[RunningServer]:
    """A `llama-server` with the small model in two slots of 2,048 tokens."""
    with serving(small_model) as server:
        yield server


@contextmanager
def serving(model: Path, projector: str = "", port: int = 0) -> Generator[RunningServer]:
    """A `llama-server` for a model and its projector, if it is given one; at a port, or any."""
    script = Path(__file__).parent / "llama_server.py"
    with subprocess.Popen(
        [sys.executable, str(script), str(model), projector, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield RunningServer(process.stdout.readline().strip(), process.pid)
        # It ends with its standard input, which leaving this block closes.
        process.communicate()
