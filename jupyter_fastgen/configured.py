"""The extension as the server of this machine would configure it, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import FastgenError

if TYPE_CHECKING:
    from .app import FastgenApp

_FILES = ("jupyter_config", "jupyter_server_config", "jupyter_fastgen_config")
"""Configuration files that hold `c.FastgenApp`, the later ones winning."""


class BadConfigError(FastgenError):
    """A Jupyter configuration file can't be used."""


def load_app(model: str = "") -> FastgenApp:
    """Read Jupyter's configuration files and wire the extension; nothing is started.

    `model` goes before the configured one. Raises `BadConfigError`.
    """
    # Imported now: they bring the whole Jupyter server.
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Config

    from .app import FastgenApp

    class App(FastgenApp):
        def read_config(self) -> Config:
            config = Config()
            for name in _FILES:
                for found in self._load_config_files(
                    name, jupyter_config_path(), raise_config_file_errors=True
                ):
                    config.merge(found[0])
            return config

    app = App()
    try:
        app.update_config(app.read_config())
        if model:
            app.model = model
        app.initialize_settings()
    except FastgenError:
        raise
    except Exception as error:  # a configuration file is a program: anything can go wrong in it
        raise BadConfigError(
            f"Jupyter's configuration can't be used: {error}."
            " See `jupyter --paths` for where its files lie"
        ) from error
    return app
