from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_fastgen.evaluate.quality.lines import Record
from jupyter_fastgen.evaluate.quality.results import (
    BadResultsError,
    Settings,
    open_results,
    read_results,
)

SETTINGS = Settings("fim", "digest", "model", "plain", 1, 10, 512, False)


def record(cell: int) -> Record:
    return Record("problem", cell, 3, "row", True, 100.0, 4, 4, 4)


def test_a_second_run_goes_on(tmp_path: Path):
    path = tmp_path / "new" / "out.jsonl"
    first = open_results(path, SETTINGS)
    first.add(record(1))
    second = open_results(path, SETTINGS)
    assert second.records == [record(1)]
    second.add(record(2))
    assert read_results(path).records == [record(1), record(2)]


def test_a_line_torn_by_a_kill_is_done_again(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    results = open_results(path, SETTINGS)
    results.add(record(1))
    results.add(record(2))
    path.write_bytes(path.read_bytes()[:-7])
    again = open_results(path, SETTINGS)
    assert again.records == [record(1)]
    again.add(record(2))
    assert read_results(path).records == [record(1), record(2)]


def test_other_settings_are_refused_by_name(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    open_results(path, SETTINGS)
    with pytest.raises(BadResultsError, match=r"made with seed = 1, not 2: .*--out"):
        open_results(path, msgspec.structs.replace(SETTINGS, seed=2))


@pytest.mark.parametrize("content", [b"hello\n", b"{}\n", b"no line end"])
def test_other_files_are_not_written_to(tmp_path: Path, content: bytes):
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadResultsError, match="holds no results"):
        open_results(path, SETTINGS)
    assert path.read_bytes() == content


def test_absent_file(tmp_path: Path):
    with pytest.raises(BadResultsError, match="No such file"):
        read_results(tmp_path / "none.jsonl")
