"""`jupyter fastgen gateway --check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.cli import main
from jupyter_fastgen.engine.base import Abilities
from jupyter_fastgen.hub.check import lacks, named
from jupyter_fastgen.hub.models import Offer
from jupyter_fastgen.policy import Policy, Rules

from ..conftest import RunningServer
from .processes import add_users, free_port

ALL = Abilities(fim="qwen", aborts=True, salts=True, prioritizes=True)


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    add_users(tmp_path / "tokens", ["alice"])
    return f"--GatewayApp.token_file={tmp_path / 'tokens'}"


def test_a_model_of_others_is_tried_and_what_it_lacks_is_told(
    tokens: str, llama_server: RunningServer, capsys: pytest.CaptureFixture[str]
):
    assert main(["gateway", "--check", tokens, f"--GatewayApp.model={llama_server.url}/v1"]) == 0
    said = capsys.readouterr().out
    assert "ok       users: tokens can be checked" in said
    assert "answers 4 at once" in said
    assert "stops when nobody listens" in said
    assert "users share its cache" in said
    assert "does not know what is urgent" in said
    assert said.endswith("The gateway can work.\n")


def test_a_server_that_is_not_there_is_told(tokens: str, capsys: pytest.CaptureFixture[str]):
    url = f"http://127.0.0.1:{free_port()}/v1"
    assert main(["gateway", "--check", tokens, f"--GatewayApp.model={url}"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_proxy_that_is_no_address_is_told(tokens: str, capsys: pytest.CaptureFixture[str]):
    proxies = "--GatewayApp.trusted_proxies=the-proxy"
    assert main(["gateway", "--check", tokens, proxies, "--GatewayApp.model=m"]) == 1
    assert "c.GatewayApp.trusted_proxies can't be used: 'the-proxy'" in capsys.readouterr().err


def test_a_hub_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "fastgen")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{free_port()}/hub/api")
    assert main(["gateway", "--check", f"--GatewayApp.model=http://127.0.0.1:{free_port()}"]) == 1
    assert "the hub can't be asked" in capsys.readouterr().out


def test_a_policy_that_names_no_model_of_this_gateway_is_told():
    policy = Policy(everyone=Rules(models=("small",)), groups={"staff": Rules(models=("bg",))})
    (found,) = named(policy, ["small", "big"])
    assert found.verdict == "warning"
    assert "staff may use bg" in found.text
    assert "small, big" in found.mend


@pytest.mark.parametrize(
    ("can", "said"),
    [
        (ALL, []),
        (Abilities(aborts=True, salts=True, prioritizes=True), ["follows the cursor"]),
        (
            Abilities(fim="qwen", aborts=False),
            ["share its cache", "writes on when nobody waits", "what is urgent"],
        ),
    ],
)
def test_what_is_missing_for_many_users_is_told(can: Abilities, said: list[str]):
    found = list(lacks(Offer("m", roles=("completion",)), can))
    assert len(found) == len(said)
    for (text, mend), part in zip(found, said, strict=True):
        assert part in text
        assert mend
    assert not list(lacks(Offer("m", roles=("edit",)), ALL))
