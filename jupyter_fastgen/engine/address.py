"""Addresses of servers that others run, as settings name them. Pure."""

from __future__ import annotations

from ipaddress import ip_address
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


def leaves(model: str) -> bool:
    """Whether what a model is asked leaves what is the user's own, where `model` is such a setting.

    A gateway serves others as well, wherever it runs; any other server of this machine does not
    count. Names are not looked up.
    """
    if not is_url(model) or is_gateway(model):
        return is_url(model)
    try:
        host = urlsplit(model).hostname or ""
        return host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True  # a name, or what is no URL


def gateways(setting: str) -> tuple[tuple[str, ...], str]:
    """The URLs of gateways of one service, and the model that is named behind them.

    As in `fastgen+http://HOST:8090,http://OTHER:8090#MODEL`.
    """
    urls, _, model = setting.removeprefix(GATEWAY).partition("#")
    return tuple(url.strip().rstrip("/") for url in urls.split(",")), model


class AddressError(FastgenError):
    """A setting that is to be a URL is none."""


def place(url: str) -> str:
    """Host and port, to be shown: what else is in a URL may be secret. Raises `AddressError`."""
    if is_gateway(url):
        return ", ".join(map(place, gateways(url)[0]))
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
