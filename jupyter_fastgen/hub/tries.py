"""Who tries wrong tokens: where a call comes from, and how often more it may ask the hub. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]

WRONG = 20.0
"""Wrong tokens that may come from one address in a row. Behind a proxy that is not known as one,
all users are one address."""

FORGIVEN = 1.0
"""Wrong tokens forgiven each second."""

MOST_ADDRESSES = 10_000
"""Addresses that are kept; what has failed longest ago is forgotten."""


class Tries:
    """Counts the wrong tokens of addresses, and forgets them with time."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[float, float]] = {}

    def wait(self, address: str, now: float) -> float:
        """Seconds until another token of `address` may be looked at; `now` is in seconds."""
        return max(0.0, (math.floor(self._count(address, now)) - WRONG + 1) / FORGIVEN)

    def fail(self, address: str, now: float) -> None:
        """One was wrong."""
        count = self._count(address, now) + 1
        self._wrong.pop(address, None)
        self._wrong[address] = count, now
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]

    def _count(self, address: str, now: float) -> float:
        count, at = self._wrong.get(address, (0.0, now))
        return max(0.0, count - (now - at) * FORGIVEN)


def networks(names: Sequence[str]) -> Networks:
    """Addresses and networks, as `10.0.0.0/8`; raises `ValueError`."""
    return [ip_network(name, strict=False) for name in names]


def origin(peer: str, forwarded: Sequence[str], proxies: Networks) -> str:
    """The address a call comes from: of IPv6 the network that one customer has.

    `peer` is the other end of the connection, `forwarded` the `X-Forwarded-For` headers. Each proxy
    adds whom it heard at the end, so what is written there is believed of `proxies` alone.
    """
    heard = [one.strip() for header in forwarded for one in header.split(",")]
    address = peer
    while _is_in(address, proxies) and heard:
        address = heard.pop()
    try:
        found = ip_address(address)
    except ValueError:
        return peer
    return address if found.version == 4 else str(ip_network((found, 64), strict=False))


def _is_in(address: str, proxies: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in proxies)
