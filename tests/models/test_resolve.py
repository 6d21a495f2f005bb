from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_fastgen.models.catalog import Catalog, load_catalog
from jupyter_fastgen.models.errors import BadModelFile, UnknownModel
from jupyter_fastgen.models.resolve import best_for_edits, best_for_images, resolve
from jupyter_fastgen.models.store import ModelStore


def test_name_gives_the_entry_and_no_path_until_it_is_here(store: ModelStore):
    found = resolve("smollm2-135m", load_catalog(), store)
    assert found.entry.fim == "prefix-only"
    assert found.path is None


def test_edits_take_the_biggest_model_for_them_that_is_here(store: ModelStore, tmp_path: Path):
    extra = tmp_path / "more.toml"
    files = {"chat-s": b"GGUF", "chat-l": b"GGUF.", "ghost": b"GGUF.."}
    for name, content in files.items():
        (tmp_path / f"{name}.gguf").write_bytes(content)
    extra.write_text(
        "\n".join(
            f'[models.{name}]\ntitle = "x"\nengine = "llamacpp"\nfim = "qwen"\nlicence = "MIT"\n'
            f'file = "{name}.gguf"\nsize = {len(content)}\ncontext = 512\n'
            f'roles = ["{"completion" if name == "ghost" else "edit"}"]\n'
            f"sources = [{{kind = 'file', path = '{tmp_path / name}.gguf'}}]"
            for name, content in files.items()
        )
    )
    catalog = load_catalog(extra)
    assert best_for_edits(catalog, store) == catalog.default
    for name, best in (("ghost", catalog.default.name), ("chat-s", "chat-s"), ("chat-l", "chat-l")):
        store.pull(catalog.get(name))
        assert best_for_edits(catalog, store).name == best


def test_unknown_name(store: ModelStore):
    with pytest.raises(UnknownModel):
        resolve("nothing", load_catalog(), store)


@pytest.mark.parametrize(
    ("head", "fim", "chat", "context"),
    [
        (
            b"GGUF qwen2.context_length\x04\0\0\0\x00\x80\0\0 <|fim_prefix|> <|im_start|>",
            "qwen",
            "chatml",
            32768,
        ),
        (
            b"GGUF llama.context_length\x04\0\0\0\x00\x20\0\0 <|im_start|>",
            "prefix-only",
            "chatml",
            8192,
        ),
        (b"GGUF", "prefix-only", "plain", 4096),
    ],
)
def test_gguf_tells_its_templates_and_context(
    store: ModelStore, tmp_path: Path, head: bytes, fim: str, chat: str, context: int
):
    path = tmp_path / "My Model.gguf"
    path.write_bytes(head)
    found = resolve(str(path), load_catalog(), store)
    assert found.path == path
    assert (found.entry.engine, found.entry.fim) == ("llamacpp", fim)
    assert found.entry.chat == chat
    assert found.entry.context == context


def test_exl2_folder_tells_its_template_and_context(store: ModelStore, tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 1234}))
    (tmp_path / "output.safetensors").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_text('{"<|fim_prefix|>": 1}')
    found = resolve(str(tmp_path), load_catalog(), store)
    assert (found.entry.engine, found.entry.fim) == ("exllamav2", "qwen")
    assert found.entry.context == 1234
    assert "image" not in found.entry.roles


def test_an_exl2_folder_sees_where_the_engine_can_make_it_see(store: ModelStore, tmp_path: Path):
    config = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "text_config": {"max_position_embeddings": 1234},
        "vision_config": {"depth": 32},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "output.safetensors").write_bytes(b"")
    found = resolve(str(tmp_path), load_catalog(), store)
    assert found.entry.roles == ("completion", "edit", "image")
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


def test_a_file_sees_with_the_one_projector_beside_it(store: ModelStore, tmp_path: Path):
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF")
    catalog = load_catalog()
    assert resolve(str(path), catalog, store).entry.projector is None
    (tmp_path / "mmproj-own.gguf").write_bytes(b"GGUF")
    entry = resolve(str(path), catalog, store).entry
    assert entry.projector == "mmproj-own.gguf"
    assert "image" in entry.roles
    # Of two nobody knows which is meant.
    (tmp_path / "mmproj-other.gguf").write_bytes(b"GGUF")
    assert resolve(str(path), catalog, store).entry.projector is None


def test_pictures_take_the_first_model_that_sees_and_is_here(store: ModelStore, tmp_path: Path):
    extra = tmp_path / "more.toml"
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    (tmp_path / "mmproj-own.gguf").write_bytes(b"GGUF.")
    extra.write_text(
        '[models.own]\ntitle = "x"\nengine = "llamacpp"\nfim = "prefix-only"\nlicence = "MIT"\n'
        'file = "own.gguf"\nprojector = "mmproj-own.gguf"\ncontext = 512\nroles = ["image"]\n'
        f"sources = [{{kind = 'file', path = '{tmp_path / 'own.gguf'}'}}]"
    )
    catalog = load_catalog(extra)
    first = best_for_images(catalog, store)
    assert first is not None
    assert first.name == "qwen2.5-vl-3b"
    store.pull(catalog.get("own"))
    assert best_for_images(catalog, store) == catalog.get("own")


def test_no_folder_for_a_gpu_is_taken_for_pictures_unasked(store: ModelStore, tmp_path: Path):
    extra = tmp_path / "more.toml"
    extra.write_text(
        '[models.gpu]\ntitle = "x"\nengine = "exllamav2"\nfim = "qwen"\nlicence = "MIT"\n'
        'context = 512\nroles = ["image"]\ntower_bytes = 9\n'
    )
    entries = {"gpu": load_catalog(extra).get("gpu")}
    assert best_for_images(Catalog(entries, "gpu"), store) is None
