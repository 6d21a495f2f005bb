from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.cli import main
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService
from jupyter_fastgen.protocol import Status

from .engine.scripted import FreeHost, ScriptedEngine

CODE = "first = 1\r\nsecond = 2\r\nthird = 3"
MARK = "# ... existing code ..."

Capture = pytest.CaptureFixture[str]
Answers = Callable[..., ScriptedEngine]


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))


class Host(FreeHost):
    """As `ModelHost`, with an engine that writes what it is told to."""

    status = Status(state="ready", model="scripted", engine="scripted")

    def __init__(self, engine: ScriptedEngine, meanwhile: Callable[[], object]) -> None:
        self._engine = engine
        self._meanwhile = meanwhile

    async def edits(self) -> EditService:
        return EditService(self._engine, CHATS["chatml"])

    async def close(self) -> None:
        self._meanwhile()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Makes the model of the command line write a text."""

    def make(text: str, meanwhile: Callable[[], object] = lambda: None) -> ScriptedEngine:
        engine = ScriptedEngine(text)
        monkeypatch.setattr(FastgenApp, "make_edit_host", lambda app, _: Host(engine, meanwhile))
        return engine

    return make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.py"
    path.write_bytes(CODE.encode())
    return path


def run(file: Path, *options: str) -> int:
    return main(["edit", str(file), "-i", "do it", *options])


def test_the_diff_is_one_that_git_applies(
    file: Path, answers: Answers, capfd: Capture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(file.parent)
    answers("first = 1\nsecond = 22\nthird = 3\n```")
    assert run(Path(file.name)) == 0
    out, err = capfd.readouterr()
    assert file.read_bytes() == CODE.encode()
    assert err == ""
    subprocess.run(["git", "apply", "-p0"], input=out.encode(), check=True)
    assert file.read_bytes() == CODE.replace("2\r", "22\r").encode()


def test_writing_keeps_line_ends_and_the_missing_last_one(
    file: Path, answers: Answers, capfd: Capture
):
    answers("zeroth = 0\nfirst = 1\nsecond = 2\nthird = 33\n```")
    assert run(file, "--write") == 0
    wanted = "zeroth = 0\r\n" + CODE.replace("= 3", "= 33")
    assert file.read_bytes() == wanted.encode()
    out, err = capfd.readouterr()
    assert out == ""
    assert "Wrote 2 changes" in err


def test_what_needs_a_look_is_told_and_written_only_with_all(
    file: Path, answers: Answers, capfd: Capture
):
    answers("first = 1\nsecond = (2\nthird = 3\n```")
    assert run(file, "--write") == 1
    assert file.read_bytes() == CODE.encode()
    err = capfd.readouterr().err
    assert "line 2: 1 -> 1: the result has a syntax error" in err
    assert "-second = 2\n" in err
    assert "+second = (2\n" in err
    assert "--all" in err
    assert run(file, "--write", "--all") == 0
    assert file.read_bytes() == CODE.replace("= 2", "= (2").encode()


def test_no_change_has_a_reason_and_an_exit_code(file: Path, answers: Answers, capfd: Capture):
    answers("I can't do that.")
    for option in ("--diff", "--write"):
        assert run(file, option) == 1
        out, err = capfd.readouterr()
        assert out == ""
        assert err == "No change: the model did not answer with code.\n"
    assert file.read_bytes() == CODE.encode()


def test_only_the_named_lines_change(file: Path, answers: Answers):
    engine = answers("second = 22\n```")
    assert run(file, "--lines", "2", "--write") == 0
    assert file.read_bytes() == CODE.replace("= 2", "= 22").encode()
    assert "do it" in engine.requests[0].prompt


def test_hunks_are_told_while_they_settle(tmp_path: Path, answers: Answers, capfd: Capture):
    file = tmp_path / "long.py"
    file.write_text("".join(f"value_{n} = {n}\n" for n in range(100)))
    shown = (f"value_{n} = {n}\nvalue_{n + 1} = 0\nvalue_{n + 2} = {n + 2}\n{MARK}\n"
             for n in range(10, 90, 20))  # fmt: skip
    answers(f"{MARK}\n{''.join(shown)}```")
    assert run(file, "--write") == 0
    err = capfd.readouterr().err
    assert err.index("line 12: 1 -> 1") < err.index("Wrote 4 changes")


def test_json_holds_hunks_reason_and_counts(file: Path, answers: Answers, capsys: Capture):
    answers("first = 1\nsecond = 22\nthird = 3\n```")
    assert run(file, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hunks"] == [
        {"start": 1, "end": 2, "new": ["second = 22"], "label": "", "flags": [],
         "moved_to": None, "taken": True}
    ]  # fmt: skip
    assert told["reason"] == ""
    assert told["format"] == "whole"
    assert told["written"] is False
    assert told["counts"]["new_tokens"] > 0


def test_a_file_that_was_saved_meanwhile_keeps_both_changes(
    file: Path, answers: Answers, capfd: Capture
):
    new = b"zeroth = 0\r\n" + CODE.replace("= 3", "= 33").encode()
    answers("first = 11\nsecond = 2\nthird = 4\n```", lambda: file.write_bytes(new))
    assert run(file, "--write") == 1
    assert file.read_bytes() == new  # both hunks touch what was changed
    assert capfd.readouterr().err.count("changed there meanwhile") == 2
    long = "".join(f"value_{n} = {n}\n" for n in range(9))
    file.write_text(long)
    answers(
        long.replace("= 7", "= 70") + "```", lambda: file.write_text(long.replace("= 1", "= 10"))
    )
    assert run(file, "--write") == 0
    assert file.read_text() == long.replace("= 1", "= 10").replace("= 7", "= 70")


def test_a_cell_of_a_notebook(tmp_path: Path, answers: Answers, capfd: Capture):
    path = tmp_path / "some.ipynb"
    cells = [
        {"cell_type": "code", "source": [f"x = {n}\n", "y = x"], "metadata": {}, "outputs": []}
        for n in range(3)
    ]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole, indent=1))
    answers("x = 7\ny = x\n```")
    assert run(path, "--cell", "1", "--write") == 0
    cells[1]["source"] = ["x = 7\n", "y = x"]
    assert path.read_text() == json.dumps(whole, indent=1)
    assert "cell 1" in capfd.readouterr().err


def test_a_whole_notebook_keeps_all_but_what_changes(
    tmp_path: Path, answers: Answers, capfd: Capture
):
    path = tmp_path / "some.ipynb"
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": n, "id": f"c{n}", "metadata": {"n": 1.50},
         "outputs": [{"output_type": "stream", "name": "stdout", "text": ["x\n"]}],
         "source": [f"x{n} = {n}\n", f"y{n} = x{n}"]}
        for n in range(3)
    ]  # fmt: skip
    cells.append({"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# The end"]})
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole, indent=1))
    lines = "# %% 1\nx0 = 0\ny0 = x0\n# %% 2\nx1 = 11\ny1 = x1\n# %%\nprint(x1)\n# %% 3\n"
    engine = answers(lines + "x2 = 2\ny2 = x2\n# %% 4 [markdown]\n# # The start\n```")
    assert run(path, "--write") == 0
    err = capfd.readouterr().err
    assert "Wrote 3 changes" in err
    assert "begins with a line as `# %% 1`" in engine.requests[0].prompt
    cells[1]["source"][0] = "x1 = 11\n"
    cells[3]["source"] = ["# The start"]
    new = {"cell_type": "code", "execution_count": None, "id": "", "metadata": {}, "outputs": [],
           "source": ["print(x1)"]}  # fmt: skip
    cells.insert(2, new)
    new["id"] = json.loads(path.read_text())["cells"][2]["id"]
    assert new["id"]
    assert path.read_text() == json.dumps(whole, indent=1)


def test_an_action_says_what_to_do(file: Path, answers: Answers, capfd: Capture):
    engine = answers("# One.\nfirst = 1\nsecond = 2\nthird = 33\n```")
    assert main(["edit", str(file), "--action", "explain", "--write"]) == 0
    assert "comment" in engine.requests[0].prompt
    assert file.read_bytes() == ("# One.\r\n" + CODE).encode()
    assert "only comments were asked for" in capfd.readouterr().err
    assert main(["edit", str(file), "--action", "sing"]) == 1
    assert "docstring" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--lines", "2-9"], "it has lines 1 to 3"),
        (["--lines", "3-2"], "it has lines 1 to 3"),
        (["--lines", "two"], "write 10-40, or 7"),
        (["--cell", "0"], "it is no notebook"),
        (["-i", " "], "the instruction is empty"),
        (["--action", "fix"], "no action 'fix' here"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(file: Path, options: list[str], why: str, capsys: Capture):
    assert run(file, *options) == 1
    err = capsys.readouterr().err
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("configured", ["", "smollm2-135m"])
def test_a_missing_model_names_the_way_out(
    configured: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
):
    monkeypatch.setenv("FASTGEN_MODELS_DIR", str(tmp_path / "models"))
    config = tmp_path / "config" / "jupyter_fastgen_config.py"
    config.parent.mkdir()
    config.write_text(f"c.FastgenApp.model = {configured!r}")
    assert run(file) == 1
    err = capsys.readouterr().err
    assert f"{configured or 'qwen2.5-coder-0.5b'} is not ready on this machine" in err
    assert "jupyter fastgen models pull" in err


def test_with_a_real_model_the_file_is_changed_as_told_or_not_at_all(
    tmp_path: Path, small_model: Path, capfd: Capture
):
    file = tmp_path / "some.py"
    code = "def double(x):\n    return 2 * x\n"
    file.write_text(code)
    status = run(file, "--write", "--json", "--model", str(small_model))
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert err == ""
    assert told["model"] == small_model.stem
    assert (status == 0) == told["written"] == (file.read_text() != code)
    assert told["written"] or told["reason"] or told["hunks"]
