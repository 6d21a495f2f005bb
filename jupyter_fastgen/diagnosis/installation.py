"""The two halves of the extension, as they are installed here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .finding import Finding

EXTENSION = "jupyter_fastgen"


def versions() -> Finding:
    """Of what it is made of."""
    packages = ("jupyter-fastgen", "jupyterlab", "notebook", "jupyter_server", "xllamacpp")
    found: dict[str, object] = {"python": ".".join(map(str, sys.version_info[:3]))}
    found |= {name: _version(name) for name in packages}
    text = ", ".join(f"{name} {number or 'absent'}" for name, number in found.items())
    if found["jupyterlab"] is None and found["notebook"] is None:
        text += "; JupyterLab must be installed where the server runs"
        return Finding("versions", "failed", text, "pip install 'jupyterlab>=4.6,<5'", found)
    return Finding("versions", "ok", text, "", found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def front_end() -> Iterator[Finding]:
    """Whether pages load the extension; nothing where there is no JupyterLab."""
    try:
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_federated_extensions, get_page_config
    except ImportError:
        return  # without JupyterLab; said above
    folders = jupyter_path("labextensions")
    extension = get_federated_extensions(folders).get(EXTENSION)
    if extension is None:
        where = os.pathsep.join(folders)
        yield Finding(
            "front end",
            "failed",
            f"no labextension {EXTENSION} in {where}",
            "pip install --force-reinstall --no-deps jupyter-fastgen",
            {"installed": False},
        )
        return
    page: dict[str, Any] = get_page_config(folders)
    disabled = [name for name in page.get("disabledExtensions", []) if _is_ours(name)]
    path = str(extension["ext_path"])
    facts: dict[str, object] = {"installed": True, "path": path, "disabled": disabled}
    if disabled:
        names = " ".join(disabled)
        yield Finding(
            "front end",
            "failed" if EXTENSION in disabled else "warning",
            f"disabled: {names}",
            f"jupyter labextension enable {names}",
            facts,
        )
    else:
        text = f"labextension {extension['version']} is enabled, in {path}"
        yield Finding("front end", "ok", text, "", facts)


def _is_ours(plugin: str) -> bool:
    return plugin.split(":", 1)[0] == EXTENSION


def server_half() -> Finding:
    """Whether the server loads it."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager: Any = ExtensionConfigManager(read_config_path=jupyter_config_path())
    enabled = bool(manager.get_jpserver_extensions().get(EXTENSION, False))
    facts: dict[str, object] = {"enabled": enabled}
    if enabled:
        return Finding("server extension", "ok", "enabled", "", facts)
    mend = f"jupyter server extension enable {EXTENSION}"
    return Finding("server extension", "failed", "not enabled", mend, facts)


def languages() -> Finding:
    """Which languages are read by their grammar."""
    from ..edit.grammars import LANGUAGES, missing_grammars

    missing = missing_grammars()
    facts: dict[str, object] = {"languages": list(LANGUAGES), "missing": list(missing)}
    if not missing:
        return Finding("languages", "ok", f"grammars for all {len(LANGUAGES)}", "", facts)
    known = len(LANGUAGES) - len(missing)
    text = f"grammars for {known}; by indentation only: {', '.join(missing)}"
    mend = "pip install " + " ".join(f"'{package}'" for package in sorted(set(missing.values())))
    return Finding("languages", "warning", text, mend, facts)
