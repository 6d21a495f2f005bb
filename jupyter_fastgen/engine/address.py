"""Addresses of servers that others run, as settings name them. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_url(model: str) -> bool:
    """Whether a setting names a server, and not a model of this machine."""
    return model.startswith(("http://", "https://"))


def place(url: str) -> str:
    """Host and port, to be shown: a URL may hold secrets."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}"
