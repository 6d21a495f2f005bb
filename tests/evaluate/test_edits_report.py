from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.evaluate.edits import report
from jupyter_fastgen.evaluate.edits.instructed import Record, Settings, open_results
from jupyter_fastgen.evaluate.edits.sheet import Arm, Sheet
from jupyter_fastgen.evaluate.results import BadResultsError


def record(name: str, right: bool, is_cell: bool, lost: int = 0) -> Record:
    return Record(
        name=name,
        language="python",
        is_cell=is_cell,
        lines=9,
        sparse=False,
        hunks=1,
        flagged=0,
        reason="",
        right=right,
        right_taken=right,
        fault="" if right else "AssertionError",
        lost=lost,
        misread=False,
        prompt_tokens=100,
        new_tokens=40,
        passes=10,
        prefill_ms=1000.0,
        decode_ms=2000.0,
        answer="",
    )


def test_formats_and_sheets_are_told(tmp_path: Path):
    results = open_results(
        tmp_path / "a.jsonl", Settings("edits", "digest", "some model", "whole", 1, 0)
    )
    results.add(record("a", True, True))
    results.add(record("b", False, True, lost=2))
    results.add(record("c", True, False))
    arms = [
        Arm("full rewrite", 2000, 2000, 2400, 10000.0, 90000.0, 500, False, 0, "", ""),
        Arm("ours", 20, 10, 2400, 9000.0, 1000.0, 0, True, 0, "", ""),
    ]
    sheet = Sheet("a.css", "digest", 418, "some model", 8, arms)
    (tmp_path / "css.json").write_bytes(msgspec.json.encode(sheet))
    page = report.write(tmp_path)
    row = (
        "| some model, whole | 2 | 50 % | 50 % | 100 % | 0 % | 0 % | 50 % | 50 % | 0 % | 40 / 40 |"
    )
    assert row in page
    assert "| some model, whole | 1 | 100 % |" in page
    assert "| ours | 20 | 10 | 9 s | 1 s | 100 | 10 | 0 | yes |" in page
    assert "| full rewrite | 2,000 | 2,000 | 10 s | 90 s | 1 | 1 | 500 | **no** |" in page


def test_what_is_no_result_is_named(tmp_path: Path):
    with pytest.raises(BadResultsError, match="holds no results"):
        report.write(tmp_path)
    (tmp_path / "css.json").write_text("{}")
    with pytest.raises(BadResultsError, match="bench css"):
        report.write(tmp_path)
