"""What of the package's generators is used here."""

from .dynamic_embeddings import ExLlamaV2MMEmbedding as ExLlamaV2MMEmbedding
