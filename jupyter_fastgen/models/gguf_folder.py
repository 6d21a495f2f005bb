"""A GGUF file as a folder of the kind it was made from: weights in float16, and what they mean.

The weights are the file's, dequantized; nothing is gained that its quantization lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .errors import BadModelFile
from .gguf_tokenizer import write_tokenizer
from .transfer import check_space

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader, ReaderTensor
    from numpy.typing import NDArray

FAMILIES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
"""The architectures that are written, by what GGUF calls them: decoders of one layout."""

_ENDS = ("model.embed_tokens", "model.norm", "lm_head")
_LAYER = (
    "input_layernorm",
    "post_attention_layernorm",
    *(f"self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")),
    *(f"mlp.{name}" for name in ("gate_proj", "up_proj", "down_proj")),
)

SHARD = 2 << 30
"""Bytes of weights that are in memory, and in one file, at once."""

Progress = Callable[[float], None]
"""Called with 0..1."""


def write_folder(source: Path, folder: Path, progress: Progress) -> None:
    """Write the model of the GGUF file `source` into `folder`.

    `config.json` comes last: where it is, the folder is whole.
    Raises `BadModelFile` where the file holds what can't be written exactly, `NotEnoughSpace`.
    """
    import gguf

    try:
        reader = gguf.GGUFReader(source)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except (OSError, ValueError, IndexError) as error:
        raise BadModelFile(source, f"it can't be read as GGUF ({error})") from error
    config = _config(fields, {tensor.name for tensor in reader.tensors}, source)
    check_space(folder, sum(2 * int(tensor.n_elements) for tensor in reader.tensors))
    write_tokenizer(fields, source, folder)
    _write_weights(reader, fields, source, folder, progress)
    encoded = msgspec.json.encode(config)
    (folder / "config.json").write_bytes(msgspec.json.format(encoded, indent=2))


def _config(fields: dict[str, Any], tensors: set[str], source: Path) -> dict[str, object]:
    """`config.json` with the keys that transformers 4 and ExLlamaV2 read."""
    family = fields.get("general.architecture", "")
    if family not in FAMILIES:
        raise BadModelFile(
            source,
            f"its architecture {family!r} is none of {', '.join(FAMILIES)}; "
            "convert the folder that it was made from",
        )

    def given(key: str, default: Any = None) -> Any:
        return fields.get(f"{family}.{key}", default)

    heads = given("attention.head_count")
    hidden = given("embedding_length")
    size = given("attention.key_length", hidden // heads)
    scaling = given("rope.scaling.type", "none")
    if scaling != "none" or "rope_freqs.weight" in tensors:
        raise BadModelFile(
            source,
            "its rotary scaling isn't stated exactly in a GGUF file; "
            "convert the folder that it was made from",
        )
    if given("rope.dimension_count", size) != size or given("expert_count", 0):
        raise BadModelFile(source, "partial rotary embeddings and experts can't be written")
    config: dict[str, object] = {
        "architectures": [FAMILIES[family]],
        "model_type": family,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": given("feed_forward_length"),
        "num_hidden_layers": given("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": given("attention.head_count_kv", heads),
        "head_dim": size,
        "rms_norm_eps": _shortest(given("attention.layer_norm_rms_epsilon")),
        "rope_theta": _shortest(given("rope.freq_base", 10000.0)),
        "max_position_embeddings": given("context_length"),
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": family == "llama" and "blk.0.attn_q.bias" in tensors,
        "torch_dtype": "float16",
    }
    for role, key in (("bos", "bos"), ("eos", "eos"), ("padding", "pad")):
        config[f"{key}_token_id"] = fields.get(f"tokenizer.ggml.{role}_token_id")
    return config


def _shortest(value: float) -> float:
    """The shortest decimal that is the same in single precision, as which GGUF keeps it."""
    import numpy as np

    return float(str(np.float32(value)))


def _write_weights(
    reader: GGUFReader, fields: dict[str, Any], source: Path, folder: Path, progress: Progress
) -> None:
    import safetensors.numpy as numpy_files

    save: Any = numpy_files
    family = fields["general.architecture"]
    names = _names(family, fields[f"{family}.block_count"])
    shards = list(_shards(list(reader.tensors)))
    places: dict[str, str] = {}
    total = sum(int(tensor.n_elements) for tensor in reader.tensors)
    done = 0
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        weights: dict[str, NDArray[np.float16]] = {}
        for tensor in shard:
            name = _renamed(tensor.name, names, source)
            weights[name] = _weights(tensor, name, fields, source)
            places[name] = file
            done += int(tensor.n_elements)
            progress(done / total)
        save.save_file(weights, folder / file, metadata={"format": "pt"})
    index = {"metadata": {"total_size": 2 * total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_bytes(msgspec.json.encode(index))


def _names(family: str, layers: int) -> dict[str, str]:
    """What the folder calls each of the file's tensors, without `.weight` and `.bias`."""
    import gguf

    [arch] = [arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == family]
    known = gguf.get_tensor_name_map(arch, layers)
    wanted = [*_ENDS, *(f"model.layers.{n}.{name}" for n in range(layers) for name in _LAYER)]
    found = {name: known.get_name(name) for name in wanted}
    return {theirs: ours for ours, theirs in found.items() if theirs is not None}


def _renamed(name: str, names: dict[str, str], source: Path) -> str:
    stem, _, kind = name.rpartition(".")
    if stem not in names:
        raise BadModelFile(source, f"its tensor {name} has no place in a folder")
    return f"{names[stem]}.{kind}"


def _shards(tensors: list[ReaderTensor]) -> Iterator[list[ReaderTensor]]:
    shard: list[ReaderTensor] = []
    size = 0
    for tensor in tensors:
        count = 2 * int(tensor.n_elements)
        if shard and size + count > SHARD:
            yield shard
            shard, size = [], 0
        shard.append(tensor)
        size += count
    yield shard


def _weights(
    tensor: ReaderTensor, name: str, fields: dict[str, Any], source: Path
) -> NDArray[np.float16]:
    """The numbers of one tensor, rows and columns as in the folder."""
    import gguf
    import numpy as np

    plain = gguf.dequantize(tensor.data, tensor.tensor_type)
    with np.errstate(over="ignore"):
        weights = plain.astype(np.float16)
    if not np.isfinite(weights).all():
        raise BadModelFile(source, f"its tensor {tensor.name} has numbers too large for float16")
    if fields["general.architecture"] == "llama":
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            return _unpermute(weights, fields["llama.attention.head_count"])
        if name.endswith(("k_proj.weight", "k_proj.bias")):
            return _unpermute(weights, fields["llama.attention.head_count_kv"])
    return weights


def _unpermute(weights: NDArray[np.float16], heads: int) -> NDArray[np.float16]:
    """Rows of each head from pairs (GGUF's order for llama) back to halves (the folder's).

    The inverse of `permute` in llama.cpp's `convert_hf_to_gguf.py`.
    """
    import numpy as np

    pairs = (heads, weights.shape[0] // heads // 2, 2, *weights.shape[1:])
    halves = np.swapaxes(np.reshape(weights, pairs), 1, 2)
    return np.ascontiguousarray(np.reshape(halves, weights.shape))
