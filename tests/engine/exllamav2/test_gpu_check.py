"""What of `make gpu-check` runs without a GPU. What it measures there no test can tell."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from jupyter_fastgen.engine.exllamav2 import loading
from jupyter_fastgen.engine.exllamav2.vocabulary import load_vocabulary

from .harness import Engine, loaded
from .language import Hashed, Parrot

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
    rows = gpu_check.report(tmp_path).splitlines()[6:]
    told = {row.split(" | ")[0].strip("| "): row.split(" | ")[-1].strip(" |") for row in rows}
    assert told.pop("train") == "[done](train.json) (a GPU, 2026-11-21)"
    assert told.pop("kv") == "failed (2026-11-21): it broke"
    assert set(told.values()) == {"not yet run"}
    assert {"train", "kv", *told} == set(steps.STEPS)


def test_an_unknown_step_is_named(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        gpu_check.main(["train", "fly"])
    assert "no such step: fly; there are extension, train," in capsys.readouterr().err


def test_a_step_writes_what_came_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(steps.STEPS, "kv", lambda given: {"found": str(given.tiny)})
    gpu_check.main(["kv", "--here", "--work", "/w", "--out", str(tmp_path)])
    record = json.loads((tmp_path / "kv.json").read_text())
    assert record["result"] == {"found": "/w/tiny"}
    assert record["device"] == "no GPU"
    assert record["versions"]["torch"]


def test_a_step_that_fails_is_told_and_the_others_run(tmp_path: Path):
    command = [sys.executable, str(SCRIPTS / "gpu_check.py"), "kv", "behaviour"]
    command += ["--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "kv: FAILED\n" in done.stdout
    assert "behaviour: FAILED\n" in done.stdout
    for step in ("kv", "behaviour"):
        assert json.loads((tmp_path / f"{step}.json").read_text())["failed"]
    assert "failed" in (tmp_path / "README.md").read_text()


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
    assert written > 300 * 128 * 2
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
    edit = timing.edit(made, 20)
    assert edit["plain_tokens_per_pass"] == pytest.approx(1, abs=0.05)
    assert edit["drafted_tokens_per_pass"] > 10


async def test_typists_and_cancelling_are_timed():
    async with Engine(loaded(Parrot(loaded().vocabulary), tokens=8192)) as engine:
        told = await timing.typists(engine, lambda person: f"{person} " * 40, 3, 4, pause=0.01)
        assert told["typists"] == 3
        assert 0 < told["p50_ms"] <= told["p95_ms"]
        prompt = "one two three " * 100
        assert await timing.cancelling(engine, prompt, decode=False) > 0
        assert await timing.cancelling(engine, prompt, decode=True) > 0


async def test_the_contract_is_run_without_pytest():
    async with Engine(loaded(tokens=4096, context=2048 + 32)) as engine:
        told = await steps.contract(engine)
    assert told["test_greedy_answers_are_the_same"] == "passed"
    assert told["test_an_answer_begins_as_it_is_bound_to['\\t']"] == "passed"
    assert sum(outcome == "passed" for outcome in told.values()) > 30
