"""Ghost text in Jupyter from a quantized model on your own machine.

Only entry points live here, so that importing the package costs nothing.
"""

# Jupyter calls the functions below by name.
# pyright: reportUnusedFunction=false

from typing import Any

from ._version import __version__

__all__ = ["__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter_fastgen"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import FastgenApp

    return [{"module": "jupyter_fastgen", "app": FastgenApp}]


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext jupyter_fastgen`: the magics `%%fastgen` and `%fastgen`."""
    from .magic import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext jupyter_fastgen`."""
    from .magic import unload

    unload(ipython)
