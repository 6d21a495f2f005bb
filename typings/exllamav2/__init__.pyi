"""What of ExLlamaV2 0.3.2 is used here. A test compares it with the installed package."""

from collections.abc import Callable
from typing import Any

from PIL.Image import Image
from torch import Tensor

class ExLlamaV2Config:
    model_dir: str | None
    max_seq_len: int
    max_input_len: int
    vocab_size: int
    num_hidden_layers: int
    num_key_value_heads: int
    head_dim: int
    attn_logit_softcapping: float | None
    no_flash_attn: bool
    no_sdpa: bool
    tensor_files: list[str]
    tensor_file_map: dict[str, str]
    rotary_embedding_base: float
    no_graphs: bool
    arch: Any
    vision_model_type: str | None
    vision_size: dict[str, int]
    vision_patch_size: dict[str, int]
    vision_spatial_patch_size: int
    vision_spatial_merge_size: int
    vision_min_pixels: int
    vision_max_pixels: int
    vision_resample: int
    def __init__(self, model_dir: str | None = None) -> None: ...

class ExLlamaV2CacheBase:
    max_seq_len: int

class ExLlamaV2Cache(ExLlamaV2CacheBase):
    def __init__(self, model: ExLlamaV2, *, max_seq_len: int = -1, lazy: bool = False) -> None: ...

class ExLlamaV2Cache_Q8(ExLlamaV2CacheBase):
    def __init__(self, model: ExLlamaV2, *, max_seq_len: int = -1, lazy: bool = False) -> None: ...

class ExLlamaV2Cache_Q6(ExLlamaV2CacheBase):
    def __init__(self, model: ExLlamaV2, *, max_seq_len: int = -1, lazy: bool = False) -> None: ...

class ExLlamaV2Cache_Q4(ExLlamaV2CacheBase):
    def __init__(self, model: ExLlamaV2, *, max_seq_len: int = -1, lazy: bool = False) -> None: ...

class ExLlamaV2:
    config: ExLlamaV2Config
    def __init__(self, config: ExLlamaV2Config) -> None: ...
    def load(self) -> None: ...
    def load_autosplit(
        self, cache: ExLlamaV2CacheBase, *, callback: Callable[[int, int], None] | None = None
    ) -> None: ...
    def forward_chunk(
        self,
        input_ids: Any,
        cache: ExLlamaV2CacheBase | None = None,
        *,
        preprocess_only: bool = False,
        attn_params: Any = None,
    ) -> Any: ...

class ExLlamaV2VisionTower(ExLlamaV2):
    preprocess_func: Callable[
        [ExLlamaV2Config, Image],
        tuple[Tensor, tuple[int, int], tuple[int, int, int] | None, int | None],
    ]
    postprocess_func: Callable[
        [ExLlamaV2, ExLlamaV2Tokenizer, Tensor, int, int], tuple[Tensor, int, int]
    ]
    def process(
        self,
        hidden_states: Tensor,
        patches_size: tuple[int, int] | None = None,
        *,
        thw_grid: tuple[int, int, int] | None = None,
    ) -> Tensor: ...

class ExLlamaV2Tokenizer:
    def __init__(self, config: ExLlamaV2Config) -> None: ...

class ExLlamaV2Lora:
    def __init__(self, model: ExLlamaV2, lora_config_path: str, lora_path: str) -> None: ...
