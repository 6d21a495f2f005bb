"""What is assumed of the installed library, and how it is brought into the process."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import os
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from jupyter_fastgen.engine.exllamav2 import library, loading, memory

architecture = importlib.import_module("exllamav2.architecture")
attn: Any = importlib.import_module("exllamav2.attn")
attention_type: Any = attn.ExLlamaV2Attention

TYPINGS = Path(__file__).parents[3] / "typings"


def declared(stub: Path) -> list[tuple[str, ast.FunctionDef]]:
    """The methods of the classes in a stub file, with their classes' names."""
    return [
        (node.name, method)
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef)
    ]


@pytest.mark.parametrize(
    "name", ["exllamav2", "exllamav2.generator.dynamic", "exllamav2.generator.dynamic_embeddings"]
)
def test_what_is_called_is_there_with_these_arguments(name: str):
    stub = TYPINGS / name.replace(".", "/")
    stub = stub / "__init__.pyi" if stub.is_dir() else stub.with_suffix(".pyi")
    module = importlib.import_module(name)
    methods = declared(stub)
    assert methods
    for owner, method in methods:
        real = getattr(getattr(module, owner), method.name)
        parameters = inspect.signature(inspect.unwrap(real)).parameters
        positional = [argument.arg for argument in method.args.args]
        assert list(parameters)[: len(positional)] == positional, (owner, method.name)
        for argument in method.args.kwonlyargs:
            assert argument.arg in parameters, (owner, method.name, argument.arg)


def test_it_is_known_which_architectures_it_knows():
    source = inspect.getsource(architecture)
    named = set(re.findall(r'"(\w+(?:ForCausalLM|ForConditionalGeneration|LMHeadModel))"', source))
    assert named == loading.KNOWN


def test_a_page_is_as_long_as_the_librarys():
    dynamic = importlib.import_module("exllamav2.generator.dynamic")
    assert dynamic.PAGED_PAGE_SIZE == memory.PAGE


# --- attention ------------------------------------------------------------------


def reference(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Causal attention of (heads, rows, dim) to (heads, keys, dim), in float64."""
    q, k, v = q.double(), k.double(), v.double()
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    rows, keys = scores.shape[1:]
    seen = torch.ones(rows, keys, dtype=torch.bool).tril(keys - rows)
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v


def computed(rows: int, past: int, no_sdpa: bool, dtype: torch.dtype) -> float:
    """How far the library's own attention without flash-attn is from the reference."""
    generator = torch.Generator().manual_seed(rows + past)
    q, k, v = (
        torch.randn((1, length, heads, 32), generator=generator).to(dtype)
        for length, heads in ((rows, 4), (rows + past, 2), (rows + past, 2))
    )
    layer: Any = SimpleNamespace(
        num_key_value_groups=2, sliding_window=0, layer_idx=0, scaling=1 / math.sqrt(32)
    )
    layer.repeat_kv = lambda states, groups: attention_type.repeat_kv(layer, states, groups)
    config = SimpleNamespace(no_sdpa=no_sdpa, attn_logit_softcapping=None)
    params = attention_type.Params(1, rows, past, None, None)
    out = attention_type._attn_torch(layer, 1, rows, q, k, v, params, config)
    heads = [state[0].transpose(0, 1) for state in (q, k, v)]
    want = reference(heads[0], *(state.repeat_interleave(2, 0) for state in heads[1:]))
    return float((out.view(rows, 4, 32).transpose(0, 1).double() - want).abs().max())


@pytest.mark.parametrize(("rows", "past"), [(5, 0), (5, 7), (1, 9)])
def test_with_no_sdpa_its_attention_is_causal(rows: int, past: int):
    assert computed(rows, past, no_sdpa=True, dtype=torch.float16) < 5e-3


def test_without_it_it_is_not(monkeypatch: pytest.MonkeyPatch):
    """Where this fails the library was mended, and `no_sdpa` is needed no more."""
    monkeypatch.setattr(attn, "has_lower_right_sdpa", True)
    assert computed(5, 7, no_sdpa=False, dtype=torch.float32) > 0.1


def test_in_this_process_it_is_switched_off():
    assert os.environ["EXLLAMA_NO_SDPA"]
    assert not attn.has_lower_right_sdpa


def test_a_stand_in_makes_pages_possible():
    attn.assert_paged_attn()
    standin = sys.modules["flash_attn"]
    assert Path(str(standin.__file__)).is_relative_to(library.STANDIN)


# --- the import -----------------------------------------------------------------


def test_what_is_missing_is_named_as_it_is_installed(monkeypatch: pytest.MonkeyPatch):
    absent = {"tokenizers", "PIL", library.EXTENSION, "ninja"}
    real = library._is_there
    monkeypatch.setattr(library, "_is_there", lambda name: name not in absent and real(name))
    monkeypatch.setattr(library, "_has_compiler", lambda: False)
    assert library.missing() == ["tokenizers", "pillow", "ninja", "nvcc (the CUDA toolkit)"]
    with pytest.raises(library.EngineError, match=r"tokenizers, pillow.*pip install"):
        library.import_library()


def test_the_lock_of_a_killed_build_is_removed(tmp_path: Path):
    lock = tmp_path / "lock"
    assert not library.remove_stale_lock(tmp_path)
    lock.touch()
    assert not library.remove_stale_lock(tmp_path)
    assert lock.exists()
    before = time.time() - library.STALE - 1
    os.utime(lock, (before, before))
    (tmp_path / "just_built.o").touch()
    assert not library.remove_stale_lock(tmp_path)
    os.utime(tmp_path / "just_built.o", (before, before))
    assert library.remove_stale_lock(tmp_path)
    assert not lock.exists()


def test_before_it_may_compile_the_lock_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    lock = tmp_path / "built" / "lock"
    lock.parent.mkdir()
    lock.touch()
    os.utime(lock, (0, 0))
    monkeypatch.setattr(library, "_is_there", lambda _: False)
    monkeypatch.setattr(library, "build_folder", lambda: lock.parent)
    with library._building():
        assert not lock.exists()
