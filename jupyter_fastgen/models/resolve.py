"""Models by name or by path: what a setting or a command line may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalog import Catalog, ModelEntry
from .errors import BadModelFile
from .hf_config import context_length, sees
from .store import ModelStore

# A vocabulary lies at the head of a GGUF file, the special tokens at its end; Qwen's 152,000
# tokens take 2.6 MB.
_VOCABULARY = 8 << 20


@dataclass(frozen=True)
class Resolved:
    """A model by name or by path: the entry, and its path, None where it must be pulled first."""

    entry: ModelEntry
    path: Path | None


def resolve(name_or_path: str, catalog: Catalog, store: ModelStore) -> Resolved:
    """Find a model by its catalog name, or by an explicit path to a .gguf file or model folder.

    What contains a slash, begins with `~` or ends in `.gguf` is a path; an entry is made up for
    it, with the engine by its kind and the template by what its vocabulary knows. It sees where one
    `mmproj*.gguf` lies beside it.

    Raises
    ------
    UnknownModel
        A name that the catalog does not have.
    BadModelFile
        A path where there is no file, or one that is not a model.
    """
    looks_like_path = name_or_path.endswith(".gguf") or name_or_path.startswith("~")
    if not looks_like_path and "/" not in name_or_path and "\\" not in name_or_path:
        entry = catalog.get(name_or_path)
        return Resolved(entry, store.path(entry))
    path = Path(name_or_path).expanduser()
    try:
        entry = _folder_entry(path) if path.is_dir() else _gguf_entry(path)
    except OSError as error:
        raise BadModelFile(path, error.strerror or str(error)) from error
    return Resolved(entry, path.resolve())


def best_for_edits(catalog: Catalog, store: ModelStore) -> ModelEntry:
    """The biggest model for edits that is on this machine and runs on any; else the default."""
    here = [
        entry
        for entry in catalog
        if "edit" in entry.roles and entry.engine == "llamacpp" and store.path(entry)
    ]
    return max(here, key=lambda entry: entry.size or 0, default=catalog.default)


def best_for_images(catalog: Catalog, store: ModelStore) -> ModelEntry | None:
    """The first model that sees, runs on any machine and is on this one; else the first to pull."""
    seeing = [e for e in catalog if "image" in e.roles and e.engine == "llamacpp"]
    here = [entry for entry in seeing if store.path(entry)]
    return next(iter(here or seeing), None)


def listed(catalog: Catalog, store: ModelStore) -> list[dict[str, Any]]:
    """The catalog as plain values: name, title, engine, licence, size in bytes and state here."""
    return [
        {
            "name": entry.name,
            "title": entry.title,
            "engine": entry.engine,
            "licence": entry.licence,
            "size": entry.size,
            "state": store.status(entry).state,
        }
        for entry in catalog
    ]


def _gguf_entry(path: Path) -> ModelEntry:
    if path.suffix != ".gguf":
        raise BadModelFile(path, "only .gguf files and folders with .safetensors are loaded")
    with path.open("rb") as stream:
        head = stream.read(_VOCABULARY)
    if not head.startswith(b"GGUF"):
        raise BadModelFile(path, "it is not a GGUF file (it does not begin with GGUF)")
    beside = [file.name for file in path.parent.glob("mmproj*.gguf") if file.name != path.name]
    projector = beside[0] if len(beside) == 1 else None
    return ModelEntry(
        name=path.stem,
        title=path.name,
        engine="llamacpp",
        fim="qwen" if b"<|fim_prefix|>" in head else "prefix-only",
        chat="chatml" if b"<|im_start|>" in head else "plain",
        licence="unknown",
        context=_context_length(head),
        roles=("completion", "edit", "image") if projector else ("completion", "edit"),
        projector=projector,
        file=path.name,
        size=path.stat().st_size,
    )


def _context_length(head: bytes) -> int:
    """Read `ARCH.context_length` from a GGUF head; 4,096 where it has none."""
    key = b".context_length\x04\x00\x00\x00"  # 4: an unsigned integer of 32 bits follows
    at = head.find(key)
    if at < 0:
        return 4096
    start = at + len(key)
    return int.from_bytes(head[start : start + 4], "little") or 4096


def _folder_entry(path: Path) -> ModelEntry:
    if not (path / "config.json").is_file() or not any(path.glob("*.safetensors")):
        raise BadModelFile(path, "the folder has no config.json with .safetensors files beside it")
    vocabulary = path / "tokenizer.json"
    tokens = vocabulary.read_bytes() if vocabulary.is_file() else b""
    config = _folder_config(path)
    return ModelEntry(
        name=path.name,
        title=path.name,
        engine="exllamav2",
        fim="qwen" if b"<|fim_prefix|>" in tokens else "prefix-only",
        chat="chatml" if b"<|im_start|>" in tokens else "plain",
        licence="unknown",
        context=context_length(config),
        roles=("completion", "edit", "image") if sees(config) else ("completion", "edit"),
    )


def _folder_config(path: Path) -> dict[str, Any]:
    import msgspec

    try:
        raw = (path / "config.json").read_bytes()
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadModelFile(path, f"its config.json cannot be read: {error}") from error
