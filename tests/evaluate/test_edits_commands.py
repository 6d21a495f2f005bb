"""The commands that measure edits, with an engine that writes what it is told to."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.evaluate.quality import running
from jupyter_fastgen.evaluate.quality.running import Model

from ..engine.scripted import ScriptedEngine

SHEET = "body {\n  margin: 0;\n  color: red;\n}\n\nh1 {\n  margin: 1px;\n}\n"

ANSWER = "body {\n  /* ... */\n  font-size: 50px;\n}\n/* ... existing code ... */\n```"


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def run(
        model: Model, context: int, draft: bool = False
    ) -> AsyncGenerator[ScriptedEngine, None]:
        yield ScriptedEngine(ANSWER)

    model = Model("scripted", "", TEMPLATES["qwen"], CHATS["chatml"])
    monkeypatch.setattr(running, "running", run)
    monkeypatch.setattr(running, "edit_model", lambda name: model)
    monkeypatch.setattr("jupyter_fastgen.evaluate.edits.sheet.running", run)
    monkeypatch.setattr("jupyter_fastgen.evaluate.edits.drafts.running", run)


def test_edits_are_summed_up_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out.jsonl"
    call = ["eval", "edits", "--out", str(out), "--limit", "3", "--format", "sparse"]
    assert main([*call, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["model"] == "scripted"
    assert told["summary"]["all"]["tasks"] == 3
    assert told["summary"]["all"]["right"] == 0
    assert main(call) == 0
    assert "lines lost unseen" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 4


def test_a_sheet_is_told_arm_by_arm(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "some.css"
    file.write_text(SHEET + "".join(f".c{n} {{\n  margin: {n}px;\n}}\n\n" for n in range(9)))
    assert main(["bench", "css", "--file", str(file), "--json"]) == 0
    arms = {arm["name"]: arm for arm in json.loads(capsys.readouterr().out)["arms"]}
    assert arms["ours"]["right"]
    assert arms["ours, drafted"]["right"]
    assert arms["the article's format"]["elsewhere"] == 0
    assert not arms["search and replace"]["right"]
    assert not arms["full rewrite"]["right"]  # the rest of the sheet is not in the answer
    assert main(["bench", "css", "--file", str(file)]) == 0
    assert "bytes changed elsewhere" in capsys.readouterr().out


def test_the_same_edits_are_told_without_drafts_and_with_them(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "drafts", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"] == told["edits"] > 1
    for arm in (told["plain"], told["drafted"]):
        assert arm["passes"] == arm["new_tokens"] > 0  # a scripted engine drafts nothing
    assert main(["bench", "drafts"]) == 0
    assert "ms a token" in capsys.readouterr().out
