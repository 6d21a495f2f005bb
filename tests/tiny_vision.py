"""What makes a small text model see, badly: a projector file with random weights, and pictures."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, SIDE, PATCH, LAYERS = 32, 28, 14, 2
"""Of the encoder: 2 by 2 patches."""

TOKENS = (SIDE // PATCH) ** 2
"""Of a picture."""


def write_projector(path: Path, width: int = 576) -> Path:
    """A file for llama.cpp's `mmproj`, of LLaVA's kind (see its `tools/mtmd`).

    It is a CLIP encoder, and two layers that lead to a text model with embeddings of `width`.
    """
    import gguf

    random = np.random.default_rng(0)
    writer: Any = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    numbers = {
        "image_size": SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": WIDTH,
        "projection_dim": width,
        "block_count": LAYERS,
        "attention.head_count": 2,
    }
    for key, number in numbers.items():
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for key in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{key}", [0.5] * 3)

    def add(name: str, *shape: int) -> None:
        weights = 0.05 * random.standard_normal(shape)
        writer.add_tensor(name, weights.astype(np.float32))

    def layer(name: str, to: int, *since: int) -> None:
        add(f"{name}.weight", to, *since)
        add(f"{name}.bias", to)

    add("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH)
    add("v.class_embd", WIDTH)
    add("v.position_embd.weight", TOKENS + 1, WIDTH)
    for name in ("v.pre_ln", "v.post_ln"):
        layer(name, WIDTH)
    for number in range(LAYERS):
        block = f"v.blk.{number}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_up", "ffn_down"):
            layer(f"{block}.{name}", WIDTH, WIDTH)
        for name in ("ln1", "ln2"):
            layer(f"{block}.{name}", WIDTH)
    layer("mm.0", width, WIDTH)
    layer("mm.2", width, width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def png(side: int = 32, colour: tuple[int, int, int] = (64, 128, 192)) -> bytes:
    """A square of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(colour) * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
