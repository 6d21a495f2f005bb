from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jupyter_fastgen.cli import app
from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.errors import FastgenError
from jupyter_fastgen.evaluate.edits.merging import measure
from jupyter_fastgen.evaluate.edits.mutations import MUTATIONS, Case
from jupyter_fastgen.evaluate.edits.pairs import Pair
from jupyter_fastgen.evaluate.edits.sparse import sparse
from jupyter_fastgen.evaluate.rows import read_rows

BEFORE = "".join(f"def step_{n}(value):\n    return value + {n}\n\n\n" for n in range(12))
AFTER = BEFORE.replace("value + 3\n", "value + 33\n").replace("value + 7\n", "value - 7\n")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"language": "python", "before": BEFORE, "after": AFTER},
        {"language": "ipython", "before": "x = 1\nprint(x)", "after": "x = 2\nprint(x)"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_ideal_edits_come_out_exact_by_granularity_and_language(pairs: Path):
    found = measure(pairs, 0, 2, 1, lambda what: None)
    assert set(found.granularities) == {"unique", "definition", "top", "hunk3"}
    for by_language in found.granularities.values():
        assert set(by_language) == {"all", "python", "ipython"}
        assert by_language["all"].exact == 1
        assert by_language["all"].exact_cells == 1
        assert by_language["all"].silently_wrong == 0
    assert all(outcome.silently_lost == 0 for outcome in found.slips.values())
    assert found.slips["unique, CRLF"].exact == 1


def test_an_edit_that_copies_on_before_its_last_change_is_ended_too_early(tmp_path: Path):
    lines = "".join(f"    print(value + {n})\n" for n in range(30))
    before = f"def show(value):\n    total = 0\n{lines}    return total\n"
    after = before.replace("= 0", "= 1").replace("return total", "return -total")
    pairs = tmp_path / "pairs.jsonl"
    row = {"language": "python", "before": before, "after": after}
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = measure(pairs, 0, 0, 1, lambda what: None).granularities
    assert [found[name]["all"].cut for name in ("unique", "definition")] == [0, 1]


def test_a_commit_that_uses_a_name_which_nothing_defines_is_no_doubt_of_the_merge(tmp_path: Path):
    before = "def show(value):\n    print(value)\n\n\nshow(1)\n"
    pairs = tmp_path / "pairs.jsonl"
    row = {
        "language": "python",
        "before": before,
        "after": before.replace("(value)\n\n", "(valu)\n\n"),
    }
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = measure(pairs, 0, 0, 1, lambda what: None).granularities["unique"]["all"]
    assert (found.undefined, found.flagged_right) == (1, 0)


def test_the_command_prints_a_table_and_json(pairs: Path):
    table = CliRunner().invoke(app, ["bench", "merge", "--pairs", str(pairs), "--slips", "0"])
    assert "unique, all (2)" in table.stdout
    made = CliRunner().invoke(
        app, ["bench", "merge", "--pairs", str(pairs), "--slips", "0", "--json"]
    )
    assert json.loads(made.stdout)["granularities"]["top"]["all"]["edits"] == 2


def test_the_page_tells_of_merges_and_of_what_is_shown(tmp_path: Path):
    long = "".join(
        f"def step_{n}(value):\n    total_{n} = value + {n}\n    print(total_{n})\n"
        f"    return total_{n}\n\n\n"
        for n in range(40)
    )
    row = {
        "language": "python",
        "before": long,
        "after": long.replace("value + 30\n", "value - 30\n"),
    }
    pairs, out = tmp_path / "pairs.jsonl", tmp_path / "docs" / "merge.md"
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    made = CliRunner().invoke(
        app, ["bench", "merge", "--pairs", str(pairs), "--slips", "1", "--out", str(out), "--json"]
    )
    found = json.loads(made.stdout)["views"]
    assert found["both"]["512"]["found"] == 1
    assert found["both"]["512"]["shown"] < 0.5
    assert "2048" not in found["both"]
    page = out.read_text(encoding="utf-8")
    assert "| unique, all (1) | 100.0 % |" in page
    assert "| both | 512 | 1 | 100 % |" in page


def test_a_file_without_pairs_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"language": "python"}\n', encoding="utf-8")
    with pytest.raises(FastgenError, match=r"rows\.jsonl can't be read"):
        read_rows(path, Pair)


def test_a_sparse_edit_shows_unique_context_and_names_what_goes():
    old = BEFORE.splitlines()
    new = old[:8] + old[12:]
    assert sparse(old, new, "python", "unique", parse("\n".join(new), "python")) == [
        "# ... existing code ...",
        "    return value + 1",
        "",
        "",
        "# deleted: def step_2(value):",
        "def step_3(value):",
        "    # ... existing code ...",
    ]


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_slip_changes_the_edit(name: str):
    old, new = BEFORE.splitlines(), AFTER.splitlines()
    new[10:12] = ["# a note", *new[10:11]]
    lines = sparse(old, [*new[:20], *new[24:]], "python", "unique", parse("", "python"))
    case = Case(tuple(old), tuple(new), tuple(lines), "python")
    assert any(MUTATIONS[name](case, random.Random(seed)) != case for seed in range(5))
