"""The extension as the server of this machine would configure it, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import FastgenError
from .host.configuration import BadConfigError, read_config

if TYPE_CHECKING:
    from .app import FastgenApp


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
        raise BadConfigError(error) from error
    return app
