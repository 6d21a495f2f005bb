"""Addresses of servers that others run, as settings name them. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import FastgenError

GATEWAY = "fastgen+"
"""Before the URL of a gateway, where a model is named."""


def is_url(model: str) -> bool:
    """Whether a setting names a server, and not a model of this machine."""
    return model.removeprefix(GATEWAY).startswith(("http://", "https://"))


def is_gateway(url: str) -> bool:
    """Whether that is a gateway of ours."""
    return url.startswith(GATEWAY)


class AddressError(FastgenError):
    """A setting that is to be a URL is none."""


def place(url: str) -> str:
    """Host and port, to be shown: what else is in a URL may be secret. Raises `AddressError`."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts.netloc.rpartition("@")[2]
    except ValueError:
        pass  # as below
    raise AddressError("the URL of the server has no host and port: write http://HOST:8000/v1")


def shown(url: str) -> str:
    """The URL without what may be secret in it: a password, a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{place(url)}{parts.path}"
