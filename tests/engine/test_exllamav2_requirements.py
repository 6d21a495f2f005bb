"""What ExLlamaV2 is seen to lack, in environments made up for it."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_fastgen.engine.exllamav2 import requirements


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes exactly these modules importable, as far as a look at them goes."""

    def found(*names: str) -> None:
        specs = {name: importlib.machinery.ModuleSpec(name, None) for name in names}
        monkeypatch.setattr(requirements, "find_spec", specs.get)
        monkeypatch.setattr(requirements, "version", lambda name: "2.9.0")

    return found


ENGINE = tuple(requirements.NEEDED)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with what a build needs, and an empty cache."""
    monkeypatch.setattr(requirements, "CUDA", tmp_path / "no-toolkit")
    monkeypatch.setattr(requirements, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(requirements, "HEADER", tmp_path / "include/Python.h")
    for name in ("bin/nvcc", "bin/ninja", "bin/c++", "include/Python.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def texts(environment: dict[str, str]) -> list[str]:
    return [f"{fault.text}: {fault.mend}" for fault in requirements.faults(environment)]


def test_what_is_not_installed_is_named(install, tools: dict[str, str]):
    install(*(name for name in ENGINE if name not in ("exllamav2", "PIL")))
    extra = "pip install 'jupyter-fastgen[exllamav2]'"
    assert texts(tools) == [f"exllamav2, pillow are not installed: {extra}"]
    # exllamav2's own metadata leaves it out.
    install(*(name for name in ENGINE if name != "tokenizers"))
    assert texts(tools) == [f"tokenizers is not installed: {extra}"]


def test_with_all_that_a_build_needs_nothing_is_lacking(install, tools: dict[str, str]):
    install(*ENGINE)
    assert texts(tools) == []


def test_torch_without_cuda_is_named(
    install, tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    install(*ENGINE, requirements.EXTENSION)
    monkeypatch.setattr(requirements, "version", lambda name: "2.9.0+cpu")
    [fault] = texts(tools)
    assert "torch 2.9.0+cpu is built without CUDA" in fault
    assert requirements.import_faults(tools) == []  # it can be tested there


@pytest.mark.parametrize(
    ("absent", "mend"),
    [
        ("bin/nvcc", "install the CUDA toolkit and set CUDA_HOME"),
        ("bin/ninja", "pip install ninja"),
        ("bin/c++", "apt-get install g++"),
        ("include/Python.h", "apt-get install python3-dev"),
    ],
)
def test_what_a_build_needs_is_named(
    install, tools: dict[str, str], tmp_path: Path, absent: str, mend: str
):
    install(*ENGINE)
    (tmp_path / absent).unlink()
    [fault] = texts(tools)
    assert f"there is no {Path(absent).name}" in fault.replace("C++ compiler", "c++")
    assert mend in fault
    assert "or install a prebuilt extension" in fault


def test_the_tools_of_a_build_may_be_elsewhere_than_on_the_path(
    install, tools: dict[str, str], tmp_path: Path
):
    install(*ENGINE)
    (tmp_path / "cuda" / "bin").mkdir(parents=True)
    (tmp_path / "bin/nvcc").rename(tmp_path / "cuda/bin/nvcc")
    # In an environment that was not activated.
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin/ninja").rename(tmp_path / "scripts/ninja")
    assert texts({**tools, "CUDA_HOME": str(tmp_path / "cuda")}) == []


@pytest.mark.parametrize("chosen", [False, True])
def test_an_extension_that_was_built_needs_no_tools(
    install, tools: dict[str, str], tmp_path: Path, chosen: bool
):
    install(*ENGINE)
    nothing = {**tools, "PATH": ""}
    assert len(texts(nothing)) == 3
    if chosen:
        nothing["TORCH_EXTENSIONS_DIR"] = str(tmp_path / "mine")
        folder = tmp_path / "mine" / requirements.EXTENSION
    else:
        version = f"py{sys.version_info.major}{sys.version_info.minor}_cu130"
        folder = tmp_path / "cache" / "torch_extensions" / version / requirements.EXTENSION
    folder.mkdir(parents=True)
    (folder / f"{requirements.EXTENSION}.so").write_text("")
    assert texts(nothing) == []


def test_a_prebuilt_extension_needs_no_tools(install, tools: dict[str, str]):
    install(*ENGINE, requirements.EXTENSION)
    assert texts({**tools, "PATH": ""}) == []


def test_looking_imports_neither_torch_nor_the_library():
    before = set(sys.modules)
    requirements.faults({})
    assert not {"torch", "exllamav2"} & (set(sys.modules) - before)
