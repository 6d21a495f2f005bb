"""What the administrator chose of models, and which model comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..engine.base import KVFormat, Role
from ..models.catalog import Catalog
from ..models.choice import Choice, Machine, choose
from ..models.store import ModelStore

EDIT_TOKENS = 8192
"""For an edit's text, twice what of it changes, and the instruction: 100 to 250 MB of KV cache."""


@dataclass(frozen=True)
class Settings:
    """What the administrator chose.

    `model` is a name of the catalog, a path to a GGUF file or an EXL2 folder, the URL of a server
    that others run, or empty for what fits the machine (see `choose`). `remote` is the URL of such
    a server for edits that are too much for the model; "": nothing leaves this machine. Zeros mean:
    decide by the machine. `role` is what the model is for. What follows only
    ExLlamaV2 knows; `edit_adapter` is of those in the folder `adapters`.
    """

    model: str = ""
    models_dir: Path | None = None
    catalog: Path | None = None
    context: int = 2560
    slots: int = 2
    threads: int = 0
    idle_unload: float = 1800.0
    engine_output: bool = False
    api_key: str = ""
    role: Role = "completion"
    remote: str = ""
    remote_api_key: str = ""
    kv_cache: KVFormat = "q8"
    draft_model: str = ""
    adapters: str = ""
    edit_adapter: str = ""


def choose_model(
    settings: Settings, catalog: Catalog, store: ModelStore, machine: Machine
) -> Choice:
    """The model that runs where none is configured."""
    tokens = settings.slots * max(settings.context, EDIT_TOKENS)
    return choose(catalog, machine, tokens, lambda entry: store.path(entry) is not None)
