"""The example notebook, from top to bottom without a server and without a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastgen-magic.ipynb"


def test_the_example_runs_with_an_engine_of_its_own(small_model: Path, tmp_path: Path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_fastgen_config.py").write_text(
        f"c.FastgenApp.model = {str(small_model)!r}", encoding="utf-8"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FASTGEN_URL", "FASTGEN_SECRET", "JPY_"))
    } | {"JUPYTER_CONFIG_DIR": str(config), "IPYTHONDIR": str(tmp_path / "ipython")}
    command = ["nbconvert", "--to", "notebook", "--execute", "--output-dir"]
    subprocess.run(
        [sys.executable, "-m", "jupyter", *command, str(tmp_path), str(EXAMPLE)],
        env=environment,
        check=True,
        capture_output=True,
        timeout=300,
    )
    cells = json.loads((tmp_path / EXAMPLE.name).read_bytes())["cells"]
    printed = {
        "".join(cell["source"]): "".join("".join(out.get("text", "")) for out in cell["outputs"])
        for cell in cells
        if cell["cell_type"] == "code"
    }
    assert "an engine process of its own" in printed["%fastgen status"]
    asked = [source for source in printed if source.startswith("%%fastgen --wait")]
    assert len(asked) == 2
    for source in asked:
        assert printed[source].strip()
