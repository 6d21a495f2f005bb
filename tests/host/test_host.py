"""The one model of a server: found, fetched, run, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_fastgen import gpu
from jupyter_fastgen.completion.service import Options
from jupyter_fastgen.engine.base import EngineError
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.host.edits import edit_host, remote_host
from jupyter_fastgen.host.host import ModelHost
from jupyter_fastgen.host.settings import Settings
from jupyter_fastgen.models.catalog import load_catalog
from jupyter_fastgen.models.choice import Machine
from jupyter_fastgen.models.store import ModelStore
from jupyter_fastgen.policy import PolicyFile
from jupyter_fastgen.protocol import Status

SECONDS = 60

ENTRY = """
[models.small]
title = "Small"
engine = "{engine}"
fim = "prefix-only"
licence = "Apache-2.0"
file = "small.gguf"
size = 98_362_432
sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
context = 8_192
roles = ["completion"]

[[models.small.sources]]
kind = "file"
path = "{path}"
"""


class Watched:
    """A host, and all that it said."""

    def __init__(self, settings: Settings, allowed: Allowed | None = None) -> None:
        self.host = ModelHost(settings, Options(), allowed)
        self.said = [self.host.status]
        self._changed = asyncio.Event()
        self.host.listen(self._note)

    def _note(self, status: Status) -> None:
        self.said.append(status)
        self._changed.set()

    async def until(self, fits: Callable[[Status], bool]) -> Status:
        async def reached() -> None:
            while not fits(self.host.status):
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(reached(), SECONDS)
        return self.host.status


@asynccontextmanager
async def hosting(
    settings: Settings, allowed: Allowed | None = None
) -> AsyncGenerator[Watched, None]:
    watched = Watched(settings, allowed)
    try:
        yield watched
    finally:
        await watched.host.close()


def catalog(folder: Path, source: Path, engine: str = "llamacpp") -> Settings:
    path = folder / "catalog.toml"
    path.write_text(ENTRY.format(path=source, engine=engine))
    return Settings(model="small", models_dir=folder / "models", catalog=path, context=512, slots=1)


def states(watched: Watched) -> list[str]:
    """The states in order, each once while it lasts."""
    kept: list[str] = []
    for status in watched.said:
        if not kept or kept[-1] != status.state:
            kept.append(status.state)
    return kept


async def test_a_missing_model_is_downloaded_loaded_and_ready(tmp_path: Path, small_model: Path):
    async with hosting(catalog(tmp_path, small_model)) as watched:
        missing = watched.host.status
        assert (missing.state, missing.model) == ("missing", "small")
        assert "Download" in missing.remedy
        assert watched.host.completion is None
        watched.host.download()
        watched.host.download()  # pressed twice
        ready = await watched.until(lambda status: status.state == "ready")
        assert (ready.model, ready.detail, ready.remedy) == ("small", "", "")
        assert watched.host.completion is not None
        # idle is what it is between the file's coming and its loading.
        assert states(watched) == ["missing", "downloading", "idle", "loading", "ready"]
        shown = [s.progress for s in watched.said if s.state == "downloading"]
        assert None not in shown
        assert shown == sorted(shown, key=lambda fraction: fraction or 0.0)


async def test_a_download_that_fails_says_why_and_may_be_tried_again(
    tmp_path: Path, small_model: Path
):
    source = tmp_path / "given.gguf"
    async with hosting(catalog(tmp_path, source)) as watched:
        watched.host.download()
        failed = await watched.until(
            lambda status: status.state == "missing" and str(source) in status.detail
        )
        assert failed.remedy
        source.symlink_to(small_model)
        watched.host.download()
        await watched.until(lambda status: status.state == "ready")


async def test_a_model_that_came_by_itself_is_found_with_the_next_key(
    tmp_path: Path, small_model: Path
):
    async with hosting(catalog(tmp_path, small_model)) as watched:
        folder = tmp_path / "models"
        assert watched.host.status.state == "missing"
        entry = load_catalog(tmp_path / "catalog.toml").get("small")
        await asyncio.to_thread(ModelStore(folder).pull, entry)
        watched.host.wake()
        await watched.until(lambda status: status.state == "ready")


async def test_closing_ends_a_download(tmp_path: Path, small_model: Path):
    async with hosting(catalog(tmp_path, small_model)) as watched:
        watched.host.download()
    assert watched.host._download is None


@pytest.mark.parametrize(
    ("model", "detail"),
    [("no-such-model", "no-such-model"), ("gone.gguf", "gone.gguf"), ("notes.txt/", "notes.txt")],
)
async def test_a_wrong_setting_is_an_error_that_names_it(tmp_path: Path, model, detail):
    async with hosting(Settings(model=model, models_dir=tmp_path)) as watched:
        watched.host.wake()
        watched.host.download()
        status = watched.host.status
        assert status.state == "error"
        assert detail in status.detail
        assert "c.FastgenApp.model" in status.remedy


async def test_a_broken_catalog_is_an_error_that_names_it(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text("[models")
    async with hosting(Settings(models_dir=tmp_path, catalog=path)) as watched:
        assert watched.host.status.state == "error"
        assert "mine.toml" in watched.host.status.detail


async def test_an_engine_that_is_not_here_is_an_error(tmp_path: Path):
    folder = exl2_folder(tmp_path / "tiny-exl2")
    async with hosting(Settings(model=str(folder), models_dir=tmp_path)) as watched:
        assert watched.host.status.engine == "ExLlamaV2"
        assert watched.host.serves_edits
        watched.host.wake()
        status = await watched.until(lambda status: status.state == "error")
        assert "exllamav2" in f"{status.detail} {status.remedy}".lower()


GPU_CATALOG = """
default = "small"

[models.small-exl2]
title = "Small"
engine = "exllamav2"
fim = "prefix-only"
licence = "Apache-2.0"
context = 8_192
roles = ["completion"]
parameters = 20_000_000_000
bits = 4.0
kv_bytes = 1024
[[models.small-exl2.sources]]
kind = "file"
path = "{folder}"
"""


def exl2_folder(folder: Path) -> Path:
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "output.safetensors").write_text("weights")
    return folder


async def test_a_gpu_gets_its_model_and_the_processor_the_default(
    tmp_path: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = replace(catalog(tmp_path, small_model), model="")
    assert settings.catalog is not None
    folder = exl2_folder(tmp_path / "tiny-exl2")
    text = GPU_CATALOG.format(folder=folder) + settings.catalog.read_text()
    settings.catalog.write_text(text)
    machine = Machine("H200", 100 << 30)
    monkeypatch.setattr(gpu, "machine", lambda: machine)
    async with hosting(settings) as watched:
        missing = watched.host.status
        assert (missing.state, missing.model) == ("missing", "small-exl2")
        assert "jupyter fastgen models pull small-exl2" in missing.remedy
        entry = load_catalog(settings.catalog).get("small-exl2")
        ModelStore(settings.models_dir).pull(entry)
        host = edit_host(settings, Allowed())
        assert (host.status.model, host.status.engine) == ("small-exl2", "ExLlamaV2")
        machine = Machine()
        await watched.host.restart()
        assert watched.host.status.model == "small"
        assert not watched.host.serves_edits
        # What is configured goes before what would fit.
        machine = Machine("H200", 100 << 30)
        assert ModelHost(replace(settings, model="small"), Options()).status.model == "small"


async def test_a_path_is_run_as_it_is_and_restart_starts_anew(tmp_path: Path, small_model: Path):
    settings = Settings(model=str(small_model), models_dir=tmp_path, context=512, slots=1)
    async with hosting(settings) as watched:
        assert watched.host.status.state == "idle"
        watched.host.wake()
        await watched.until(lambda status: status.state == "ready")
        await watched.host.restart()
        assert watched.host.status.state in ("idle", "loading")
        await watched.until(lambda status: status.state == "ready")


@pytest.mark.parametrize("url", ["http://", "http://[bad", "http://host:port/v1", "https:///v1"])
async def test_a_url_without_a_host_is_a_wrong_setting(tmp_path: Path, url: str):
    async with hosting(Settings(model=url, models_dir=tmp_path)) as watched:
        watched.host.wake()
        status = watched.host.status
        assert (status.state, status.where) == ("error", "")
        assert "http://HOST:8000/v1" in status.detail
        assert "c.FastgenApp.model" in status.remedy
    # Of a wrong remote one only who needs it hears.
    async with hosting(Settings(remote=url, models_dir=tmp_path)) as watched:
        assert (watched.host.status.state, watched.host.status.remote) == ("missing", "")
    remote = remote_host(Settings(remote=url, models_dir=tmp_path), Allowed())
    assert remote is not None
    assert remote.status.state == "error"


async def test_a_url_that_does_not_answer_is_an_error_until_restart():
    async with hosting(Settings(model="http://127.0.0.1:9")) as watched:
        watched.host.wake()
        status = await watched.until(lambda status: status.state == "error")
        assert "http://127.0.0.1:9" in status.detail
        assert status.remedy
        await watched.host.restart()
        await watched.until(lambda status: status.state == "error")


async def test_a_model_that_is_not_allowed_is_neither_fetched_nor_loaded(
    tmp_path: Path, small_model: Path
):
    policy = tmp_path / "policy.toml"
    policy.write_text('everyone.models = ["big"]')
    allowed = Allowed(PolicyFile(policy))
    async with hosting(catalog(tmp_path, small_model), allowed) as watched:
        host = watched.host
        assert host.status.state == "off"
        assert "small is not among those that are allowed: big" in host.status.detail
        host.download()
        host.wake()
        with pytest.raises(EngineError, match="not among those that are allowed"):
            await host.ready()
        assert states(watched) == ["off"]
        assert not (tmp_path / "models").exists()
        policy.write_text("")
        allowed.look()
        assert host.status.state == "missing"
        host.download()
        await watched.until(lambda status: status.state == "ready")
        policy.write_text('everyone.features = { suggestions = "force-off" }')
        allowed.look()
        assert host.status.state == "ready"  # there are edits
