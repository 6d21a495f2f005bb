from __future__ import annotations

from dataclasses import replace

import msgspec

from jupyter_fastgen.evaluate.speed import chromium, importing
from jupyter_fastgen.evaluate.speed.importing import ImportCost
from jupyter_fastgen.evaluate.speed.keystrokes import Comparison, KeyRecord, Replay, summarize
from jupyter_fastgen.evaluate.speed.politeness import Politeness
from jupyter_fastgen.evaluate.speed.report import Findings, goals, write_report
from jupyter_fastgen.evaluate.speed.starting import Starting
from jupyter_fastgen.evaluate.speed.ui import PaintedKey, UiResult, UiRun
from jupyter_fastgen.evaluate.speed.ui import summarize as summarize_ui
from jupyter_fastgen.evaluate.stats import spread

SOON = spread([2.0, 3.0])
STARTING = Starting(10, SOON, SOON, SOON, SOON, later=0.4)
POLITE = Politeness(2, 0.03, 20, 2, 1100.0, 1300.0, 45.0)


def findings() -> Findings:
    keys = [
        KeyRecord("c", "(", True, False, "asks", "stop", 1, 400, 9, 50.0, 60.0, 2, 170, 95),
        KeyRecord("c", "a", False, True, "through", ghost_ms=0.2, sent=1, largest_frame=81),
    ]
    replay = Replay(True, summarize(keys, {}), keys, 120_000_000)
    comparison = Comparison("n.ipynb", False, "model", replay, replay, 100_000_000)
    painted = [PaintedKey("(", True, False, 20.0, 90.0, True, False, 1, 95)]
    runs = [UiRun(True, painted, 0, True), UiRun(False, painted, 0, True)]
    ui = UiResult("n.ipynb", summarize_ui(runs), runs)
    return Findings(comparison, comparison, ui, ImportCost(40.0, []), [0, 1], POLITE, STARTING)


def test_promises_that_are_kept():
    assert all(goal.met for goal in goals(findings()))


def test_promises_that_are_not_kept():
    found = findings()
    slow = replace(
        found,
        import_cost=ImportCost(40.0, ["numpy"]),
        overruns=[0, 2],
        politeness=msgspec.structs.replace(POLITE, slowdown=0.06),
        starting=msgspec.structs.replace(STARTING, later=5.2),
        end=Comparison("n", False, "m", found.end.anchored, None, None),
    )
    met = {goal.promise[:20]: goal for goal in goals(slow)}
    assert met["The server extension"].met is False
    assert "with numpy" in met["The server extension"].measured
    assert met["After a divergence a"].met is False
    assert met["The Jupyter server's"].met is None
    assert met["A compute-bound cell"].met is False
    assert met["A cell that is run w"].met is False


def test_report_names_machine_goals_and_commands(monkeypatch):
    monkeypatch.setattr(chromium, "find_chromium", lambda: "/bin/true")
    page = write_report(findings(), 260, 2)
    assert "| processor |" in page
    assert (
        "| The Jupyter server's memory grows by less than 40 MB | 20 MB, from 100 MB | yes |"
        in page
    )
    assert "bench keystrokes --keys 260" in page
    assert "usual prompts" in page
    assert "{" not in page


def test_import_is_measured_in_fresh_processes():
    cost = importing.measure_import(rounds=1)
    assert cost.ms > 0
    assert cost.heavy == []
