"""The extension as the server of this machine would configure it, for the command line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FastgenError

if TYPE_CHECKING:
    from traitlets.config import Config

    from .app import FastgenApp
    from .host.allowed import Allowed
    from .host.settings import Settings

_FILES = ("jupyter_config", "jupyter_server_config", "jupyter_fastgen_config")
"""Configuration files that hold `c.FastgenApp`, the later ones winning."""

_BAD = (
    "Jupyter's configuration can't be used: {error}. See `jupyter --paths` for where its files lie"
)


class BadConfigError(FastgenError):
    """A Jupyter configuration file can't be used."""


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
    from .host.allowed import Allowed
    from .host.settings import Settings
    from .policy import PolicyFile

    try:
        config: Any = read_config()
        given = dict[str, Any](config.get("FastgenApp", {}))
    except Exception as error:  # a configuration file is a program: anything can go wrong in it
        raise BadConfigError(_BAD.format(error=error)) from error
    known = {field.name for field in fields(Settings)} - {"slots"}
    policy = given.get("policy_file")
    allowed = Allowed(PolicyFile(Path(policy)) if policy else None)
    for name in ("models_dir", "catalog"):
        given[name] = Path(given[name]) if given.get(name) else None
    settings = Settings(**{name: value for name, value in given.items() if name in known})
    return settings, allowed


def load_app(model: str = "") -> FastgenApp:
    """Read Jupyter's configuration files and wire the extension; nothing is started.

    `model` goes before the configured one. Raises `BadConfigError`.
    """
    # Imported now: it brings the whole Jupyter server.
    from .app import FastgenApp

    app = FastgenApp()
    try:
        app.update_config(read_config())
        if model:
            app.model = model
        app.initialize_settings()
    except FastgenError:
        raise
    except Exception as error:  # a configuration file is a program: anything can go wrong in it
        raise BadConfigError(_BAD.format(error=error)) from error
    return app
