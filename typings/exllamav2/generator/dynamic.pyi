"""What of ExLlamaV2's scheduler is used here. A test compares it with the installed package."""

from typing import Any

from exllamav2 import ExLlamaV2, ExLlamaV2CacheBase, ExLlamaV2Lora, ExLlamaV2Tokenizer
from torch import Tensor

def _tensor_hash_checksum(tensor: Tensor, prev_hash: bytes | None) -> bytes: ...

class CachePage:
    kv_position: int
    kv_position_revert: int
    prev_hash: bytes | None
    prev_hash_revert: bytes | None
    ref_count: int

class ExLlamaV2DynamicJob:
    class Sequence:
        kv_position: int
        sequence_ids: Any
        allocated_pages: list[CachePage]

    generator: ExLlamaV2DynamicGenerator
    sequences: list[Sequence]
    time_first_prefill: float | None
    time_first_token: float | None
    accepted_draft_tokens: int
    cached_pages: int
    cached_tokens: int
    embeddings: list[Any]
    def __init__(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        *,
        decode_special_tokens: bool = False,
        embeddings: list[Any] | None = None,
    ) -> None: ...
    def is_prefill_done(self) -> bool: ...
    def get_block_index(self, seq: Sequence, max_len: int) -> Tensor: ...
    def prepare_for_queue(
        self, generator: ExLlamaV2DynamicGenerator, serial_number: int
    ) -> None: ...
    def allocate_pages(self) -> None: ...
    def prefill(self, results: list[Any]) -> None: ...
    def receive_logits(self, logits: Tensor) -> tuple[Any, Any, Any, Any, bool]: ...
    def receive_sample(self, *arguments: Any) -> tuple[bool, Tensor]: ...

class ExLlamaV2DynamicGenerator:
    max_batch_size: int
    num_draft_tokens: int
    page_size: int
    paged: bool
    pending_jobs: list[Any]
    active_jobs: list[Any]
    all_pages: list[CachePage]
    draft_model: ExLlamaV2 | None
    current_loras: list[ExLlamaV2Lora] | None
    draft_cache: ExLlamaV2CacheBase
    def __init__(
        self,
        model: ExLlamaV2,
        cache: ExLlamaV2CacheBase,
        tokenizer: ExLlamaV2Tokenizer,
        max_batch_size: int | None = None,
        *,
        max_chunk_size: int | None = None,
        max_q_size: int = 8,
        draft_model: ExLlamaV2 | None = None,
        draft_cache: ExLlamaV2CacheBase | None = None,
        num_draft_tokens: int = 4,
        use_ngram_draft: bool = False,
        paged: bool = True,
    ) -> None: ...
    def num_remaining_jobs(self) -> int: ...
    def reset_page_table(self) -> None: ...
    def set_loras(self, loras: ExLlamaV2Lora | None) -> None: ...
    def enqueue(self, job: ExLlamaV2DynamicJob) -> int: ...
    def cancel(self, job: ExLlamaV2DynamicJob) -> None: ...
    def get_paged_params(
        self, batch_size: int, block_index: Tensor, cache_seqlens: Tensor, q_len: int
    ) -> Any: ...
    def iterate(self) -> list[dict[str, Any]]: ...
    def iterate_ngram_gen(self, results: list[Any]) -> Tensor | None: ...
    def iterate_draftmodel_gen(self, results: list[Any]) -> Tensor | None: ...
