"""Addresses of servers that others run, as settings name them. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_url(model: str) -> bool:
    """Whether a setting names a server, and not a model of this machine."""
    return model.startswith(("http://", "https://"))


def place(url: str) -> str:
    """Host and port, to be shown: what else is in a URL may be secret."""
    return urlsplit(url).netloc.rpartition("@")[2]


def shown(url: str) -> str:
    """The URL without what may be secret in it: a password, a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{place(url)}{parts.path}"
