from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_fastgen.cli import main

from .models.conftest import WEIGHTS
from .models.test_hub import write_catalog


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog whose only addition is the tiny model, and an empty models directory."""
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "models"))
    path = write_catalog(tmp_path / "catalog.toml")
    monkeypatch.setenv("FASTGEN_CATALOG", str(path))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "given.gguf"
    path.write_bytes(WEIGHTS)
    return path


def test_list_shows_every_model_and_where_they_lie(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["models", "list"]) == 0
    out = capsys.readouterr().out
    assert "qwen2.5-coder-0.5b *" in out
    assert "smollm2-135m" in out
    assert str(tmp_path / "models") in out.replace("\n", "")


def test_list_as_json(catalog: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "list", "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert found["qwen2.5-coder-0.5b"]["default"]
    assert found["qwen2.5-coder-0.5b"]["hash"] == "pinned"
    assert found["qwen2.5-coder-7b-exl2-5.0bpw"]["hash"] == "from the hub"
    assert found["tiny"]["state"] == "missing"


def test_pull_path_verify(catalog: Path, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "path", "tiny"]) == 1
    err = capsys.readouterr().err
    assert "tiny is not ready (missing). Run: jupyter fastgen models pull tiny" in err

    assert main(["models", "pull", "tiny", "--from", str(weights)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.read_bytes() == WEIGHTS

    assert main(["models", "path", "tiny"]) == 0
    assert Path(capsys.readouterr().out.strip()) == path
    assert main(["models", "verify", "tiny"]) == 0
    assert "sha256 matches the catalog" in capsys.readouterr().out

    path.write_bytes(WEIGHTS[:-1] + b"\0")
    assert main(["models", "verify", "tiny", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert not answer["ok"]
    assert "hash of tiny.gguf is wrong" in answer["detail"]
    assert main(["models", "verify", "tiny"]) == 1
    assert "Run: jupyter fastgen models pull tiny" in capsys.readouterr().err


def test_failures_are_told_in_words(catalog: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "pull", "nonsense"]) == 1
    assert capsys.readouterr().err.startswith("error: There is no model named 'nonsense'")
    assert main(["models", "pull", "tiny", "--from", "/nowhere"]) == 1
    assert "file /nowhere: there is no such file" in capsys.readouterr().err


def test_wrong_call_exits_with_2(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_help_loads_no_model_code():
    code = (
        "import sys\nfrom jupyter_fastgen.cli import main\n"
        "main(['--help'])\n"
        "heavy = ('huggingface_hub', 'numpy', 'jupyter_server', 'jupyter_fastgen.models.store')\n"
        "print('loaded:', [m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
