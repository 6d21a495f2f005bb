"""LoRA adapters by name: folders in one folder, each as PEFT writes it."""

from __future__ import annotations

from pathlib import Path

import exllamav2

from ..base import EngineError


def names(folder: Path | None) -> list[str]:
    """The adapters in a folder."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(path.parent.name for path in folder.glob("*/adapter_config.json"))


def load_adapter(
    model: exllamav2.ExLlamaV2, folder: Path | None, name: str
) -> exllamav2.ExLlamaV2Lora:
    """Load the adapter `name` for `model`; raises `EngineError`."""
    known = names(folder)
    if folder is None or name not in known:
        raise EngineError(
            f"there is no adapter {name!r} in {folder or 'no folder'}",
            f"there are: {', '.join(known) or 'none'}",
        )
    # The library's own function takes `adapter_model.bin` first, a pickle, which may run anything.
    weights = folder / name / "adapter_model.safetensors"
    if not weights.is_file():
        raise EngineError(
            f"the adapter {name!r} has no adapter_model.safetensors",
            "save it with PEFT's safe_serialization",
        )
    try:
        return exllamav2.ExLlamaV2Lora(
            model, str(folder / name / "adapter_config.json"), str(weights)
        )
    except Exception as error:  # bare ones, and assertions
        raise EngineError(f"the adapter {name!r} does not fit the model: {error}") from error
