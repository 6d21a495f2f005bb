"""What the pages for The Littlest JupyterHub and Kubernetes tell to write fits together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from traitlets.config.loader import Config, PyFileConfigLoader

from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.engine.address import is_gateway
from jupyter_fastgen.hub.app import GatewayApp

DOCS = Path(__file__).parents[2] / "docs"

SCOPE = "access:services!service=fastgen"

NEEDED = {
    "JUPYTERHUB_SERVICE_NAME": "fastgen",
    "JUPYTERHUB_SERVICE_PREFIX": "/services/fastgen/",
}
"""Of what a hub tells a service that it manages, where the name goes in."""


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def python(text: str, folder: Path, begin: str = "") -> Any:
    (folder / "config.py").write_text(begin + text, encoding="utf-8")
    return PyFileConfigLoader("config.py", path=str(folder)).load_config()


def names(config: Config) -> None:
    """Each setting is one that there is."""
    for app in (FastgenApp, GatewayApp):
        assert set(config.get(app.__name__, {})) <= set(app.class_trait_names(config=True))


def test_the_littlest_hub_and_its_gateway_know_each_other(tmp_path: Path):
    hub, server = blocks("hub-littlest", "python")
    (unit,) = blocks("hub-littlest", "ini")
    (tmp_path / "environment").write_text("JUPYTERHUB_API_TOKEN=abc\n")
    begin = "c.JupyterHub.services = []\n"  # as the distribution does before it
    told = python(hub.replace("/etc/fastgen", str(tmp_path)), tmp_path, begin)
    service = told.JupyterHub.services[0]
    assert service["api_token"] == "abc"
    roles = told.JupyterHub.load_roles.get_value([])
    assert [role["scopes"] for role in roles] == [[SCOPE]]
    assert roles[0]["groups"] == list(told.JupyterHub.load_groups)
    assert SCOPE in told.Spawner.server_token_scopes

    lines = [line for line in unit.splitlines() if line.startswith("Environment=")]
    variables = dict(part.split("=", 1) for line in lines for part in line[12:].split())
    assert variables.items() >= NEEDED.items()
    assert variables["JUPYTERHUB_SERVICE_URL"] == service["url"]
    assert "EnvironmentFile=/etc/fastgen/environment" in unit
    for option in re.findall(r"--GatewayApp\.(\w+)=", unit):
        assert option in GatewayApp.class_trait_names(config=True)

    config = python(server, tmp_path)
    names(config)
    assert is_gateway(config.FastgenApp.model)
    assert config.FastgenApp.model == f"fastgen+{service['url']}/services/fastgen"


def test_what_kubernetes_is_told_fits_together(tmp_path: Path):
    chart, gateway = blocks("hub-kubernetes", "yaml")
    values: Any = yaml.safe_load(chart)
    objects: dict[str, Any] = {one["kind"]: one for one in yaml.safe_load_all(gateway)}
    pod = objects["Deployment"]["spec"]["template"]
    labels: dict[str, str] = pod["metadata"]["labels"]
    port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]

    # Who asks finds it.
    service = values["hub"]["services"]["fastgen"]
    assert service["url"] == f"http://{objects['Service']['metadata']['name']}:{port}"
    model = values["singleuser"]["extraFiles"]["fastgen"]["data"]["FastgenApp"]["model"]
    assert model == f"fastgen+{service['url']}/services/fastgen"
    (egress,) = values["singleuser"]["networkPolicy"]["egress"]
    assert egress["ports"] == objects["Service"]["spec"]["ports"] == [{"port": port}]
    for selector in (
        egress["to"][0]["podSelector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    file = Path(values["singleuser"]["extraFiles"]["fastgen"]["mountPath"])
    assert file.stem == FastgenApp().config_file_name

    # Who may ask does.
    assert values["hub"]["loadRoles"]["ai-user"]["scopes"] == [SCOPE]
    assert SCOPE in values["hub"]["config"]["Spawner"]["server_token_scopes"]
    for container in (pod["spec"]["containers"][0], pod["spec"]["initContainers"][0]):
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert variables.items() >= NEEDED.items()
        assert variables["JUPYTERHUB_SERVICE_URL"].endswith(f":{port}")

    (name,) = objects["ConfigMap"]["data"]
    assert name == f"{GatewayApp().config_file_name}.py"
    names(python(objects["ConfigMap"]["data"][name], tmp_path))


@pytest.mark.parametrize("page", ["hub-littlest", "hub-kubernetes"])
def test_what_is_linked_is_there(page: str):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for target, _, place in re.findall(r"\]\(([\w-]+\.md)(#([\w-]+))?\)", text):
        headings = re.findall(r"^#+ (.*)$", (DOCS / target).read_text(encoding="utf-8"), re.M)
        assert not place or place in {head.lower().replace(" ", "-") for head in headings}
