"""A model folder's configuration files as ExLlamaV2 reads them.

transformers 5 moved the rotary settings into `rope_parameters` (one set, or one for each kind of
attention layer) and leaves `architectures` out where no model class wrote the file. ExLlamaV2
0.3.2 knows the older keys only (its `config.py`), and falls back silently: a Qwen2 model then runs
with a rotary base of 10,000 instead of 1,000,000. Of a model that sees it reads, too, how pictures
are prepared, from `preprocessor_config.json`, which newer processors write otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

Config = dict[str, Any]

ARCHITECTURES = {
    "cohere": "CohereForCausalLM",
    "cohere2": "Cohere2ForCausalLM",
    "dbrx": "DbrxForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3": "Gemma3ForConditionalGeneration",
    "glm4": "Glm4ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "gpt_bigcode": "GPTBigCodeForCausalLM",
    "granite": "GraniteForCausalLM",
    "internlm2": "InternLM2ForCausalLM",
    "llama": "LlamaForCausalLM",
    "llava": "LlavaForConditionalGeneration",
    "minicpm": "MiniCPMForCausalLM",
    "mistral": "MistralForCausalLM",
    "mistral3": "Mistral3ForConditionalGeneration",
    "mixtral": "MixtralForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen2_vl": "Qwen2VLForConditionalGeneration",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "starcoder2": "Starcoder2ForCausalLM",
}
"""The architecture of each `model_type` that ExLlamaV2 0.3.2 knows (its `architecture.py`)."""

_SEEING = {
    "LlavaForConditionalGeneration",
    "Mistral3ForConditionalGeneration",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
}
"""Those whose pictures the engine reads; of Llava's, Pixtral."""

_BESIDE_SCALING = ("rope_theta", "partial_rotary_factor")
_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def sees(config: Mapping[str, Any]) -> bool:
    """Whether the engine can show pictures to a model of this configuration."""
    vision = _table(config.get("vision_config"))
    names = config.get("architectures") or [ARCHITECTURES.get(config.get("model_type", ""))]
    name = cast(list[object], names)[0]
    if vision is None or name not in _SEEING:
        return False
    return "Qwen" in str(name) or vision.get("model_type") == "pixtral"


def context_length(config: Mapping[str, Any]) -> int:
    """How many tokens a model was made for; 4,096 where it is not said."""
    for section in (config, _table(config.get("text_config")) or {}):
        if isinstance(told := section.get("max_position_embeddings"), int):
            return told
    return 4096


def repair_folder(folder: Path) -> tuple[dict[str, Config], list[str]]:
    """The configuration files of a model folder by their names, and what was mended.

    Raises ValueError where one can't be understood, OSError where it can't be read.
    """
    files: dict[str, Config] = {}
    files["config.json"], mended = repair(_read(folder / "config.json"))
    if sees(files["config.json"]):
        path = folder / "preprocessor_config.json"
        if path.is_file():
            told = _read(path)
        else:
            # Processors are written whole by now.
            told = _table(_read(folder / "processor_config.json").get("image_processor")) or {}
            mended.append("preprocessor_config.json from processor_config.json")
        files[path.name], more = repair_processor(told)
        mended += more
    return files, mended


def repair_processor(config: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """`preprocessor_config.json` with the keys that ExLlamaV2 reads, and what was mended."""
    mended: list[str] = []
    repaired: Config = dict(config)
    kind = str(repaired.get("image_processor_type", ""))
    if kind.endswith("Fast"):
        repaired["image_processor_type"] = kind.removesuffix("Fast")
        mended.append(f"image_processor_type {kind.removesuffix('Fast')}")
    size = _table(repaired.get("size")) or {}
    for key, name in (("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge")):
        # With both, a size counts pixels and no edges.
        if repaired.get(key) is None and len(size) == 2 and name in size:
            repaired[key] = size[name]
            mended.append(f"{key} {size[name]}")
    return repaired, mended


def repair(config: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """The same configuration with the keys that ExLlamaV2 reads, and what was mended, in words.

    Nothing is mended where the file has the older keys; `config` itself stays as it is.
    Raises ValueError where it does not say which one architecture the model has.
    """
    mended: list[str] = []
    repaired: Config = dict(config)
    _name_architecture(repaired, mended)
    _carry_rope(repaired, "", mended)
    if (text := _table(repaired.get("text_config"))) is not None:
        repaired["text_config"] = text
        _carry_rope(text, "text_config.", mended)
    if (vision := _table(repaired.get("vision_config"))) is not None:
        repaired["vision_config"] = vision
        _carry_base(vision, "vision_config.", mended)
        if "temporal_patch_size" in vision and vision.get("spatial_patch_size") is None:
            vision["spatial_patch_size"] = vision.get("patch_size")
            mended.append(f"vision_config.spatial_patch_size {vision['spatial_patch_size']}")
    for key in _TOKENS:
        # Read at the top only.
        if text is not None and repaired.get(key) is None and text.get(key) is not None:
            repaired[key] = text[key]
            mended.append(f"{key} of text_config")
    return repaired, mended


def _name_architecture(config: Config, mended: list[str]) -> None:
    names = config.get("architectures")
    if not names:
        kind = config.get("model_type")
        if kind not in ARCHITECTURES:
            raise ValueError(
                f"config.json names no architecture, and ExLlamaV2 has none for model_type {kind!r}"
            )
        config["architectures"] = [ARCHITECTURES[kind]]
        mended.append(f"architectures from model_type {kind}")
    elif not isinstance(names, list) or len(cast(list[object], names)) != 1:
        raise ValueError(f"config.json must name one architecture, not {names!r}")


def _carry_rope(section: Config, where: str, mended: list[str]) -> None:
    """Write a section's rotary settings the old way: the base, and the scaling by one name."""
    _carry_base(section, where, mended)
    scaling = _table(section.get("rope_scaling"))
    if scaling is None:
        given = _parameters(section)
        scaling = {key: value for key, value in given.items() if key not in _BESIDE_SCALING}
    kind = _rope_type(scaling)
    if kind is None:
        return
    wanted = {key: value for key, value in scaling.items() if key not in ("rope_type", "type")}
    wanted["rope_type"] = kind
    if scaling.keys() >= {"rope_type", "type"} or section.get("rope_scaling") is None:
        section["rope_scaling"] = wanted
        mended.append(f"{where}rope_scaling {kind}")
    trained = "original_max_position_embeddings"
    if kind in ("longrope", "su") and section.get(trained) is None and trained in wanted:
        section[trained] = wanted[trained]
        mended.append(f"{where}{trained} {wanted[trained]}")


def _carry_base(section: Config, where: str, mended: list[str]) -> None:
    given = _parameters(section)
    for key in _BESIDE_SCALING:
        if section.get(key) is None and given.get(key) is not None:
            section[key] = given[key]
            mended.append(f"{where}{key} {given[key]}")


def _parameters(section: Config) -> Config:
    """A section's `rope_parameters`: of several sets, that of the full attention layers."""
    # The base of sliding layers is ExLlamaV2's own constant for each architecture.
    given = _table(section.get("rope_parameters")) or {}
    return _table(given.get("full_attention")) or given


def _rope_type(scaling: Config) -> str | None:
    """The kind of scaling; None for none."""
    if "mrope_section" in scaling:
        return "mrope"  # that is how vision models are told apart, whatever the type says
    kind: str | None = scaling.get("rope_type") or scaling.get("type")
    return None if kind == "default" else kind


def _read(path: Path) -> Config:
    told = _table(json.loads(path.read_text("utf-8")))
    if told is None:
        raise ValueError(f"{path.name} holds no object")
    return told


def _table(value: object) -> Config | None:
    """A copy of a JSON object; None for anything else."""
    return dict(cast(Config, value)) if isinstance(value, dict) else None
