from typing import Any

import pytest

pytest_plugins = ("pytest_jupyter.jupyter_server",)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """A server that runs the extension and lets nobody in without a token."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_fastgen": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        }
    }
