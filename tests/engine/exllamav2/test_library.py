"""What is assumed of the installed library, and how it is brought into the process."""

from __future__ import annotations

import ast
import contextlib
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
from jupyter_fastgen.engine.exllamav2.requirements import Fault

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


def test_what_is_missing_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch):
    lacking = [Fault("tokenizers is not installed", "install it"), Fault("no nvcc", "get CUDA")]
    monkeypatch.setattr(library, "import_faults", lambda: lacking)
    with pytest.raises(library.EngineError) as caught:
        library.import_library()
    assert str(caught.value) == (
        "ExLlamaV2 can't run: tokenizers is not installed; no nvcc (install it; get CUDA)"
    )


def test_why_an_extension_can_not_be_loaded_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    broken = tmp_path / f"{library.EXTENSION}.py"
    broken.write_text("raise ImportError('libcudart.so.12: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, library.EXTENSION)
    with pytest.raises(library.EngineError, match=r"libcudart\.so\.12.*fits your torch and CUDA"):
        library.import_library()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder in which a build was killed long ago."""
    folder = tmp_path / "built"
    folder.mkdir()
    before = time.time() - library.STALE - 1
    for name in ("lock", "done.o"):
        (folder / name).touch()
        os.utime(folder / name, (before, before))
    return folder


def test_the_lock_of_a_killed_build_is_removed(killed: Path):
    library.await_build(killed)
    assert not (killed / "lock").exists()
    library.await_build(killed)


def test_a_build_that_goes_on_is_waited_for(killed: Path, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            (killed / "lock").unlink()

    monkeypatch.setattr(library.time, "sleep", wait)
    (killed / "just_built.o").touch()
    library.await_build(killed)
    assert len(waited) == 3


def test_a_build_that_is_killed_meanwhile_is_not_waited_for_forever(
    killed: Path, monkeypatch: pytest.MonkeyPatch
):
    now = time.time()
    (killed / "just_built.o").touch()

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(library.time, "sleep", wait)
    monkeypatch.setattr(library.time, "time", lambda: now)
    library.await_build(killed)
    assert not (killed / "lock").exists()


@pytest.fixture
def builder(killed: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What torch builds with, in the folder where a build was killed."""
    made = SimpleNamespace(_get_build_directory=lambda name, verbose: str(killed), FileBaton=object)
    monkeypatch.setitem(sys.modules, "torch.utils.cpp_extension", made)  # pyright: ignore
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    for name in ("PATH", "CPLUS_INCLUDE_PATH"):
        monkeypatch.setenv(name, "/mine")
    return made


def test_before_a_build_the_lock_is_looked_at(builder: SimpleNamespace, killed: Path):
    with library._building():
        assert not (killed / "lock").exists()


def test_a_lock_that_is_always_there_is_not_waited_for(
    builder: SimpleNamespace, killed: Path, monkeypatch: pytest.MonkeyPatch
):
    del builder.FileBaton
    (killed / "just_built.so").touch()
    monkeypatch.setattr(library.time, "sleep", lambda _: pytest.fail("it waits"))
    with library._building():
        assert (killed / "lock").exists()


def test_a_build_finds_ninja_and_the_headers_that_came_with_torch(
    builder: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    headers = tmp_path / "nvidia/cu13/include"
    headers.mkdir(parents=True)
    monkeypatch.setattr(torch, "__file__", str(tmp_path / "torch/__init__.py"))
    with library._building():
        assert os.environ["PATH"].split(os.pathsep) == ["/mine", str(library.SCRIPTS)]
        assert os.environ["CPLUS_INCLUDE_PATH"].split(os.pathsep) == ["/mine", str(headers)]


def test_of_a_failed_build_the_compilers_first_word_is_told(monkeypatch: pytest.MonkeyPatch):
    log = "Error building extension\n[1/48] c++ -c a.cpp\na.cpp:10:10: fatal error: no b.h\nmore"

    @contextlib.contextmanager
    def failing():
        raise RuntimeError(log)
        yield

    monkeypatch.setattr(library, "_building", failing)
    with pytest.raises(library.EngineError, match=r"imported: a\.cpp:10:10: fatal error: no b\.h"):
        library.import_library()
