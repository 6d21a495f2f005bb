"""The gateway's doors at their addresses, as a tornado application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tornado import web

from ..engine import frames
from .completions import Completions, Models
from .gateway import Gateway, Health, MetricsDoor, Socket


def routes(gateway: Gateway, prefix: str) -> list[Any]:
    """The doors below `prefix`, which begins and ends with a slash."""
    doors = {
        frames.PATH: Socket,
        "v1/completions": Completions,
        "v1/models": Models,
        "health": Health,
        "metrics": MetricsDoor,
    }
    return [(f"{prefix}{path}", door, {"gateway": gateway}) for path, door in doors.items()]


def application(
    gateway: Gateway, prefix: str = "/", more: Sequence[Any] = (), cookie_secret: str = ""
) -> web.Application:
    """The gateway as a tornado application, with `more` routes, which may set cookies."""
    return web.Application(
        [*routes(gateway, prefix), *more],
        cookie_secret=cookie_secret,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict"},
        websocket_ping_interval=30,
        websocket_max_message_size=gateway.quotas.everybody.body_bytes,
        log_function=_say_nothing,
    )


def _say_nothing(handler: web.RequestHandler) -> None:
    """Requests are counted, not logged."""
