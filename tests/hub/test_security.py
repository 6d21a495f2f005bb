"""`docs/security.md`: what it names is there; and what is in no other test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_fastgen.engine import frames
from jupyter_fastgen.models.catalog import load_catalog
from jupyter_fastgen.models.errors import ModelError

from ..engine.scripted import ScriptedEngine
from .running import receive, running, send

ROOT = Path(__file__).parents[2]

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`tests" in line + "`src"
]

NAMED = re.compile(r"`((?:tests|src)/[^`]+)`")


def test_every_threat_has_a_test_that_is_there():
    threats = [row for row in ROWS if len(row) == 3 and set(row[0]) - set("- ")][1:]
    assert len(threats) >= 15
    for threat, _, tests in threats:
        names = NAMED.findall(tests)
        assert names, threat
        for name in names:
            file, _, test = name.partition(" ")
            text = (ROOT / file).read_text(encoding="utf-8")
            assert f"def {test}(" in text or f"it('{test}'" in text, name


PATHS = ["../m", "..", "m\x00", "/etc/passwd", "m/../m", "C:\\m", "m%2f..", "M", "m "]


@pytest.mark.parametrize("name", PATHS)
async def test_no_path_is_the_name_of_a_model(name: str):
    engine = ScriptedEngine("x")
    async with running(engine) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "p", model=name)))
        told = await receive(socket)
        assert isinstance(told, frames.Failed)
        assert "model" in told.reason
        assert engine.requests == []


@pytest.mark.parametrize("name", PATHS)
def test_no_path_is_a_name_of_the_catalog(name: str):
    with pytest.raises(ModelError):
        load_catalog().get(name)


async def test_a_file_of_a_models_name_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    async with running(ScriptedEngine("x")) as at:
        socket = await at.greeted()
        await send(socket, frames.Start.of(frames.Ask(1, "p", model="link")))
        assert isinstance(await receive(socket), frames.Failed)
