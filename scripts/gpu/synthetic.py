"""A model of seven billion random weights, in EXL2's format: good for nothing but its speed.

Of a linear layer from k to n values, EXL2 keeps groups of 128 rows; the last may be smaller. All
have 4 bits here, eight to an int32. Layout as ExLlamaV2's `conversion/adaptivegptq.py` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BITS = 4
GROUP = 128

SEVEN_B = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": False,
    "eos_token_id": 0,
}
"""The shape of Qwen2.5-7B."""


def linear(k: int, n: int, bias: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of one layer, with random weights."""
    groups = -(-k // GROUP)
    padded = -(-n // 32) * 32
    rows = [min(GROUP, k - GROUP * group) * BITS // 32 for group in range(groups)]
    starts = [sum(rows[:group]) for group in range(groups)]
    pairs = [value for start in starts for value in (BITS, start)]
    limits = -(2**31), 2**31 - 1
    tensors = {
        "q_weight": torch.randint(*limits, (sum(rows), padded), dtype=torch.int32),
        "q_scale": torch.randint(*limits, (groups, padded // 8), dtype=torch.int32),
        "q_scale_max": torch.full((groups,), 0.02, dtype=torch.float16),
        "q_groups": torch.tensor(pairs, dtype=torch.int16),
        "q_invperm": torch.arange(k, dtype=torch.int32),
    }
    if bias:
        tensors["bias"] = torch.zeros(n, dtype=torch.float16)
    return tensors


def write(folder: Path, config: Mapping[str, Any] = SEVEN_B) -> int:
    """Write such a model, a file for each layer; gives the bytes of its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    heads, kv_heads = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
    vocabulary = int(config["vocab_size"])
    kv = hidden // heads * kv_heads
    ones = torch.ones(hidden, dtype=torch.float16)
    shapes = {
        "self_attn.q_proj": (hidden, hidden, True),
        "self_attn.k_proj": (hidden, kv, True),
        "self_attn.v_proj": (hidden, kv, True),
        "self_attn.o_proj": (hidden, hidden, False),
        "mlp.gate_proj": (hidden, inner, False),
        "mlp.up_proj": (hidden, inner, False),
        "mlp.down_proj": (inner, hidden, False),
    }
    for layer in range(int(config["num_hidden_layers"])):
        prefix = f"model.layers.{layer}."
        tensors = {
            f"{prefix}{name}.{part}": tensor
            for name, (k, n, bias) in shapes.items()
            for part, tensor in linear(k, n, bias).items()
        }
        tensors[f"{prefix}input_layernorm.weight"] = ones.clone()
        tensors[f"{prefix}post_attention_layernorm.weight"] = ones.clone()
        save_file(tensors, folder / f"layer-{layer:02}.safetensors")
    head = {f"lm_head.{part}": tensor for part, tensor in linear(hidden, vocabulary).items()}
    embedding = torch.randn(vocabulary, hidden).half() * 0.02
    others = {"model.embed_tokens.weight": embedding, "model.norm.weight": ones.clone()}
    save_file(head | others, folder / "rest.safetensors")
    write_tokenizer(folder, vocabulary)
    (folder / "config.json").write_text(json.dumps(config))  # last: with it the model is whole
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def read_bytes(folder: Path) -> int:
    """Of the weights of such a model, what every pass reads: all but the embedding."""
    config = json.loads((folder / "config.json").read_text())
    files = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return files - 2 * config["vocab_size"] * config["hidden_size"]


def write_tokenizer(folder: Path, size: int) -> None:
    """A tokenizer with as many entries as the model, of which only single bytes are ever used."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<|endoftext|>", *letters]
    names += [f"token{number}" for number in range(size - len(names))]
    tokenizer = Tokenizer(models.BPE({name: at for at, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
