"""A model hub in miniature on loopback: what huggingface_hub asks for, and faults on demand.

Like the real one it answers for a large file with a redirect to a second place that serves the
bytes (and honours ranges), and for a small one directly, with git's hash as the ETag.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REPO = "maker/tiny"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Hub:
    """The repository's files, the faults to show, and what was served."""

    files: dict[str, bytes] = field(default_factory=dict)
    large: int = 4096  # bytes from which a file is kept out of git
    cut_after: int | None = None  # break each download off after so many bytes
    cuts_left: int = 1 << 30
    corrupt: bool = False  # serve other bytes than announced
    ranges: bool = True
    status: int = 200
    sent: int = 0
    starts: list[int] = field(default_factory=list)  # first byte of each download
    asked: list[str] = field(default_factory=list)
    url: str = ""
    store_url: str = ""  # another host, as far as a client can tell
    tokens: dict[str, str | None] = field(default_factory=dict)  # shown to each place


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.respond(body=False)

    def do_GET(self) -> None:
        self.respond(body=True)

    def respond(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.tokens[path.split("/")[1]] = self.headers.get("Authorization")
        if self.hub.status != 200:
            self.answer(self.hub.status, b"")
        elif path.startswith(f"/api/models/{REPO}"):
            self.answer(200, self.listing(), {"Content-Type": "application/json"})
        elif path.startswith("/blobs/"):
            self.blob(self.hub.files[path.removeprefix("/blobs/")], body=body)
        elif path.startswith(f"/{REPO}/resolve/{REVISION}/"):
            self.file(path.rsplit("/", 1)[1], body=body)
        else:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def file(self, name: str, *, body: bool) -> None:
        data = self.hub.files.get(name)
        commit = {"X-Repo-Commit": REVISION}
        if data is None:
            self.answer(404, b"", {**commit, "X-Error-Code": "EntryNotFound"})
        elif len(data) < self.hub.large:
            headers = {**commit, "ETag": f'"{git_id(data)}"', "Content-Length": str(len(data))}
            sent = self.damaged(data) if self.hub.corrupt else data
            self.answer(200, sent if body else b"", headers)
        else:
            self.answer(
                302,
                b"",
                {
                    **commit,
                    "Location": f"{self.hub.store_url}/blobs/{name}",
                    "X-Linked-Size": str(len(data)),
                    "X-Linked-ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                },
            )

    def blob(self, data: bytes, *, body: bool) -> None:
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.hub.ranges else 0
        rest = data[start:]
        if self.hub.corrupt:
            rest = self.damaged(rest)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if not body:
            return
        self.hub.starts.append(start)
        cut = self.hub.cut_after
        if cut is not None and cut < len(rest) and self.hub.cuts_left > 0:
            self.hub.cuts_left -= 1
            rest = rest[:cut]
            self.close_connection = True
        self.wfile.write(rest)
        self.hub.sent += len(rest)

    @staticmethod
    def damaged(data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1])

    def listing(self) -> bytes:
        siblings: list[dict[str, object]] = []
        for name, data in self.hub.files.items():
            item: dict[str, object] = {
                "rfilename": name,
                "size": len(data),
                "blobId": git_id(data),
            }
            if len(data) >= self.hub.large:
                digest = hashlib.sha256(data).hexdigest()
                item["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 130}
            siblings.append(item)
        return json.dumps({"id": REPO, "sha": REVISION, "siblings": siblings}).encode()

    def answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)


class HubServer:
    """Serves a `Hub` in a thread, from `with` to its end."""

    def __init__(self) -> None:
        self.hub = Hub()
        handler = type("Handler", (_Handler,), {"hub": self.hub})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        port = self._server.server_address[1]
        self.hub.url = f"http://127.0.0.1:{port}"
        self.hub.store_url = f"http://localhost:{port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Hub:
        self._thread.start()
        return self.hub

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
