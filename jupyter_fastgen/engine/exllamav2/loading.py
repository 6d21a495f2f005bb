"""A model folder onto the GPU, with a KV cache as large as there is room for.

Everything here belongs to the thread that runs the model: the library sets CUDA streams for each.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exllamav2
import torch

from ...models.hf_config import ARCHITECTURES, repair_folder
from ..base import EngineError, KVFormat, ModelSpec, Progress
from . import memory
from .copying import WIDTHS
from .generator import MARGIN, Generator
from .library import STANDIN_NAME
from .vision import Vision, can_see, mend
from .vocabulary import Vocabulary, load_vocabulary
from .warming import WARMED

CHUNK = 512
"""Prompt tokens in one pass, a multiple of a page: between two passes a request can be cancelled,
and the others get a token each."""

JOBS = 16
"""Answers written at once, at most."""

KNOWN = {
    *ARCHITECTURES.values(),
    *("GemmoeForCausalLM", "IndexForCausalLM", "OrionForCausalLM", "YiForCausalLM"),
}
"""The architectures of ExLlamaV2 0.3.2. It takes any other for Llama, with a line of warning."""

CACHES = {
    "fp16": exllamav2.ExLlamaV2Cache,
    "q8": exllamav2.ExLlamaV2Cache_Q8,
    "q6": exllamav2.ExLlamaV2Cache_Q6,
    "q4": exllamav2.ExLlamaV2Cache_Q4,
}


@dataclass
class Loaded:
    """A model that is ready, with what belongs to it. `context` is in tokens, of one answer."""

    model: exllamav2.ExLlamaV2
    cache: exllamav2.ExLlamaV2CacheBase
    tokenizer: exllamav2.ExLlamaV2Tokenizer
    vocabulary: Vocabulary
    context: int
    attention: str
    kv: KVFormat
    paged: bool = True
    draft_model: exllamav2.ExLlamaV2 | None = None
    draft_cache: exllamav2.ExLlamaV2CacheBase | None = None
    widths: tuple[int, ...] = ()
    """Of drafts that are to be warmed."""
    vision: Vision | None = None

    def generator(self) -> Generator:
        """A new generator, which knows of nothing in the cache."""
        made = Generator(
            self.model,
            self.cache,
            self.tokenizer,
            max_batch_size=JOBS if self.paged else 1,
            max_chunk_size=CHUNK,
            # The token that precedes a draft is computed with it.
            max_q_size=WIDTHS[-1] + 1,
            draft_model=self.draft_model,
            draft_cache=self.draft_cache,
            num_draft_tokens=WIDTHS[-1],
            use_ngram_draft=self.draft_model is None,
            paged=self.paged,
        )
        made.set_loras(None)
        return made


def open_model(spec: ModelSpec, attention: str, progress: Progress) -> Loaded:
    """Load the model of `spec`; raises `EngineError`, and what the library raises."""
    if not torch.cuda.is_available():
        raise EngineError(
            "ExLlamaV2 needs an NVIDIA GPU, and torch sees none",
            "choose a GGUF model, or install a torch with CUDA and the GPU's driver",
        )
    folder = Path(spec.location)
    config = read_config(folder)
    limit(config, spec.context)
    paged = not (attention == STANDIN_NAME and config.attn_logit_softcapping)
    if not paged:
        # The stand-in for flash-attn has no soft cap on logits; the library's own matrix products
        # have one, for one job at a time.
        config.no_flash_attn = True
        attention = "one job at a time, torch"
    vocabulary = load_vocabulary(folder)
    model = exllamav2.ExLlamaV2(config)
    draft = Path(spec.draft_model) if spec.draft_model else None
    draft_config = read_config(draft) if draft else None
    if draft_config is not None:
        limit(draft_config, spec.context)
    tokens = _cache_tokens(spec, [config, *([draft_config] if draft_config else [])])
    # Before the model, which is spread over what it leaves.
    tower = exllamav2.ExLlamaV2VisionTower(config) if can_see(config) else None
    if tower is not None:
        tower.load()
    cache = CACHES[spec.kv](model, max_seq_len=tokens, lazy=True)
    share = 0.9 if draft_config else 1.0
    model.load_autosplit(cache, callback=_share_of(progress, 0.0, share))
    tokenizer = exllamav2.ExLlamaV2Tokenizer(config)
    loaded = Loaded(
        model,
        cache,
        tokenizer,
        vocabulary,
        context=min(spec.context, config.max_seq_len - MARGIN, tokens - MARGIN),
        attention=attention,
        kv=spec.kv,
        paged=paged,
        widths=WARMED,
        vision=Vision(tower, model, tokenizer) if tower else None,
    )
    if draft_config is not None:
        draft_config.max_seq_len = max(draft_config.max_seq_len, config.max_seq_len)
        loaded.draft_model = exllamav2.ExLlamaV2(draft_config)
        loaded.draft_cache = CACHES[spec.kv](loaded.draft_model, max_seq_len=tokens, lazy=True)
        loaded.draft_model.load_autosplit(
            loaded.draft_cache, callback=_share_of(progress, share, 1.0)
        )
    return loaded


def read_config(folder: Path) -> exllamav2.ExLlamaV2Config:
    """The configuration of the model in `folder`, with what newer files write elsewhere."""
    path = folder / "config.json"
    if not path.is_file():
        raise EngineError(
            f"{folder} is no model folder: it has no config.json",
            "name a folder with an EXL2, GPTQ or fp16 model",
        )
    try:
        files, mended = repair_folder(folder)
        (architecture,) = files["config.json"]["architectures"]
        if architecture not in KNOWN:
            raise ValueError(f"its architecture is {architecture}")
        config = _prepared(folder, files) if mended else exllamav2.ExLlamaV2Config(str(folder))
    except (OSError, ValueError, AssertionError, KeyError, TypeError) as error:
        raise EngineError(
            f"the model in {folder} can't be read: {error}",
            "ExLlamaV2 0.3.2 knows no newer kinds of models; run `jupyter fastgen models verify`",
        ) from error
    config.no_sdpa = True
    if can_see(config):
        mend(config)
    return config


def limit(config: exllamav2.ExLlamaV2Config, context: int) -> None:
    """Let the library make room for chunks of prompts and `context` tokens, and for no more.

    It takes memory for all that a model could do, and reads as long a prompt while it loads.
    """
    config.max_input_len = CHUNK
    pages = -(-(context + MARGIN) // memory.PAGE)
    config.max_seq_len = min(config.max_seq_len, pages * memory.PAGE)


def _prepared(folder: Path, files: dict[str, Any]) -> exllamav2.ExLlamaV2Config:
    """A configuration from other `files`, by their names, than those in `folder`."""
    with tempfile.TemporaryDirectory() as temporary:
        shown = Path(temporary)
        for file in folder.iterdir():
            if file.name not in files:
                (shown / file.name).symlink_to(file.resolve())
        for name, told in files.items():
            (shown / name).write_text(json.dumps(told), "utf-8")
        config = exllamav2.ExLlamaV2Config(str(shown))
    config.model_dir = str(folder)
    config.tensor_files = [str(folder / Path(file).name) for file in config.tensor_files]
    config.tensor_file_map = {
        key: str(folder / Path(file).name) for key, file in config.tensor_file_map.items()
    }
    return config


def _cache_tokens(spec: ModelSpec, configs: list[exllamav2.ExLlamaV2Config]) -> int:
    free = sum(torch.cuda.mem_get_info(gpu)[0] for gpu in range(torch.cuda.device_count()))
    weights = sum(Path(file).stat().st_size for config in configs for file in config.tensor_files)
    per_token = sum(
        memory.token_bytes(
            memory.Shape(config.num_hidden_layers, config.num_key_value_heads, config.head_dim),
            spec.kv,
        )
        for config in configs
    )
    return memory.cache_tokens(spec.context + MARGIN, spec.slots, free - weights, per_token)


def _share_of(progress: Progress, start: float, end: float) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        progress(start + (end - start) * done / max(1, total))

    return report
