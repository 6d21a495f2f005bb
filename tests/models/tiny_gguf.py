"""A GGUF file of a few kilobytes, with the parts that a test wants to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter

HIDDEN, HEADS, KV_HEADS, INNER = 32, 4, 2, 64
TOKENS = ["<|endoftext|>", *(chr(n) for n in range(ord("!"), ord("~"))), "ab"]


def write_tiny(path: Path, family: str = "qwen2", **changes: Any) -> dict[str, np.ndarray]:
    """Write a model of one layer to `path`, and give its tensors.

    `changes` are metadata, dots written as two underscores (None leaves a key out), or, with
    `tensors`, more tensors.
    """
    random = np.random.default_rng(7)
    widths = {"q": HIDDEN, "k": HIDDEN * KV_HEADS // HEADS, "v": HIDDEN * KV_HEADS // HEADS}
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(TOKENS), HIDDEN),
        "output_norm.weight": (HIDDEN,),
        "blk.0.attn_norm.weight": (HIDDEN,),
        "blk.0.ffn_norm.weight": (HIDDEN,),
        "blk.0.attn_output.weight": (HIDDEN, HIDDEN),
        "blk.0.ffn_gate.weight": (INNER, HIDDEN),
        "blk.0.ffn_up.weight": (INNER, HIDDEN),
        "blk.0.ffn_down.weight": (HIDDEN, INNER),
        **{f"blk.0.attn_{name}.weight": (width, HIDDEN) for name, width in widths.items()},
        **{f"blk.0.attn_{name}.bias": (width,) for name, width in widths.items()},
    }
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    tensors |= changes.pop("tensors", {})
    fields: dict[str, Any] = {
        f"{family}.block_count": 1,
        f"{family}.context_length": 128,
        f"{family}.embedding_length": HIDDEN,
        f"{family}.feed_forward_length": INNER,
        f"{family}.attention.head_count": HEADS,
        f"{family}.attention.head_count_kv": KV_HEADS,
        f"{family}.attention.layer_norm_rms_epsilon": 1e-6,
        f"{family}.rope.freq_base": 1e6,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3] + [1] * (len(TOKENS) - 1),
        "tokenizer.ggml.merges": ["a b"],
    }
    fields |= {name.replace("__", "."): value for name, value in changes.items()}
    writer = GGUFWriter(path, family)
    for name, value in fields.items():
        match value:
            case None:
                continue
            case int():
                writer.add_uint32(name, value)
            case float():
                writer.add_float32(name, value)
            case str():
                writer.add_string(name, value)
            case _:
                writer.add_array(name, value)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors
