"""What of `make gpu-check` runs without a GPU. What it measures there no test can tell."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from jupyter_fastgen.engine.exllamav2 import loading
from jupyter_fastgen.engine.exllamav2.vocabulary import load_vocabulary

from .harness import Engine, loaded
from .language import Hashed, Parrot, Scripted

SCRIPTS = Path(__file__).parents[3] / "scripts"
sys.path.insert(0, str(SCRIPTS))

gpu_check: Any = importlib.import_module("gpu_check")
steps: Any = importlib.import_module("gpu.steps")
synthetic: Any = importlib.import_module("gpu.synthetic")
timing: Any = importlib.import_module("gpu.timing")


def test_the_committed_table_is_of_the_committed_results():
    table = (gpu_check.RESULTS / "README.md").read_text("utf-8")
    assert table == gpu_check.report(gpu_check.RESULTS)


def test_what_was_not_run_is_said_to_be_so(tmp_path: Path):
    record = {"step": "train", "date": "2026-11-21", "device": "a GPU", "result": {}}
    (tmp_path / "train.json").write_text(json.dumps(record))
    failed = {"step": "kv", "date": "2026-11-21", "failed": "it broke\nbadly"}
    (tmp_path / "kv.json").write_text(json.dumps(failed))
    rows = rows_of(gpu_check.report(tmp_path))
    told = {row[0]: row[-1] for row in rows if len(row) == 3}
    assert told.pop("train") == "[done](train.json) (a GPU, 2026-11-21)"
    assert told.pop("kv") == "[failed](kv.json) (2026-11-21): it broke"
    assert set(told.values()) == {"not yet run"}
    assert {"train", "kv", *told} == set(steps.STEPS)
    goals = [row for row in rows if len(row) == 4]
    assert len(goals) == len(gpu_check.GOALS)
    assert {row[-1] for row in goals} == {"not measured"}


def rows_of(report: str) -> list[list[str]]:
    """The cells of the rows of its tables."""
    rows = [row.strip("| ").split(" | ") for row in report.splitlines() if row.startswith("| ")]
    return [row for row in rows if row[0] not in ("step", "---")]


def test_goals_stand_beside_what_was_measured(tmp_path: Path):
    result = {"first_token_ms": {"1000": {"cached": 9.0}, "4000": {"failed": "lost"}}}
    result["share_of_bandwidth"] = 0.41  # type: ignore[assignment]
    record = {"step": "speed", "date": "2026-11-21", "device": "a GPU", "result": result}
    (tmp_path / "speed.json").write_text(json.dumps(record))
    told = {row[1]: row[2:] for row in rows_of(gpu_check.report(tmp_path)) if len(row) == 4}
    assert told["first token of a known prompt of 1,000 tokens, ms"] == ["at most 15", "9"]
    assert told["first token of a known prompt of 4,000 tokens, ms"][1] == "not measured"
    assert told["share of the bandwidth while writing"] == ["at least 0.6", "0.41, missed"]


def test_every_goal_is_of_a_step_that_there_is():
    assert {goal.step for goal in gpu_check.GOALS} <= set(steps.STEPS)


def test_an_unknown_step_is_named(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        gpu_check.main(["train", "fly"])
    assert "no such step: fly; there are extension, train," in capsys.readouterr().err


def step_of(monkeypatch: pytest.MonkeyPatch, step: Callable[[Any, Any], None]) -> None:
    monkeypatch.setitem(steps.STEPS, "logits", step)


def test_a_step_writes_each_value_as_soon_as_it_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def logits(given: Any, tell: Any) -> None:
        tell("paged", {"agree": 0.5, "work": str(given.work)})
        assert record()["result"]["paged"]["agree"] == 0.5
        tell("unpaged", {"agree": 1.0})

    def record() -> dict[str, Any]:
        return json.loads((tmp_path / "logits.json").read_text())

    step_of(monkeypatch, logits)
    gpu_check.main(["logits", "--here", "--work", "/w", "--out", str(tmp_path)])
    assert record()["result"]["paged"]["work"] == "/w"
    assert [(goal["measured"], goal["met"]) for goal in record()["goals"]] == [
        (0.5, False),
        (1.0, True),
    ]
    assert record()["device"] == "no GPU"
    assert record()["versions"]["torch"]
    assert record()["seconds"] >= 0


def test_what_a_step_measured_stays_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def logits(_: Any, tell: Any) -> None:
        def broken() -> float:
            raise RuntimeError("out of memory")

        steps.each(tell, {"paged": lambda: {"agree": 1.0}, "lost": broken, "last": lambda: 3})

    step_of(monkeypatch, logits)
    with pytest.raises(steps.StepError):
        gpu_check.main(["logits", "--here", "--out", str(tmp_path)])
    record = json.loads((tmp_path / "logits.json").read_text())
    assert record["failed"] == "StepError: lost: RuntimeError: out of memory"
    assert record["result"]["last"] == 3
    assert record["goals"][0]["met"]


def test_one_that_fails_is_told_and_the_others_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options = argparse.Namespace(work=tmp_path / "work", out=tmp_path, model=None, limit=100)
    (tmp_path / "work").mkdir()
    # Without a GPU both fail, the second one before it has a model.
    (tmp_path / "work" / "synthetic-7b").mkdir()
    (tmp_path / "work" / "synthetic-7b" / "config.json").write_text("{}")
    assert gpu_check.run_all(["typists", "speed"], options) == 2
    said = capsys.readouterr().out
    for step in ("typists", "speed"):
        assert f"{step}: FAILED: " in said
        assert json.loads((tmp_path / f"{step}.json").read_text())["failed"]


SLOW = """
import subprocess, sys, time
from pathlib import Path
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", sys.argv[1]])
sys.path[:0] = sys.argv[2:]
from gpu import record
record.device = lambda: "a GPU"
with record.Record(Path(sys.argv[1]), "speed") as told:
    told.tell("copy_gb_per_s", 4000)
    time.sleep(100)
"""


def test_one_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = [sys.executable, "-c", SLOW, str(tmp_path), str(SCRIPTS)]
    options = argparse.Namespace(out=tmp_path, limit=5)
    assert not gpu_check.run_one("speed", command, options)
    record = json.loads((tmp_path / "speed.json").read_text())
    assert record["failed"] == "it took more than 5 s"
    assert record["result"] == {"copy_gb_per_s": 4000}
    assert "speed: FAILED: it took more than 5 s\n" in capsys.readouterr().out
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


def test_without_a_gpu_it_says_so_in_a_line(tmp_path: Path):
    command = [sys.executable, str(SCRIPTS / "gpu_check.py"), "--out", str(tmp_path)]
    paths = os.pathsep.join([str(Path(__file__).with_name("stub")), *sys.path])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "gpu-check can't run" in line]
    assert "sees no NVIDIA GPU" in line or "transformers not installed" in line
    assert list(tmp_path.iterdir()) == []


def test_a_tiny_model_is_trained_and_read_back(tmp_path: Path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    tiny: Any = importlib.import_module("gpu.tiny")
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
    told = tiny.train(
        tmp_path, 60, steps=2, vocabulary=400, num_attention_heads=2, num_key_value_heads=1, **sizes
    )
    assert told["steps"] == 2
    assert 0 < told["loss"] < 10
    from safetensors.torch import load_file

    kept = load_file(tmp_path / tiny.REFERENCE)
    assert kept["logits"].shape == (len(kept["ids"]), 400)
    same = steps.distance(kept["logits"], kept["logits"], kept["ids"])
    assert same["agree"] == 1
    assert same["loss"] == pytest.approx(same["reference_loss"])
    config = loading.read_config(tmp_path)
    assert config.rotary_embedding_base == 10000.0
    assert len(load_vocabulary(tmp_path).pieces) == 400


@pytest.mark.parametrize(
    ("k", "n"), [(896, 4864), (896, 128), (4864, 896), (576, 192), (1536, 576), (160, 70)]
)
def test_synthetic_layers_have_the_layout_of_exl2(k: int, n: int):
    make_group_map: Any = importlib.import_module("exllamav2.ext").make_group_map_py
    layer = synthetic.linear(k, n, bias=True)
    assert len(make_group_map(layer["q_groups"], layer["q_weight"].shape[0])) == 2 * k
    assert layer["q_weight"].shape == (k * 4 // 32, -(-n // 32) * 32)
    assert layer["q_scale"].shape[1] * 8 == layer["q_weight"].shape[1]
    assert torch.equal(layer["q_invperm"], torch.arange(k, dtype=torch.int32))


def test_a_synthetic_model_is_complete(tmp_path: Path):
    sizes = {"hidden_size": 128, "intermediate_size": 96, "vocab_size": 300}
    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    written = synthetic.write(tmp_path, synthetic.SEVEN_B | sizes | heads)
    assert synthetic.read_bytes(tmp_path) == written - 300 * 128 * 2
    config = loading.read_config(tmp_path)  # raises where a tensor is missing
    assert config.num_hidden_layers == 2
    words = load_vocabulary(tmp_path)
    assert len(words.pieces) == 300
    assert words.encode("ab") == [words.pieces.index(b"a"), words.pieces.index(b"b")]


def test_logits_are_those_of_the_model_at_each_place():
    language = Hashed(320)
    ids = timing.words(1, 600)
    for paged in (True, False):
        got = timing.forward(loaded(language, paged=paged), ids)
        for at in (0, 255, 256, 599):
            assert int(got[at].argmax()) == language.next(ids[: at + 1])


def test_what_is_timed_is_what_it_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timing, "PASSES", 3)
    made = loaded(Hashed(320), tokens=8192)
    model: Any = made.model
    first = timing.first_token(made, (300,))
    assert model.prefilled == 3 * 299
    assert set(first["300"]) == {"cold", "cached"}
    model.steps.clear()
    assert set(timing.passes(made, 4)) == {"1", "4", "8", "16", "32"}
    assert set(model.steps) == {(1, 1), (1, 4), (1, 8), (1, 16), (1, 32)}
    model.steps.clear()
    timing.batches(made, (1, 4), 4)
    assert {(1, 1), (4, 1)} <= set(model.steps)
    model.steps.clear()
    model.prefilled = 0
    edit = timing.edit(made, 20)
    assert edit["plain_tokens_per_pass"] == 1
    assert edit["drafted_tokens_per_pass"] > 10
    assert edit["faster"] > 1
    assert model.prefilled == 2 * 299, "the prompt is read before the time is taken"


async def test_typists_are_timed():
    async with Engine(loaded(Parrot(loaded().vocabulary), tokens=8192)) as engine:
        await timing.warmed(engine)
        told = await timing.typists(engine, lambda person: f"{person} " * 40, 3, 4, pause=0.05)
        assert told["typists"] == 3
        assert told["keys"] == 12
        assert 0 < told["p50_ms"] <= told["p95_ms"]


async def test_a_key_that_comes_too_late_counts_as_long_as_it_took():
    parrot = Parrot(loaded().vocabulary)

    def slow(tokens: Sequence[int]) -> Any:
        time.sleep(0.1)
        return parrot(tokens)

    async with Engine(loaded(slow)) as engine:
        told = await timing.typists(engine, lambda person: "a b", 1, 3, pause=0.05)
    assert told["keys"] == 3
    assert told["p95_ms"] > 50


async def test_cancelling_is_timed_until_the_engine_is_free():
    async with Engine(loaded(Parrot(loaded().vocabulary), tokens=8192)) as engine:
        prompt = "one two three " * 100
        for decode in (False, True):
            told = await timing.cancelling(engine, prompt, decode)
            assert 0 < told["end_ms"] <= told["free_ms"]


async def test_an_answer_that_ends_by_itself_is_no_time_of_cancelling():
    words = loaded().vocabulary
    prompt = "one two"
    silent = Scripted(len(words.pieces), len(words.encode(prompt)), [], end=0)
    async with Engine(loaded(silent)) as engine:
        with pytest.raises(RuntimeError, match="ended by itself"):
            await timing.cancelling(engine, prompt, decode=True)


async def test_the_contract_is_run_without_pytest():
    async with Engine(loaded(tokens=4096, context=2048 + 32)) as engine:
        told = await steps.contract(engine)
    assert told["test_greedy_answers_are_the_same"] == "passed"
    assert told["test_an_answer_begins_as_it_is_bound_to['\\t']"] == "passed"
    assert sum(outcome == "passed" for outcome in told.values()) > 30


# --- whole steps, on models that are none ------------------------------------------


@pytest.fixture
def given(tmp_path: Path) -> Any:
    """A folder in which nothing need be made first."""
    tiny: Any = importlib.import_module("gpu.tiny")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / tiny.REFERENCE).touch()
    sizes = {"hidden_size": 128, "intermediate_size": 96, "vocab_size": 300}
    heads = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    synthetic.write(tmp_path / "synthetic-7b", synthetic.SEVEN_B | sizes | heads)
    return steps.Given(tmp_path)


@pytest.fixture
def adapted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps' adapters have the harness' model."""

    @contextlib.asynccontextmanager
    async def adapter(folder: Path, **_: Any) -> AsyncGenerator[Engine]:
        made = loaded(Parrot(loaded().vocabulary), tokens=65536, context=20000)
        async with Engine(made) as engine:
            yield engine

    monkeypatch.setattr(steps, "adapter", adapter)


def told_by(step: str, given: Any, out: Path) -> dict[str, Any]:
    """What a step tells; of each of its goals something must be measured."""
    gpu_check.run_step(step, given, out)
    record = json.loads((out / f"{step}.json").read_text())
    assert len(record["goals"]) == sum(goal.step == step for goal in gpu_check.GOALS)
    return record["result"]


def test_speed_tells_of_all_that_its_goals_ask(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("reset_peak_memory_stats", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda: 5)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10, 10))
    monkeypatch.setattr(timing, "bandwidth", lambda: 4000.0)
    monkeypatch.setattr(timing, "logits_copies", lambda _: {"pageable": 3.0, "pinned": 1.0})
    monkeypatch.setattr(timing, "kernels", lambda _: {"gpu_ms": 2.0})
    monkeypatch.setattr(timing, "PASSES", 3)
    edit = timing.edit
    monkeypatch.setattr(timing, "edit", lambda made, lines: edit(made, lines // 10))
    made = loaded(Hashed(320), tokens=32768)
    monkeypatch.setattr(steps, "load", lambda *_, **__: made)
    told = told_by("speed", given, tmp_path)
    assert set(told["pass_ms_by_rows"]) == {"1", "4", "8", "16", "32"}
    assert set(told["tokens_per_s_by_jobs"]) == {"1", "4", "16"}
    assert told["tokens_per_s_by_jobs"]["4"] == pytest.approx(4000 / told["pass_ms_by_jobs"]["4"])
    assert told["peak_bytes"] == 5


def test_behaviour_tells_of_all_that_its_goals_ask(given: Any, adapted: None, tmp_path: Path):
    told = told_by("behaviour", given, tmp_path)
    assert told["prefix"]["cached"] == 1
    assert told["same_with_drafts"] == 1
    assert told["accepted"] > 0
    assert told["known_of_a_cancelled_prompt"] > 0


def test_typists_tells_of_all_that_its_goals_ask(given: Any, adapted: None, tmp_path: Path):
    told = told_by("typists", given, tmp_path)
    assert told["typists"]["keys"] == 16 * 20
