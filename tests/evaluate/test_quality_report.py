"""The page about quality says what the results say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.completion.confidence import Judgement
from jupyter_fastgen.evaluate.quality import report as quality_report
from jupyter_fastgen.evaluate.quality.lines import Record
from jupyter_fastgen.evaluate.quality.results import BadResultsError, Settings, open_results
from jupyter_fastgen.evaluate.speed.replay import Press, Replay, summarize

SURE, UNSURE = Judgement(((10, -0.1),)), Judgement(((10, -8.0),))


def write(path: Path, task: str, prompts: str, right: int, gates: str = "off") -> None:
    """Results of 20 places, of which the first `right` ones are right."""
    settings = Settings(task, "digest", "model", prompts, 1, 20, 64, False, gates)  # type: ignore[arg-type]
    results = open_results(path, settings)
    for n in range(20):
        exact = n < right
        results.add(
            Record(
                group=f"notebook {n % 4}",
                cell=n,
                offset=0,
                kind="line start",
                exact=exact,
                similarity=100.0 if exact else 50.0,
                expected_chars=10,
                shown_chars=10,
                saved=10 if exact else 0,
                earlier=n % 2 == 0,
                judgement=SURE if exact else UNSURE,
                right=exact,
            )
        )


def test_figures_and_differences_are_told(tmp_path: Path):
    write(tmp_path / "a.jsonl", "notebooks", "cell-only, anchored", 5)
    write(tmp_path / "b.jsonl", "notebooks", "all, anchored", 10)
    write(tmp_path / "c.jsonl", "fim", "plain", 8)
    page = quality_report.write(tmp_path)
    assert "| a: cell-only, anchored, gates off | 20 | 25 |" in page
    assert "| b: all, anchored, gates off | 20 | 50 |" in page
    assert "| c: plain | 20 | 40 |" in page
    assert "| a → b | all places | 20 | 25 | 50 | 25 |" in page
    assert "| a → b | needs an earlier cell | 10 |" in page
    assert "a → c" not in page
    assert "names a live column" not in page


def test_the_curve_of_the_gates_is_told_of_runs_without_any(tmp_path: Path):
    write(tmp_path / "a.jsonl", "notebooks", "all, anchored", 10)
    write(tmp_path / "b.jsonl", "notebooks", "all, anchored", 10, gates="all")
    page = quality_report.write(tmp_path)
    assert page.count("## What the gates do") == 1
    assert "| off | 100 | 50 | 1.00 | 0 | 0 | 50 |" in page
    assert "| all, at 0.30 | 50 | 100 | 2.00 | 0 | 0 | 50 |" in page


def test_replays_are_told(tmp_path: Path):
    presses = [Press("a", "c", "p", False, "asks"), Press("a", "c", "rint()", True, "through")]
    found = Replay("model", summarize(presses, []), presses)
    (tmp_path / "replay.json").write_bytes(msgspec.json.encode(found))
    page = quality_report.write(tmp_path)
    assert "| characters that came by accepting | 86 % |" in page


def test_what_is_no_result_is_named(tmp_path: Path):
    with pytest.raises(BadResultsError, match="holds no results"):
        quality_report.write(tmp_path)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BadResultsError, match="holds no replay"):
        quality_report.write(tmp_path)
