"""What Jupyter's configuration files of this machine say of models, read without a server."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FastgenError

if TYPE_CHECKING:
    from traitlets.config import Config

    from .allowed import Allowed
    from .settings import Settings

_FILES = ("jupyter_config", "jupyter_server_config", "jupyter_fastgen_config")
"""Configuration files that hold `c.FastgenApp`, the later ones winning."""


class BadConfigError(FastgenError):
    """A Jupyter configuration file can't be used."""

    def __init__(self, why: Exception) -> None:
        super().__init__(
            f"Jupyter's configuration can't be used: {why}. See `jupyter --paths` for where its"
            " files lie"
        )


def read_config() -> Config:
    """Jupyter's configuration files of the server and of this extension; raises what they raise."""
    # Imported now, as below: they take their time.
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Application, Config

    config = Config()
    for name in _FILES:
        for found in Application._load_config_files(  # pyright: ignore[reportPrivateUsage]
            name, jupyter_config_path(), raise_config_file_errors=True
        ):
            config.merge(found[0])
    return config


def load_settings() -> tuple[Settings, Allowed]:
    """The settings of models, and what is allowed, without the server, which takes 30 MB.

    Raises `BadConfigError`.
    """
    from ..policy import PolicyFile
    from .allowed import Allowed
    from .settings import Settings

    try:
        config: Any = read_config()
        given = dict[str, Any](config.get("FastgenApp", {}))
    except Exception as error:  # a configuration file is a program: anything can go wrong in it
        raise BadConfigError(error) from error
    known = {field.name for field in fields(Settings)} - {"slots"}
    policy = given.get("policy_file")
    allowed = Allowed(PolicyFile(Path(policy)) if policy else None)
    for name in ("models_dir", "catalog"):
        given[name] = Path(given[name]) if given.get(name) else None
    settings = Settings(**{name: value for name, value in given.items() if name in known})
    return settings, allowed
