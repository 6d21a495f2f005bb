"""A JupyterHub for the browser's tests: prints its address, and a token of alice's.

It ends with its standard input.

Its users are alice, who may use the gateway, bob, who may not, and carol, who sits in an exam; any
password is right.
"""

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from jupyter_fastgen.models.catalog import load_catalog  # noqa: E402
from jupyter_fastgen.models.store import ModelStore  # noqa: E402
from tests.hub.hubs import made  # noqa: E402

ARGUMENTS = (
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)

model = ModelStore(None).path(load_catalog(None).get("qwen2.5-coder-0.5b"))
assert model is not None, "run `make setup`"
with tempfile.TemporaryDirectory(prefix="fastgen-hub-") as name:
    folder = Path(name)
    with made("6", model, folder, managed=False, arguments=ARGUMENTS) as hub:
        for user in ("alice", "bob", "carol"):
            home = folder / "home" / user
            home.mkdir(parents=True)
            shutil.copy(ROOT / "ui-tests" / "notebooks" / "short.ipynb", home)
        print(hub.url, hub.token("alice")[0], flush=True)
        sys.stdin.read()
