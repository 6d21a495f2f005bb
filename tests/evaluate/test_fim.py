from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.evaluate.quality.fim import SUFFIX_TOKENS, Row, ask
from jupyter_fastgen.evaluate.rows import read_rows, sample

QWEN = TEMPLATES["qwen"]
ROW = Row("def half(n):\n    # by shifting", "\n\nprint(half(4))\n", "    return n >> 1", "half-L2")


def test_past_our_code_and_through_it_the_usual_prompt_is_the_same():
    straight = ask(ROW, "straight", QWEN, SUFFIX_TOKENS)
    assert straight == (
        f"<|fim_prefix|>{ROW.prompt}<|fim_suffix|>{ROW.suffix}<|fim_middle|>",
        "",
    )
    assert ask(ROW, "plain", QWEN, SUFFIX_TOKENS) == straight


def test_anchored_the_last_line_is_forced():
    text, begin = ask(ROW, "anchored", QWEN, SUFFIX_TOKENS)
    assert text.startswith("<|fim_prefix|>def half(n):<|fim_suffix|>")
    assert text.split("<|fim_middle|>")[1] + begin == "\n    # by shifting"
    assert begin == " shifting"


def test_a_model_without_a_suffix_sees_what_is_above():
    assert ask(ROW, "straight", TEMPLATES["prefix-only"], SUFFIX_TOKENS) == (ROW.prompt, "")


def test_the_protocol_cuts_long_suffixes():
    row = Row("a", "x = 1\n" * 2000, "b")
    text, _ = ask(row, "plain", QWEN, SUFFIX_TOKENS)
    assert len(text) < 2500


@pytest.mark.parametrize(
    "name", ["humaneval-HumanEval_1_a.json-L30", "SingleLineInfilling/HumanEval/1/L3"]
)
def test_rows_of_one_problem_belong_together(name: str):
    assert Row("", "", "", name).problem == Row("", "", "", task_id=name[:-1] + "7").problem


def test_samples_are_drawn_without_return_and_kept_by_the_seed():
    drawn = sample(100, 10, 1)
    assert drawn == sample(100, 10, 1)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 10
    assert drawn != sample(100, 10, 2)
    assert sample(5, 0, 1) == sample(5, 9, 1) == [0, 1, 2, 3, 4]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl.gz"
    rows = [
        {"prompt": f"x = {n}\nprint(x)\nx = {n}\nprint(", "suffix": "", "name": f"p{n}-L4"}
        | {"canonical_solution": "x)", "tests": "ignored"}
        for n in range(3)
    ]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


def test_bad_rows_are_told(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a"}\n')
    with pytest.raises(FastgenError, match="can't be read as rows of prompt, suffix"):
        read_rows(path, Row)


@pytest.mark.parametrize("way", ["--anchored", "--plain", "--straight"])
def test_rows_are_completed_once_and_scored(
    rows: Path, tmp_path: Path, small_model: Path, capsys: pytest.CaptureFixture[str], way: str
):
    out = tmp_path / "out.jsonl"
    command = ["eval", "fim", str(rows), "--out", str(out), "--model", str(small_model), way]
    assert main([*command, "--texts", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    whole = out.read_bytes()
    records = [json.loads(line) for line in whole.splitlines()[1:]]
    assert [record["group"] for record in records] == ["p0", "p1", "p2"]
    for record in records:
        assert record["texts"]["expected"] == "x)"
        assert record["shown_chars"] == len(record["texts"]["shown"]) > 0
        assert record["exact"] == (record["texts"]["shown"] == "x)")
    exact = 100 * sum(record["exact"] for record in records) / 3
    assert found["summary"]["all"]["exact"] == pytest.approx(exact)
    assert found["summary"]["all"]["places"] == 3
    # As if it had been killed while it wrote the third row.
    out.write_bytes(whole[:-20])
    assert main([*command, "--texts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert out.read_bytes() == whole
