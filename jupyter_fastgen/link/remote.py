"""The engine of a Jupyter server, over HTTP; with the standard library, for kernels are small."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from .. import protocol
from ..errors import UNREADABLE
from . import LinkError, Stream

_T = TypeVar("_T")

CONNECT_SECONDS = 5.0

SILENT_SECONDS = 3 * protocol.BEAT
"""After which a server that says nothing is taken to be gone."""


class Message(msgspec.Struct):
    """What a server says of a request that it refuses."""

    message: str = ""


class Models(msgspec.Struct):
    """What a server says of its catalog."""

    models: list[dict[str, Any]]


class RemoteLink:
    """A server's engine. See `Link`."""

    def __init__(self, url: str, authorization: str, how: str, certificate: str = "") -> None:
        """`authorization` is the header's value; without one, a token in the URL is used.

        `how` says how the server was found. A server with TLS must have the `certificate`, a file
        in PEM, if that is given, else one that the system trusts. Raises `LinkError`.
        """
        parts = urlsplit(url)
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if parts.scheme not in ("http", "https") or not self._host:
            raise LinkError(f"{url!r} is no URL of a Jupyter server: write http://HOST:PORT/")
        token = parse_qs(parts.query).get("token", [""])[0]
        self._authorization = authorization or (f"token {token}" if token else "")
        # What a browser shows may be given as it is.
        self._base = re.sub(r"/(lab|tree)(/.*)?$", "", parts.path.rstrip("/"))
        netloc = parts.netloc.rpartition("@")[2]
        self._url = f"{parts.scheme}://{netloc}{self._base}/"
        self._tls = _trusting(certificate) if parts.scheme == "https" else None
        self.where = f"the Jupyter server at {self._url}, {how}"

    def generate(self, asked: protocol.Generate) -> Stream:
        """See `Link`."""
        return _Stream(self, "generate", asked)

    def edit(self, asked: protocol.Rewrite) -> Stream:
        """See `Link`."""
        return _Stream(self, "edit", asked)

    def status(self) -> protocol.Status:
        """See `Link`."""
        return self._get("status?of=edits", protocol.Status)

    def models(self) -> list[dict[str, Any]]:
        """See `Link`."""
        return self._get("models", Models).models

    def close(self) -> None:
        """Nothing is held."""

    def connect(self) -> HTTPConnection:
        """Raises `OSError`."""
        if self._tls is None:
            made = HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)
        else:
            made = HTTPSConnection(
                self._host, self._port, timeout=CONNECT_SECONDS, context=self._tls
            )
        made.connect()
        made.sock.settimeout(SILENT_SECONDS)
        return made

    def ask(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None = None
    ) -> HTTPResponse:
        """Raises `LinkError` if the server refuses; `OSError` and `HTTPException` if it is lost."""
        headers = {"Content-Type": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        connection.request(method, f"{self._base}/jupyter-fastgen/{path}", body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise self._refused(response)
        return response

    def lost(self, error: Exception | None) -> LinkError:
        """What is said of a server that broke off, or is not there."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return LinkError(
                f"the Jupyter server at {self._url} has a certificate that is not trusted"
                f" ({error.verify_message}): name it in SSL_CERT_FILE"
            )
        if isinstance(error, TimeoutError):
            reason = "it is silent"
        else:
            reason = str(error) if error is not None and str(error) else "it closed the connection"
        return LinkError(
            f"the Jupyter server at {self._url} can't be reached: {reason}. Start it, give the URL"
            " of another, or unset FASTGEN_URL and have an engine process of your own"
        )

    def _get(self, path: str, type: type[_T]) -> _T:
        try:
            with closing(self.connect()) as connection:
                body = self.ask(connection, "GET", path).read()
        except (OSError, HTTPException) as error:
            raise self.lost(error) from error
        try:
            return msgspec.json.decode(body, type=type)
        except UNREADABLE as error:
            raise LinkError(
                f"what answers at {self._url} is no Jupyter server with jupyter_fastgen: correct"
                " the URL"
            ) from error

    def _refused(self, response: HTTPResponse) -> LinkError:
        said = ""
        with suppress(msgspec.MsgspecError):
            said = msgspec.json.decode(response.read(), type=Message).message
        where = f"the Jupyter server at {self._url}"
        if response.status == 404:
            return LinkError(
                f"{where} has no jupyter_fastgen: install it where that server runs, and restart it"
            )
        if response.status in (401, 403) or 300 <= response.status < 400:
            if not self._authorization.startswith(protocol.SCHEME) or said == "Forbidden":
                said = "the token is wrong or missing: it stands behind `token=` in the URL that"
                said += " `jupyter server list` shows"
            return LinkError(f"{where} lets nobody in like this: {said}")
        return LinkError(f"{where} refused: {said or f'HTTP {response.status}'}")


class _Stream:
    """An answer that a server streams. See `Stream`."""

    def __init__(
        self, link: RemoteLink, path: str, asked: protocol.Generate | protocol.Rewrite
    ) -> None:
        self._link = link
        self._path = path
        self._asked = asked
        self._socket: socket.socket | None = None
        self._cancelled = False

    def __iter__(self) -> Iterator[protocol.FromServer]:
        try:
            yield from self._frames()
        except (OSError, HTTPException, *UNREADABLE) as error:
            if not self._cancelled:
                raise self._link.lost(error) from error
            yield protocol.Done(1, "cancelled")

    def cancel(self) -> None:
        self._cancelled = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _frames(self) -> Iterator[protocol.FromServer]:
        body = _encode(self._asked)
        if self._cancelled:
            yield protocol.Done(1, "cancelled")
            return
        with closing(self._link.connect()) as connection:
            self._socket = connection.sock
            if self._cancelled:  # meanwhile
                raise ConnectionAbortedError
            response = self._link.ask(connection, "POST", self._path, body)
            while line := response.readline():
                if not line.strip():
                    continue  # it only says that the work goes on
                frame = protocol.decode_server(line)
                yield frame
                if isinstance(frame, protocol.Done):
                    return
        raise ConnectionAbortedError


def _encode(asked: protocol.Generate | protocol.Rewrite) -> bytes:
    try:
        body = msgspec.json.encode(asked)
    except UnicodeEncodeError as error:
        raise LinkError(
            "the request holds half a character (a surrogate), which is no text: remove it"
        ) from error
    if len(body) > protocol.MAX_FRAME:
        raise LinkError(protocol.TOO_LARGE)
    return body


def _trusting(certificate: str) -> ssl.SSLContext:
    """Trust `certificate` and nothing else, under whatever name it is reached; "" the system's."""
    if not certificate:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # It need not be signed by itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(certificate)
    except (OSError, ssl.SSLError) as error:
        raise LinkError(
            f"the server's certificate {certificate} can't be read: {error}; FASTGEN_CERTIFICATE"
            " names it"
        ) from error
    return context
