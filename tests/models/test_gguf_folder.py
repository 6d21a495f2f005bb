"""GGUF files written as folders: of a real model, and of small ones made for their oddities."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from jupyter_fastgen.models import gguf_folder
from jupyter_fastgen.models.errors import BadModelFile, NotEnoughSpace
from jupyter_fastgen.models.gguf_folder import write_folder

from ..conftest import RunningServer
from .conftest import MIB, Usage
from .forward import log_probabilities
from .tiny_gguf import HEADS, HIDDEN, KV_HEADS, write_tiny

CODE = [
    "import pandas as pd\n\ndf = pd.read_csv('rides_2024.csv')\nprint(df.head(10))\n",
    "def f(x):\n    return x ** 2 + 1234567 - 0x1F\n\n\n\n\tif a != b:\r\n\t\tpass  # DON'T\n",
    'naïve = \'Größe 日本語 🙂 ½ ٣٤\' + """  trailing   """   \n   ',
    "<|im_start|>user\nhi<|im_end|>\n<|endoftext|>x <|im_end|> y <|fim_prefix|>",
    "\u00a0\u2003 e\u0301 \u200b x\n \n  \n",
    "\n",
]


@pytest.fixture(scope="module")
def folder(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M as a folder."""
    path = tmp_path_factory.mktemp("smollm2")
    write_folder(small_model, path, lambda fraction: None)
    return path


def test_a_real_model_has_the_names_and_shapes_of_its_config(folder: Path):
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["rope_theta"] == 100000.0
    assert config["rms_norm_eps"] == 1e-5
    weights = load_file(folder / "model-00001-of-00001.safetensors")
    hidden, inner, kv = config["hidden_size"], config["intermediate_size"], 192
    expected: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(30):
        expected |= {
            f"model.layers.{layer}.{name}.weight": shape
            for name, shape in {
                "input_layernorm": (hidden,),
                "post_attention_layernorm": (hidden,),
                "self_attn.q_proj": (hidden, hidden),
                "self_attn.k_proj": (kv, hidden),
                "self_attn.v_proj": (kv, hidden),
                "self_attn.o_proj": (hidden, hidden),
                "mlp.gate_proj": (inner, hidden),
                "mlp.up_proj": (inner, hidden),
                "mlp.down_proj": (hidden, inner),
            }.items()
        }
    assert {name: value.shape for name, value in weights.items()} == expected
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float16)}


def test_it_has_the_token_ids_of_llama_cpp(folder: Path, llama_server: RunningServer):
    tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in (*CODE, Path(__file__).read_text("utf-8")):
        asked = {"content": text, "add_special": False, "parse_special": True}
        answer = httpx.post(f"{llama_server.url}/tokenize", json=asked).json()
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == answer["tokens"]
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == [0, 2]


def test_it_thinks_as_in_llama_cpp(folder: Path, llama_server: RunningServer):
    tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompt: list[int] = tokenizer.encode(f"{CODE[0]}df['km'].plot(").ids
    ours = log_probabilities(folder, prompt)
    asked = {"prompt": prompt, "n_predict": 1, "n_probs": 5, "temperature": 0, "samplers": []}
    answer = httpx.post(f"{llama_server.url}/completion", json=asked, timeout=60).json()
    theirs = answer["completion_probabilities"][0]["top_logprobs"]
    assert theirs[0]["id"] == ours.argmax()
    # llama.cpp rounds what is between the layers to 8 bits.
    for token in theirs:
        assert ours[token["id"]] == pytest.approx(token["logprob"], abs=0.4)


def test_biases_come_along_and_qwen_keeps_its_rows(tmp_path: Path):
    tensors = write_tiny(tmp_path / "tiny.gguf", "qwen2")
    write_folder(tmp_path / "tiny.gguf", tmp_path, lambda fraction: None)
    weights = load_file(tmp_path / "model-00001-of-00001.safetensors")
    for kind in ("weight", "bias"):
        expected = tensors[f"blk.0.attn_q.{kind}"].astype(np.float16)
        assert (weights[f"model.layers.0.self_attn.q_proj.{kind}"] == expected).all()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["tie_word_embeddings"]


@pytest.mark.parametrize(("name", "heads"), [("q", HEADS), ("k", KV_HEADS)])
def test_the_rows_of_a_llama_head_go_back_to_halves(tmp_path: Path, name: str, heads: int):
    tensors = write_tiny(tmp_path / "tiny.gguf", "llama")
    write_folder(tmp_path / "tiny.gguf", tmp_path, lambda fraction: None)
    weights = load_file(tmp_path / "model-00001-of-00001.safetensors")
    size = HIDDEN // HEADS
    for kind in ("weight", "bias"):
        theirs = tensors[f"blk.0.attn_{name}.{kind}"].astype(np.float16)
        ours = weights[f"model.layers.0.self_attn.{name}_proj.{kind}"]
        for head in range(heads):
            rows = theirs[head * size : (head + 1) * size]
            halves = np.concatenate((rows[0::2], rows[1::2]))
            assert (ours[head * size : (head + 1) * size] == halves).all()


def test_many_weights_are_several_files_and_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tensors = write_tiny(tmp_path / "tiny.gguf")
    monkeypatch.setattr(gguf_folder, "SHARD", 8192)
    told: list[float] = []
    write_folder(tmp_path / "tiny.gguf", tmp_path, told.append)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(index) == len(tensors)
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    assert sorted(set(index.values())) == files
    for name, file in index.items():
        assert name in load_file(tmp_path / file)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("family", "changes", "named"),
    [
        ("gemma", {}, "'gemma' is none of llama, qwen2, qwen3"),
        ("qwen2", {"qwen2__rope__scaling__type": "yarn"}, "rotary scaling"),
        ("llama", {"tensors": {"rope_freqs.weight": np.ones(4, np.float32)}}, "rotary scaling"),
        ("qwen2", {"qwen2__rope__dimension_count": 4}, "partial rotary"),
        ("qwen2", {"tokenizer__ggml__model": "llama"}, "its tokenizer"),
        ("qwen2", {"tokenizer__ggml__pre": "unheard-of"}, "unheard-of"),
        ("qwen2", {"tokenizer__ggml__pre": None}, "not named"),
        ("qwen2", {"tensors": {"blk.0.odd.weight": np.ones(4, np.float32)}}, "blk.0.odd.weight"),
        (
            "qwen2",
            {"tensors": {"output_norm.weight": np.full(HIDDEN, 1e6, np.float32)}},
            "output_norm.weight has numbers too large",
        ),
    ],
)
def test_what_cannot_be_written_exactly_is_refused(
    tmp_path: Path, family: str, changes: dict[str, Any], named: str
):
    write_tiny(tmp_path / "tiny.gguf", family, **changes)
    with pytest.raises(BadModelFile, match=named):
        write_folder(tmp_path / "tiny.gguf", tmp_path, lambda fraction: None)
    assert not (tmp_path / "config.json").exists()


def test_a_file_that_is_no_gguf_is_named(tmp_path: Path):
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadModelFile, match=r"tiny\.gguf .* can't be read as GGUF"):
        write_folder(tmp_path / "tiny.gguf", tmp_path, lambda fraction: None)


def test_a_full_disk_is_named_before_a_weight_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_tiny(tmp_path / "tiny.gguf")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, MIB))
    with pytest.raises(NotEnoughSpace, match="1 MB is free"):
        write_folder(tmp_path / "tiny.gguf", tmp_path, lambda fraction: None)
    assert not list(tmp_path.glob("*.safetensors"))
