"""Which doors the secret of kernels opens."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.link import CERTIFICATE, SECRET, URL

from .conftest import Fetch


async def test_kernels_find_the_server_and_a_secret_in_their_environment(
    app: FastgenApp, jp_serverapp: Any
):
    assert os.environ[URL] == f"http://127.0.0.1:{jp_serverapp.port}/user/ann/"
    assert os.environ[SECRET] == app.secret
    assert len(app.secret) > 40
    assert CERTIFICATE not in os.environ
    await app.stop_extension()
    assert URL not in os.environ
    assert SECRET not in os.environ


async def test_every_server_has_a_secret_of_its_own(app: FastgenApp):
    first = app.secret
    app.initialize_settings()
    assert app.secret != first


@pytest.mark.parametrize("door", ["status", "models"])
async def test_the_secret_opens_what_kernels_look_at(app: FastgenApp, jp_fetch: Fetch, door: str):
    headers = {"Authorization": f"fastgen {app.secret}"}
    assert (await jp_fetch("jupyter-fastgen", door, headers=headers)).code == 200


@pytest.mark.parametrize(
    "path",
    ["api/kernels", "api/contents", "api/sessions", "api/status", "api/me", "jupyter-fastgen/ws",
     "jupyter-fastgen/action", "files/x", "lab"],
)  # fmt: skip
async def test_the_secret_opens_nothing_else(app: FastgenApp, jp_fetch: Fetch, path: str):
    for method in ("GET", "POST"):
        told = await jp_fetch(
            *path.split("/"),
            method=method,
            body="{}" if method == "POST" else None,
            headers={"Authorization": f"fastgen {app.secret}"},
            follow_redirects=False,
            raise_error=False,
        )
        assert told.code in (302, 403, 404, 405)
        if told.code == 302:
            assert "login" in told.headers["Location"]
    for scheme in ("token", "bearer"):
        headers = {"Authorization": f"{scheme} {app.secret}"}
        assert (await jp_fetch("api/kernels", headers=headers, raise_error=False)).code == 403


@pytest.mark.parametrize("secret", ["fastgen wrong", "fastgen", "fastgen ", "fastgen \xe9"])
@pytest.mark.parametrize("door", ["generate", "edit"])
async def test_a_wrong_secret_opens_nothing_and_says_the_way_out(post: Fetch, door, secret):
    told = await post(door, {}, headers={"Authorization": secret})
    assert told.code == 403
    assert "restart the kernel" in json.loads(told.body)["message"]


async def test_a_page_needs_more_than_a_cookie(post: Fetch, jp_serverapp: Any):
    told = await post("generate", {"prompt": "x"}, headers={"Authorization": ""})
    assert told.code == 403


async def test_the_secret_is_in_no_log(app: FastgenApp, post: Fetch, caplog: Any):
    caplog.set_level(logging.DEBUG)
    await post("generate", "{")
    await post("generate", {"prompt": "zanzibar", "model": "none"})
    assert "jupyter-fastgen/generate" in caplog.text
    assert app.secret not in caplog.text
    assert "zanzibar" not in caplog.text
