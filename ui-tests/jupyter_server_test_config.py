"""Server for the browser tests: settings, workspaces and notebooks are fresh for each run.

Never use this configuration for work: its token is public.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from traitlets.config import Config, get_config

from jupyter_fastgen.models.store import default_directory

here = Path.cwd()
scratch = Path(tempfile.mkdtemp(prefix="fastgen-ui-tests-"))
atexit.register(shutil.rmtree, scratch, ignore_errors=True)

# What is learned of the tests is not learned of who runs them.
os.environ["FASTGEN_MODELS_DIR"] = str(default_directory())
os.environ["JUPYTER_RUNTIME_DIR"] = jupyter_runtime_dir()
os.environ["JUPYTER_DATA_DIR"] = str(scratch / "data")

# Tests edit notebooks: they get copies.
shutil.copytree(here / "notebooks", scratch / "root")

# A question about news would lie on top of the page.
notification = scratch / "settings" / "@jupyterlab" / "apputils-extension"
notification.mkdir(parents=True)
(notification / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')

c: Config = get_config()

c.FastgenApp.policy_file = os.environ.get("FASTGEN_UI_POLICY", "")

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = int(os.environ.get("FASTGEN_UI_PORT", "8899"))
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = str(scratch / "root")
c.ServerApp.terminals_enabled = False
c.IdentityProvider.token = "fastgen-ui-tests"

c.LabApp.user_settings_dir = str(scratch / "settings")
c.LabApp.workspaces_dir = str(scratch / "workspaces")
c.JupyterNotebookApp.user_settings_dir = str(scratch / "settings")
c.JupyterNotebookApp.workspaces_dir = str(scratch / "workspaces")
c.LabApp.expose_app_in_browser = True
c.JupyterNotebookApp.expose_app_in_browser = True

# Nothing that calls out or covers the page.
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
