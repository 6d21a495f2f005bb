from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.notebook import read_notebook


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = ["for n in range(3):\n    print(n)\nfor n in range(3):", "s = '🦉é'\nfor n in ra"]
    path = tmp_path / "some.ipynb"
    path.write_text(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 4,
                "metadata": {"kernelspec": {"language": "julia", "name": "j", "display_name": ""}},
                "cells": [
                    {
                        "cell_type": "code",
                        "source": source.splitlines(keepends=True),
                        "metadata": {},
                        "outputs": [],
                        "execution_count": None,
                    }
                    for source in cells
                ],
            }
        )
    )
    return path


def test_streams_to_the_terminal(
    notebook: Path, small_model: Path, capfd: pytest.CaptureFixture[str]
):
    assert main(["complete", str(notebook), "--cell", "0", "--model", str(small_model)]) == 0
    out, err = capfd.readouterr()
    assert "print" in out
    # Nothing of llama.cpp's output, and no complaint.
    assert err == ""


def test_json_holds_text_reason_and_counts(
    notebook: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
):
    options = ["--cell", "-1", "--offset", "20", "--json", "--model", str(small_model)]
    assert main(["complete", str(notebook), *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["text"].startswith("nge(")
    assert answer["reason"] == "stop"
    assert answer["counts"]["prompt_tokens"] > answer["counts"]["cached_tokens"] == 0
    assert answer["counts"]["new_tokens"] > 0
    assert answer["counts"]["first_ms"] > 0


def test_offsets_count_code_points(notebook: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["complete", str(notebook), "--cell", "1", "--offset", "21"]) == 1
    assert capsys.readouterr().err == "error: cell 1 has no offset 21: it has 20 code points\n"


def test_cell_that_is_not_there(notebook: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["complete", str(notebook), "--cell", "2"]) == 1
    assert capsys.readouterr().err.endswith("has no cell 2: it has cells 0 to 1\n")


def test_missing_model_names_the_way_out(
    notebook: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "models"))
    assert main(["complete", str(notebook), "--cell", "0"]) == 1
    err = capsys.readouterr().err
    assert "qwen2.5-coder-0.5b is not ready on this machine" in err
    assert "jupyter fastgen models pull" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"nbformat": 4, "cells": 3}', "\0"])
def test_what_is_no_notebook(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "bad.ipynb"
    path.write_text(content)
    assert main(["complete", str(path), "--cell", "0"]) == 1
    err = capsys.readouterr().err
    assert "can't be read as a notebook" in err
    assert "Traceback" not in err


def test_absent_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["complete", str(tmp_path / "none.ipynb"), "--cell", "0"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_language_and_cells(notebook: Path):
    document = read_notebook(notebook)
    assert document.language == "julia"
    assert [cell.type for cell in document.cells] == ["code", "code"]
    assert len({cell.id for cell in document.cells}) == 2
    assert document.cells[1].source == "s = '🦉é'\nfor n in ra"


@pytest.mark.parametrize(
    ("policy", "metadata", "why"),
    [
        ('everyone.preset = "exam"', {}, "preset exam"),
        ("everyone.preset =", {}, "nothing is allowed"),
        ("", {"fastgen": {"enabled": False}}, "fastgen.enabled"),
        ('[courses.cs]\nfeatures.suggestions = "force-off"', {"fastgen": {"course": "cs"}}, "cs"),
    ],
)
def test_what_is_not_allowed_says_why(
    policy: str,
    metadata: dict[str, object],
    why: str,
    notebook: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    config = tmp_path / "config" / "jupyter_fastgen_config.py"
    config.parent.mkdir()
    config.write_text(f"c.FastgenApp.policy_file = {str(tmp_path / 'policy.toml')!r}")
    (tmp_path / "policy.toml").write_text(policy)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config.parent))
    told = json.loads(notebook.read_text())
    notebook.write_text(json.dumps(told | {"metadata": told["metadata"] | metadata}))
    for command in (["complete", str(notebook), "--cell", "0"], ["edit", str(notebook), "-i", "x"]):
        if "suggestions" in policy and command[0] == "edit":
            continue
        assert main(command) == 1
        err = capsys.readouterr().err
        assert "are off: " in err
        assert why in err
