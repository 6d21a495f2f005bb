"""What stands for the tokens of a picture."""

from exllamav2 import ExLlamaV2
from torch import Tensor

class ExLlamaV2MMEmbedding:
    first_index: int
    length: int
    def __init__(
        self,
        model: ExLlamaV2,
        embeddings: Tensor,
        text_alias: str | None = None,
        thw_grid: tuple[int, int, int] | None = None,
        pre_tokens: int = 0,
        post_tokens: int = 0,
    ) -> None: ...
