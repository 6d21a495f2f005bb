"""Which engine a kernel uses, without one."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.link import CERTIFICATE, SECRET, URL, LinkError, find
from jupyter_fastgen.link.local import LocalLink

ASKED = protocol.Generate("x")

Serve = Callable[[Callable[[http.server.BaseHTTPRequestHandler], None]], str]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No server, and no configuration; gives the folder where servers say that they run."""
    for name in (URL, SECRET, CERTIFICATE, "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Runs a server that answers every request as it is told, and gives its URL."""
    running: list[http.server.ThreadingHTTPServer] = []

    def serve(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                answer(self)

            def log_message(self, format: str, *args: Any) -> None: ...

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


def says(code: int, body: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def line(frame: protocol.FromServer) -> bytes:
    return protocol.encode(frame).encode() + b"\n"


# --- which ---


def test_an_explicit_url_goes_before_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(URL, "http://127.0.0.1:1/")
    monkeypatch.setenv(SECRET, "s")
    assert "http://other:8888/hub/, as given" in find("http://other:8888/hub", "t").where
    assert "http://127.0.0.1:1/" in find().where


def test_without_a_server_there_is_an_own_engine_and_nothing_is_started():
    before = threading.active_count()
    link = find()
    assert isinstance(link, LocalLink)
    assert "own" in link.where
    assert threading.active_count() == before
    link.close()


def test_the_server_that_started_the_kernel_is_found_by_what_it_says_of_itself(
    serve: Serve, alone: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[str | None] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        says(200, line(protocol.Status("ready")))(handler)

    url = serve(answer)
    pid = os.getppid()
    (alone / f"jpserver-{pid}.json").write_text(json.dumps({"url": url, "token": "t", "pid": pid}))
    assert isinstance(find(), LocalLink)  # it did not start this process
    monkeypatch.setenv("JPY_PARENT_PID", str(pid))
    assert "started this kernel" in find().where
    assert seen == ["token t"]


def test_a_server_without_this_extension_is_not_used(
    serve: Serve, alone: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    (alone / "jpserver-7.json").write_text(json.dumps({"url": serve(says(404, b"")), "token": ""}))
    assert isinstance(find(), LocalLink)


@pytest.mark.parametrize("url", ["localhost:8888", "http://", "ftp://host/", "x", "http://h:port/"])
def test_what_is_no_url_is_said(url: str):
    with pytest.raises(LinkError, match="no URL of a Jupyter server"):
        find(url)


def test_a_token_needs_a_url():
    with pytest.raises(LinkError, match="URL"):
        find(token="t")


def test_a_broken_configuration_is_said(alone: Path):
    (alone / "jupyter_server_config.py").write_text("c.FastgenApp.model = ")
    with pytest.raises(LinkError, match="configuration can't be used"):
        find()


def test_the_own_engine_is_configured_as_the_servers(alone: Path):
    text = 'c.FastgenApp.model = "smollm2-135m"\nc.FastgenApp.models_dir = "MODELS"\n'
    (alone / "jupyter_fastgen_config.py").write_text(text.replace("MODELS", str(alone / "none")))
    link = find()
    told = list(link.generate(ASKED))
    assert isinstance(told[-1], protocol.Done)
    assert "smollm2-135m is not ready on this machine" in told[-1].why
    assert "jupyter fastgen models pull" in told[-1].why
    assert link.status().model == "smollm2-135m"
    states = {model["name"]: model["state"] for model in link.models()}
    assert states["smollm2-135m"] == "missing"
    link.close()
    link.close()


# --- a server that is lost ---


def test_a_server_that_is_not_there_is_said_with_the_way_out():
    link = find("http://127.0.0.1:9/", "t")
    with pytest.raises(LinkError, match=r"127.0.0.1:9/ can't be reached.*unset FASTGEN_URL"):
        list(link.generate(ASKED))
    with pytest.raises(LinkError, match="can't be reached"):
        link.models()


def test_a_server_that_is_gone_in_mid_stream_is_an_error_behind_what_came(serve: Serve):
    url = serve(says(200, line(protocol.Chunk(1, "x = ")) + b'{"type":"chu'))
    got: list[protocol.FromServer] = []
    with pytest.raises(LinkError, match="can't be reached"):
        got.extend(find(url).generate(ASKED))
    got.clear()
    stream = iter(find(serve(says(200, line(protocol.Chunk(1, "x = "))))).generate(ASKED))
    assert next(stream) == protocol.Chunk(1, "x = ")
    with pytest.raises(LinkError, match="closed the connection"):
        next(stream)


def test_a_server_that_falls_silent_is_an_error(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_fastgen.link.remote.SILENT_SECONDS", 0.2)
    done = threading.Event()

    def answer(_: object) -> None:
        done.wait(30)

    with pytest.raises(LinkError, match="silent"):
        list(find(serve(answer)).generate(ASKED))
    done.set()


def test_a_silent_server_is_left_at_once_when_it_is_cancelled(serve: Serve):
    reached, done = threading.Event(), threading.Event()

    def answer(_: object) -> None:
        reached.set()
        done.wait(30)

    stream = find(serve(answer)).generate(ASKED)
    threading.Thread(target=lambda: reached.wait(30) and stream.cancel()).start()
    assert list(stream) == [protocol.Done(1, "cancelled")]
    done.set()


@pytest.mark.parametrize(
    ("code", "body", "match"),
    [
        (404, b"", "has no jupyter_fastgen: install it"),
        (302, b"", "token is wrong or missing"),
        (403, b'{"message": "Forbidden"}', "token is wrong or missing"),
        (413, b'{"message": "too much"}', "too much"),
        (500, b"<html>", "HTTP 500"),
    ],
)
def test_a_refusal_is_said(serve: Serve, code: int, body: bytes, match: str):
    with pytest.raises(LinkError, match=match):
        list(find(serve(says(code, body)), "t").generate(ASKED))


def test_another_kind_of_server_is_said(serve: Serve):
    link = find(serve(says(200, b"<html>")), "t")
    for ask in (link.status, link.models):
        with pytest.raises(LinkError, match="is no Jupyter server with jupyter_fastgen"):
            ask()


@pytest.mark.parametrize(
    ("prompt", "match"),
    [("x" * protocol.MAX_FRAME, "larger than 4 MB"), ("\ud800", "half a character")],
    ids=["large", "surrogate"],
)
def test_what_can_not_be_sent_is_not(prompt: str, match: str):
    with pytest.raises(LinkError, match=match) as caught:
        list(find("http://127.0.0.1:9/").generate(protocol.Generate(prompt)))
    assert "\n" not in str(caught.value)


# --- TLS ---


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a host of that name, signed by itself, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj"]
    command += [f"/CN={name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_the_certificate_of_the_server_is_trusted_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate, key = make_certificate(tmp_path, "elsewhere")
    other, _ = make_certificate(tmp_path, "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            says(200, line(protocol.Status("ready")))(self)

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(URL, f"https://127.0.0.1:{server.server_address[1]}/")
        monkeypatch.setenv(SECRET, "s")
        monkeypatch.setenv(CERTIFICATE, str(certificate))
        assert find().status().state == "ready"
        for wrong in (str(other), ""):
            monkeypatch.setenv(CERTIFICATE, wrong)
            with pytest.raises(LinkError, match="certificate that is not trusted"):
                find().status()
        server.shutdown()
    monkeypatch.setenv(CERTIFICATE, str(tmp_path / "gone.pem"))
    with pytest.raises(LinkError, match=r"gone\.pem can't be read"):
        find()
