"""A tiny model that sees, with random weights, and what transformers says of a picture."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForImageTextToText

SPECIAL = (
    *("<|endoftext|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"),
    *("[IMG]", "[IMG_BREAK]", "[IMG_END]"),
)
START, END, PAD, IMG, BREAK, IMG_END = range(1, 7)

SIDE = 14
"""Pixels of a patch along each edge."""

TEXT = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
    "vocab_size": len(SPECIAL) + 256,
    "bos_token_id": None,
    "eos_token_id": 0,
}
ROPE = {"rope_type": "default", "rope_theta": 1e6}

QWEN = {
    "text_config": TEXT | {"rope_parameters": ROPE | {"mrope_section": [4, 6, 6]}},
    "image_token_id": PAD,
    "vision_start_token_id": START,
    "vision_end_token_id": END,
}

PIXTRAL = {
    "model_type": "pixtral",
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "head_dim": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": SIDE,
    "image_size": 1540,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
}
MISTRAL = {
    "text_config": TEXT | {"model_type": "mistral", "rope_parameters": ROPE},
    "vision_config": PIXTRAL,
    "image_token_index": IMG,
    "vision_feature_layer": -1,
}

KINDS: dict[str, dict[str, Any]] = {
    "qwen2_vl": QWEN
    | {"vision_config": {"depth": 2, "embed_dim": 64, "hidden_size": 128, "num_heads": 2}},
    "qwen2_5_vl": QWEN
    | {
        "vision_config": {
            "depth": 3,
            "hidden_size": 64,
            "out_hidden_size": 128,
            "intermediate_size": 96,
            "num_heads": 2,
            "window_size": 56,
            "fullatt_block_indexes": [1],
        }
    },
    "mistral3": MISTRAL | {"spatial_merge_size": 2, "multimodal_projector_bias": False},
    "llava": MISTRAL | {"vision_feature_select_strategy": "full"},
}
"""Of each a model, by transformers' `model_type`."""

PREPARED = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 1 / 255,
}


def write(folder: Path, kind: str) -> None:
    """Write a model folder with random weights, as transformers does."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **KINDS[kind])
    model = AutoModelForImageTextToText.from_config(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                wide = 3.0 if "lm_head" in name else 1.0
                weights.normal_(std=wide / weights[0].numel() ** 0.5)
            elif "norm" in name or "ln_" in name:
                weights.normal_(1.0, 0.2)
            else:
                weights.normal_(std=0.2)
        model.lm_head.weight[: len(SPECIAL)] = 0  # so answers don't end at once
    model.half().save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    is_qwen = kind.startswith("qwen")
    prepared: dict[str, Any] = (
        {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280},
        }
        if is_qwen
        else {
            "image_processor_type": "PixtralImageProcessorFast",
            "patch_size": {"width": 14, "height": 14},
            "size": {"longest_edge": 1540},
        }
    )
    told = json.dumps({"image_processor": PREPARED | prepared})
    (folder / "processor_config.json").write_text(told, "utf-8")


def tokenizer() -> Tokenizer:
    """A token for each byte, after the special ones."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {name: id for id, name in enumerate([*SPECIAL, *sorted(letters)])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    return made


def picture(width: int, height: int, seed: int = 0) -> bytes:
    """A file whose every corner is another."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    file = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


Shown = tuple[torch.Tensor, tuple[int, int]]
"""A picture: its pixels as the tower takes them, and its patches, (columns, rows)."""


def check(loaded: Any, folder: Path) -> dict[str, float]:
    """How far a loaded model's tower, and what it answers about a picture, are from transformers'.

    `sure` is the farthest that a token of the answer is from the likeliest one, in the logarithm
    of its probability. `look_ms` is for the largest picture, the second time.
    """
    from jupyter_fastgen.engine.base import Request
    from jupyter_fastgen.engine.exllamav2.answer import Answer
    from jupyter_fastgen.engine.exllamav2.generator import Job

    vision = loaded.vision
    reference = Reference(folder)
    (small,) = vision.read([picture(700, 400, seed=3)], "")
    shown = small.pixels[0], small.grid
    vision.look(small)
    standing = torch.tensor(reference.standing(small.grid))
    got = small.embedding.embeddings.float()[(standing == PAD) | (standing == IMG)]
    want = reference.embeddings(shown)
    before, after = (loaded.vocabulary.encode_part(text) for text in ("It shows this: ", " And so"))
    request = Request(1, "", max_tokens=32)
    answer = Answer(request, loaded.vocabulary, request.max_tokens)
    generator = loaded.generator()
    generator.enqueue(Job(answer, [*before, *small.ids, *after], "", [small]))
    while answer.reason is None:
        generator.iterate()
    chances = reference.following([before, shown, after], answer.tokens).log_softmax(-1)
    chosen = chances[range(len(answer.tokens)), answer.tokens]
    told = {
        "embeddings": float((got - want).abs().max() / want.abs().max()),
        "sure": float((chances.max(-1).values - chosen).max()),
    }
    for seed in (4, 5):
        (large,) = vision.read([picture(2000, 1200, seed)], "")
        started = time.perf_counter()
        vision.look(large)
        told["look_ms"] = 1000 * (time.perf_counter() - started)
    return told


class Reference:
    """The same model in transformers."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype)
        self._model.to(self._device)
        config = self._model.config
        self._is_qwen = config.model_type.startswith("qwen")
        merging = config.vision_config if self._is_qwen else config
        self._merge: int = getattr(merging, "spatial_merge_size", 1)

    def embeddings(self, shown: Shown) -> torch.Tensor:
        """What the text model gets of a picture, in place of the tokens that stand for it."""
        with torch.inference_mode():
            told = self._model.get_image_features(**self._pictures([shown]))
        told = getattr(told, "pooler_output", told)
        rows = torch.cat(list(told)) if isinstance(told, list | tuple) else told
        return rows.cpu()

    def following(self, prompt: Sequence[list[int] | Shown], answer: list[int]) -> torch.Tensor:
        """The logits that choose each token of `answer` after tokens and pictures."""
        ids, shown = list[int](), list[Shown]()
        for part in prompt:
            if isinstance(part, list):
                ids += part
            else:
                shown.append(part)
                ids += self.standing(part[1])
        row = torch.tensor([[*ids, *answer]], device=self._device)
        options = self._pictures(shown) if shown else {}
        if self._is_qwen and shown:
            options["mm_token_type_ids"] = (row == PAD).int()
        with torch.inference_mode():
            told = self._model(input_ids=row, **options).logits[0]
        return told[len(ids) - 1 : -1].float().cpu()

    def standing(self, grid: tuple[int, int]) -> list[int]:
        """The tokens that stand for a picture."""
        columns, rows = (side // self._merge for side in grid)
        if self._is_qwen:
            return [START, *[PAD] * (columns * rows), END]
        lines = [id for _ in range(rows) for id in (*[IMG] * columns, BREAK)]
        return [*lines[:-1], BREAK, IMG_END]

    def _pictures(self, shown: Sequence[Shown]) -> dict[str, Any]:
        """What else the model is called with."""
        if self._is_qwen:
            pixels = torch.cat([pixels for pixels, _ in shown])
            thw = [[1, rows, columns] for _, (columns, rows) in shown]
            return {
                "pixel_values": pixels.to(self._device, self._model.dtype),
                "image_grid_thw": torch.tensor(thw, device=self._device),
            }
        sizes = [[SIDE * rows, SIDE * columns] for _, (columns, rows) in shown]
        high, wide = (max(size[at] for size in sizes) for at in (0, 1))
        padded = torch.zeros((len(shown), 3, high, wide))
        for at, (pixels, _) in enumerate(shown):
            padded[at, :, : pixels.shape[1], : pixels.shape[2]] = pixels
        return {
            "pixel_values": padded.to(self._device, self._model.dtype),
            "image_sizes": torch.tensor(sizes, device=self._device),
        }
