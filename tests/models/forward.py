"""A llama or Qwen2 model folder, run in numpy: the layer by the book, in single precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


def log_probabilities(folder: Path, ids: list[int]) -> np.ndarray:
    """Natural logarithms of the probabilities of each token after `ids`: (vocabulary,)."""
    config = json.loads((folder / "config.json").read_text())
    weights: dict[str, np.ndarray] = {}
    for shard in folder.glob("*.safetensors"):
        weights |= {name: value.astype(np.float32) for name, value in load_file(shard).items()}
    states = weights["model.embed_tokens.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        states = _layer(states, f"model.layers.{layer}.", weights, config)
    last = _norm(states[-1:], weights["model.norm.weight"], config)
    head = weights.get("lm_head.weight")
    tied = weights["model.embed_tokens.weight"]
    logits = (last @ (tied if head is None else head).T)[0].astype(np.float64)
    logits -= logits.max()
    return logits - np.log(np.exp(logits).sum())


def _layer(
    states: np.ndarray, at: str, weights: dict[str, np.ndarray], config: dict[str, Any]
) -> np.ndarray:
    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{at}{name}.weight"].T + weights.get(f"{at}{name}.bias", 0.0)

    size, groups = (
        config["head_dim"],
        config["num_attention_heads"] // config["num_key_value_heads"],
    )
    length = len(states)
    normed = _norm(states, weights[f"{at}input_layernorm.weight"], config)
    q, k, v = (
        linear(normed, f"self_attn.{name}_proj").reshape(length, -1, size).swapaxes(0, 1)
        for name in "qkv"
    )
    q, k = _rotate(q, config), _rotate(k, config)
    k, v = k.repeat(groups, axis=0), v.repeat(groups, axis=0)
    scores = q @ k.swapaxes(1, 2) / np.sqrt(size)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
    chances = np.exp(scores - scores.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)
    seen = (chances @ v).swapaxes(0, 1).reshape(length, -1)
    states = states + linear(seen, "self_attn.o_proj")
    normed = _norm(states, weights[f"{at}post_attention_layernorm.weight"], config)
    gate = linear(normed, "mlp.gate_proj")
    inner = gate / (1 + np.exp(-gate)) * linear(normed, "mlp.up_proj")
    return states + linear(inner, "mlp.down_proj")


def _rotate(heads: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Rotary embedding of (heads, length, size), each head in two halves."""
    half = config["head_dim"] // 2
    frequencies = config["rope_theta"] ** (-np.arange(half) / half)
    angles = np.arange(heads.shape[1])[:, None] * frequencies
    sin, cos = np.sin(angles).astype(np.float32), np.cos(angles).astype(np.float32)
    first, second = heads[..., :half], heads[..., half:]
    return np.concatenate((first * cos - second * sin, second * cos + first * sin), axis=-1)


def _norm(states: np.ndarray, weight: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    square = (states**2).mean(axis=-1, keepdims=True)
    return states / np.sqrt(square + config["rms_norm_eps"]) * weight
