"""The way to a gateway, or to one of several: addresses, and the token that opens them."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from . import frames
from .address import gateways
from .base import EngineError

USER = "JUPYTERHUB_USER"
TOKEN = "JUPYTERHUB_API_TOKEN"
TOKEN_FILE = "FASTGEN_TOKEN_FILE"
"""Environment variables: a user of a JupyterHub, the token of their server, and a file that holds
another."""

CONNECT_SECONDS = 10.0

Take = Callable[[str | bytes | None], None]

MAX_FRAME = 4 * 1024 * 1024
"""Bytes of the largest frame taken."""


class ForGoodError(EngineError):
    """Connecting again would not help."""


class Way:
    """To the gateways that a setting names; `url` is the one that was tried last."""

    def __init__(self, setting: str, token: str) -> None:
        """The `token` goes before that of the environment. See `address.gateways`."""
        self._urls, self.model = gateways(setting)
        self._token = token
        self.url = self._urls[0]

    async def connect(self, take: Take) -> WebSocketClientConnection:
        """A connection to one of them, whose messages `take` gets, and None at its end.

        Raises `EngineError` where none lets it in.

        The first is the same for all of a user's servers, so that the limits of a user are counted
        by one gateway; the others are for when that is gone. By rendezvous hashing (Thaler and
        Ravishankar, 1998), users are spread evenly, and a gateway more or less moves few of them.
        """
        token = self._find_token()
        who = os.environ.get(USER) or token
        error = EngineError("no gateway is named", "correct c.FastgenApp.model")
        for url in sorted(self._urls, key=lambda url: _weight(url, who)):
            self.url = url
            try:
                return await self._connect(token, take)
            except ForGoodError:
                raise
            except EngineError as failed:
                error = failed
        raise error

    async def _connect(self, token: str, take: Take) -> WebSocketClientConnection:
        url = f"ws{self.url.removeprefix('http')}/{frames.PATH}"
        headers = {"Authorization": f"token {token}"}
        try:
            request = HTTPRequest(url, headers=headers, connect_timeout=CONNECT_SECONDS)
            return await websocket_connect(
                request,
                on_message_callback=take,
                ping_interval=30,
                max_message_size=MAX_FRAME,
            )
        except HTTPClientError as error:
            if error.code in (401, 403):
                raise ForGoodError(
                    f"the gateway at {self.url} does not let this user in",
                    "ask the administrator for access, then use Restart in the status panel",
                ) from error
            if error.code == 404:
                raise ForGoodError(
                    f"there is no gateway at {self.url}", "correct c.FastgenApp.model"
                ) from error
            raise EngineError(
                f"the gateway at {self.url} refused: HTTP {error.code}", "it is tried again"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise ForGoodError(
                f"the certificate of {urlsplit(self.url).hostname} is not trusted:"
                f" {error.verify_message}",
                "name it in SSL_CERT_FILE",
            ) from error
        except (OSError, ValueError) as error:
            raise EngineError(
                f"no gateway answers at {self.url}: {error}", "it is tried again"
            ) from error

    def _find_token(self) -> str:
        """The token, looked for at each connection: it may have been replaced."""
        if self._token:
            return self._token
        try:
            if file := os.environ.get(TOKEN_FILE):
                return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(f"{TOKEN_FILE} can't be read: {error}") from error
        if token := os.environ.get(TOKEN):
            return token
        raise ForGoodError(
            "there is no token for the gateway",
            f"set c.FastgenApp.api_key, or {TOKEN_FILE} to a file that holds it",
        )


def _weight(url: str, who: str) -> bytes:
    return hashlib.blake2b(f"{who} {url}".encode()).digest()
