"""No door of ours opens to strangers where the server asks that of all doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_fastgen.handlers import ROUTES

# What jupyter_server says of a handler without a word on who may use it fails its extension.
pytestmark = pytest.mark.filterwarnings("error::jupyter_server.utils.JupyterServerAuthWarning")


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return jp_server_config | {
        "ServerApp": {
            **jp_server_config.get("ServerApp", {}),
            "allow_unauthenticated_access": False,
        },
        "FastgenApp": {"models_dir": str(tmp_path / "no models")},
    }


async def test_every_door_says_who_may_use_it(
    jp_serverapp: Any, jp_fetch: Callable[..., Awaitable[Any]]
):
    assert not jp_serverapp.allow_unauthenticated_access
    assert (await jp_fetch("jupyter-fastgen", "status")).code == 200  # the extension is there
    for path, _ in ROUTES:
        for options in ({}, {"method": "POST", "body": "{}"}):
            with pytest.raises(HTTPClientError) as refused:
                await jp_fetch(path.strip("/"), headers={"Authorization": ""}, **options)
            assert refused.value.code in (403, 405)
