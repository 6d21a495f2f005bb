"""The library's real layers on a CPU: models of 16 bits, loaded by `open_model` as on a GPU."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import exllamav2
import torch
from safetensors import safe_open

from jupyter_fastgen.engine.base import ModelSpec
from jupyter_fastgen.engine.exllamav2 import loading
from jupyter_fastgen.engine.exllamav2.loading import Loaded

from . import ATTENTION

device: Any = importlib.import_module("exllamav2.device")
MOVING = ("attn_params", "compat", "embedding", "model", "module", "mrope", "vlm.vision_tower")
"""Modules that move tensors to the device with the number -1, which torch has not."""


def _stay(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor


def _tensor(file: Any, key: str, device: Any, out_dtype: Any = None) -> torch.Tensor:
    """In place of the extension's reader of files."""
    with safe_open(file.filename, framework="pt") as stored:
        tensor = stored.get_tensor(file.tensor_remap[key] if file.tensor_remap else key)
    return tensor if out_dtype is None else tensor.to(out_dtype)


def _load(model: Any) -> None:
    tables = object.__new__(device.ExLlamaV2DeviceContext)
    tables.model, tables.device_idx, tables.archparams = model, -1, model.config.arch.lm
    tables.prepare_sincos()
    model.get_device_context = lambda *_, **__: tables
    for module in model.modules:
        module.set_device_idx(-1)
        module.load()
    model.loaded = True


def _load_autosplit(model: Any, cache: Any, **_: Any) -> None:
    _load(model)
    model.cache_map = {}
    model.set_cache_map()
    cache.update_cache_tensors()


def open_model(folder: Path, **spec: Any) -> Loaded:
    """Load a model folder with fp16 weights; its cache has fp16, too."""
    library: Any = exllamav2.ExLlamaV2
    gpu = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "mem_get_info": lambda _: (10**9, 10**9),
    }
    with ExitStack() as patched:
        for name, told in gpu.items():
            patched.enter_context(patch.object(torch.cuda, name, told))
        patched.enter_context(patch.object(library, "load", _load))
        patched.enter_context(patch.object(library, "load_autosplit", _load_autosplit))
        stloader: Any = importlib.import_module("exllamav2.stloader")
        patched.enter_context(patch.object(stloader.STFile, "get_tensor", _tensor))
        spec = {"context": 2048, "slots": 1, "kv": "fp16"} | spec
        made = loading.open_model(ModelSpec("tiny", str(folder), **spec), ATTENTION, lambda _: None)
    return made


def install() -> None:
    """Leave tensors where they are, from now on in this process."""
    for name in MOVING:
        module: Any = importlib.import_module(f"exllamav2.{name}")
        if hasattr(module, "safe_move_tensor"):
            module.safe_move_tensor = _stay
