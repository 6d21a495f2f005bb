"""Typing in a browser: what the figures are made of, and a few keys in a real one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.evaluate.speed import chromium
from jupyter_fastgen.evaluate.speed.browser import BenchError
from jupyter_fastgen.evaluate.speed.notebooks import BIKES
from jupyter_fastgen.evaluate.speed.typist import Key, Typist, last_passages, split_keys
from jupyter_fastgen.evaluate.speed.ui import UiPlan, UiRun, collect, measure_ui, summarize
from jupyter_fastgen.notebook import read_notebook


def note(at: float, **more: Any) -> dict[str, Any]:
    return {"at": at, "typed": 20.04, "ghost": None, "stood": False, "agrees": False} | more


def test_keys_are_brought_together_with_what_the_page_noted():
    plan = [Key(0, "\n    ", True), Key(0.6, "a", False)]
    # Between them one key put the indentation right: it is nobody's.
    noted = [note(0, ghost=80.0), note(400), note(600, agrees=True)]
    sent = [
        {"at": 1, "type": "change", "bytes": 80},
        {"at": 2, "type": "complete", "bytes": 90},
        {"at": 401, "type": "complete", "bytes": 500},
        {"at": 601, "type": "change", "bytes": 81},
    ]
    first, second = collect(plan, [0, 2], {"keys": noted, "sent": sent})
    assert (first.requests, first.bytes, first.ghost_ms, first.typed_ms) == (1, 90, 80.0, 20.0)
    assert (first.rests, first.follows_rest) == (True, False)
    assert (second.requests, second.bytes, second.follows_rest) == (0, 81, True)

    runs = [UiRun(True, [first, second], 0, True), UiRun(False, [second], 0, True)]
    summary = summarize(runs)
    assert (summary.keys, summary.coverage) == (2, 0.5)
    assert (summary.agreeing, summary.agreeing_requests) == (1, 0)
    assert summary.ghost_resting.p50 == 80
    assert summary.editor_without.count == 1
    assert summary.faithful


def test_keys_that_the_page_did_not_see():
    with pytest.raises(BenchError, match="saw 0 of 1 keys"):
        collect([Key(0, "a", False)], [0], {"keys": [], "sent": []})


def test_our_notebook_is_long_enough():
    document = read_notebook(BIKES)
    emptied, passages = last_passages(document, 260)
    assert sum(len(split_keys(passage.text)) for passage in passages) == 260
    assert sum(cell.source.count("\n") + 1 for cell in emptied.cells) >= 100


def test_no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CHROMIUM_PATH", str(tmp_path / "none"))
    with pytest.raises(BenchError, match="set CHROMIUM_PATH"):
        chromium.find_chromium()


def has_browser() -> bool:
    try:
        return bool(chromium.find_chromium())
    except BenchError:
        return False


@pytest.mark.skipif(not has_browser(), reason="there is no Chromium; make test-ui installs one")
@pytest.mark.skipif(os.name != "posix", reason="the browser is ended by signals")
def test_a_few_keys_in_a_real_browser(small_model: Path):
    plan = UiPlan(BIKES, Typist(), 8, options=(f"--FastgenApp.model={small_model}",))
    found = measure_ui(plan)
    assert found.summary.faithful
    assert [run.extension for run in found.runs] == [True, False]
    with_us, without = found.runs
    assert all(key.typed_ms is not None for run in found.runs for key in run.keys)
    assert max(key.bytes for key in with_us.keys) > 0
    assert all(key.bytes == 0 and key.ghost_ms is None for key in without.keys)
