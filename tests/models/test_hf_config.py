"""`config.json` for ExLlamaV2. The new-style inputs are what transformers 5.23 writes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.models.hf_config import repair, repair_folder, repair_processor, sees

QWEN: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "bos_token_id": None,
    "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
}


def test_an_old_file_stays_as_it_is():
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "rope_theta": 1000000.0,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    }
    assert repair(config) == (config, [])


def test_the_base_moves_up_and_the_input_is_left_alone():
    before = copy.deepcopy(QWEN)
    repaired, mended = repair(before)
    assert repaired["rope_theta"] == 1000000.0
    assert "rope_scaling" not in repaired
    assert mended == ["rope_theta 1000000.0"]
    assert before == QWEN
    assert repair(repaired) == (repaired, [])


@pytest.mark.parametrize(
    ("parameters", "scaling"),
    [
        # `type` is what an older file said; ExLlamaV2 takes one of the two names, not both.
        (
            {"factor": 2.0, "rope_theta": 500000.0, "rope_type": "linear", "type": "linear"},
            {"factor": 2.0, "rope_type": "linear"},
        ),
        (
            {
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192,
                "rope_theta": 500000.0,
                "rope_type": "llama3",
            },
            {
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192,
                "rope_type": "llama3",
            },
        ),
    ],
)
def test_scaling_moves_out_of_the_parameters(parameters: dict[str, Any], scaling: dict[str, Any]):
    config = {"architectures": ["LlamaForCausalLM"], "rope_parameters": parameters}
    repaired, mended = repair(config)
    assert repaired["rope_scaling"] == scaling
    assert repaired["rope_theta"] == 500000.0
    assert len(mended) == 2


def test_two_names_for_one_scaling_become_one():
    config = {
        "architectures": ["LlamaForCausalLM"],
        "rope_theta": 10000.0,
        "rope_scaling": {"rope_type": "linear", "type": "linear", "factor": 2.0},
    }
    repaired, mended = repair(config)
    assert repaired["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    assert mended == ["rope_scaling linear"]


def test_the_length_of_training_moves_up_for_long_rotary_scaling():
    config = {
        "architectures": ["Phi3ForCausalLM"],
        "rope_parameters": {
            "long_factor": [2.0],
            "short_factor": [1.0],
            "original_max_position_embeddings": 4096,
            "partial_rotary_factor": 0.5,
            "rope_theta": 10000.0,
            "rope_type": "longrope",
            "type": "longrope",
        },
    }
    repaired, _ = repair(config)
    assert repaired["original_max_position_embeddings"] == 4096
    assert repaired["partial_rotary_factor"] == 0.5
    assert repaired["rope_scaling"]["long_factor"] == [2.0]
    assert "type" not in repaired["rope_scaling"]


def test_of_two_kinds_of_layers_the_full_ones_count():
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": {
            "rope_parameters": {
                "full_attention": {"factor": 8.0, "rope_theta": 1000000.0, "rope_type": "linear"},
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            }
        },
    }
    text = repair(config)[0]["text_config"]
    assert text["rope_theta"] == 1000000.0
    assert text["rope_scaling"] == {"factor": 8.0, "rope_type": "linear"}


def test_a_vision_model_keeps_its_sections_and_tokens():
    config = {
        "model_type": "qwen2_5_vl",
        "text_config": {
            "bos_token_id": 151643,
            "eos_token_id": 151645,
            "pad_token_id": None,
            "rope_parameters": {
                "mrope_section": [16, 24, 24],
                "rope_theta": 1000000.0,
                "rope_type": "default",
                "type": "mrope",
            },
        },
        "vision_config": {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "axial"}},
    }
    repaired, _ = repair(config)
    assert repaired["architectures"] == ["Qwen2_5_VLForConditionalGeneration"]
    assert (repaired["bos_token_id"], repaired["eos_token_id"]) == (151643, 151645)
    assert "pad_token_id" not in repaired
    assert repaired["text_config"]["rope_theta"] == 1000000.0
    scaling = {"mrope_section": [16, 24, 24], "rope_type": "mrope"}
    assert repaired["text_config"]["rope_scaling"] == scaling
    assert repaired["vision_config"]["rope_theta"] == 10000.0
    assert "rope_scaling" not in repaired["vision_config"]


def test_the_architecture_comes_of_the_model_type():
    repaired, mended = repair({"architectures": None, "model_type": "llama", "rope_theta": 1.0})
    assert repaired["architectures"] == ["LlamaForCausalLM"]
    assert mended == ["architectures from model_type llama"]


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "None"),
        ({"model_type": "mamba"}, "'mamba'"),
        ({"architectures": ["LlamaForCausalLM", "QwenForCausalLM"]}, "QwenForCausalLM"),
    ],
)
def test_without_one_architecture_it_is_refused(config: dict[str, Any], named: str):
    with pytest.raises(ValueError, match=named):
        repair(config)


# --- models that see --------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "can"),
    [
        ({"architectures": ["Qwen2VLForConditionalGeneration"], "vision_config": {}}, True),
        ({"model_type": "qwen2_5_vl", "vision_config": {}}, True),
        ({"model_type": "mistral3", "vision_config": {"model_type": "pixtral"}}, True),
        ({"model_type": "llava", "vision_config": {"model_type": "pixtral"}}, True),
        ({"model_type": "llava", "vision_config": {"model_type": "clip_vision_model"}}, False),
        ({"model_type": "mistral3"}, False),
        ({"model_type": "gemma3", "vision_config": {"model_type": "siglip_vision_model"}}, False),
        ({"model_type": "qwen3_vl", "vision_config": {}}, False),
        (QWEN, False),
    ],
)
def test_it_is_known_which_models_see(config: dict[str, Any], can: bool):
    assert sees(config) == can


def test_a_processor_of_pictures_is_told_in_pixels():
    size = {"shortest_edge": 3136, "longest_edge": 12845056}
    told = {"image_processor_type": "Qwen2VLImageProcessorFast", "size": size}
    repaired, mended = repair_processor(told)
    assert repaired["image_processor_type"] == "Qwen2VLImageProcessor"
    assert (repaired["min_pixels"], repaired["max_pixels"]) == (3136, 12845056)
    assert len(mended) == 3
    assert repair_processor(repaired) == (repaired, [])
    # Of other processors it is an edge.
    pixtral = {"image_processor_type": "PixtralImageProcessor", "size": {"longest_edge": 1024}}
    assert repair_processor(pixtral) == (pixtral, [])


VISION: dict[str, Any] = {
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "rope_theta": 1000000.0,
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vision_config": {"patch_size": 14, "spatial_patch_size": 14, "temporal_patch_size": 2},
}
PROCESSOR = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "min_pixels": 3136,
    "max_pixels": 12845056,
}


def test_an_old_folder_stays_as_it_is(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(VISION))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    files, mended = repair_folder(tmp_path)
    assert files == {"config.json": VISION, "preprocessor_config.json": PROCESSOR}
    assert mended == []


def test_a_new_folder_gets_the_file_that_it_lacks(tmp_path: Path):
    config = copy.deepcopy(VISION)
    del config["vision_config"]["spatial_patch_size"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": PROCESSOR}))
    files, mended = repair_folder(tmp_path)
    assert files == {"config.json": VISION, "preprocessor_config.json": PROCESSOR}
    assert len(mended) == 2


def test_a_folder_whose_files_hold_no_objects_is_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json holds no object"):
        repair_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(VISION))
    with pytest.raises(FileNotFoundError):
        repair_folder(tmp_path)
