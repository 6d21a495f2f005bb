from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_fastgen.models.catalog import load_catalog
from jupyter_fastgen.models.errors import BadModelFile, UnknownModel
from jupyter_fastgen.models.resolve import resolve
from jupyter_fastgen.models.store import ModelStore


def test_name_gives_the_entry_and_no_path_until_it_is_here(store: ModelStore):
    found = resolve("smollm2-135m", load_catalog(), store)
    assert found.entry.fim == "prefix-only"
    assert found.path is None


def test_unknown_name(store: ModelStore):
    with pytest.raises(UnknownModel):
        resolve("nothing", load_catalog(), store)


@pytest.mark.parametrize(
    ("head", "fim", "context"),
    [
        (b"GGUF qwen2.context_length\x04\0\0\0\x00\x80\0\0 <|fim_prefix|>", "qwen", 32768),
        (b"GGUF llama.context_length\x04\0\0\0\x00\x20\0\0 <|im_end|>", "prefix-only", 8192),
        (b"GGUF", "prefix-only", 4096),
    ],
)
def test_gguf_tells_its_template_and_context(
    store: ModelStore, tmp_path: Path, head: bytes, fim: str, context: int
):
    path = tmp_path / "My Model.gguf"
    path.write_bytes(head)
    found = resolve(str(path), load_catalog(), store)
    assert found.path == path
    assert (found.entry.engine, found.entry.fim) == ("llamacpp", fim)
    assert found.entry.context == context


def test_exl2_folder_tells_its_template_and_context(store: ModelStore, tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 1234}))
    (tmp_path / "output.safetensors").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_text('{"<|fim_prefix|>": 1}')
    found = resolve(str(tmp_path), load_catalog(), store)
    assert (found.entry.engine, found.entry.fim) == ("exllamav2", "qwen")
    assert found.entry.context == 1234


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.gguf", None, "No such file"),
        ("page.gguf", b"<html>", "not a GGUF file"),
        ("weights.pt", b"PK", "only .gguf files"),
    ],
)
def test_bad_path_is_refused_with_its_reason(
    store: ModelStore, tmp_path: Path, name: str, content: bytes | None, reason: str
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadModelFile) as caught:
        resolve(str(path), load_catalog(), store)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


def test_folder_without_weights_is_refused(store: ModelStore, tmp_path: Path):
    with pytest.raises(BadModelFile, match=r"config\.json"):
        resolve(str(tmp_path), load_catalog(), store)
