from __future__ import annotations

import json
from pathlib import Path

from jupyter_fastgen.app import FastgenApp

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """The second column of every table row, by the first."""
    cells = [line.split("|") for line in PAGE.splitlines() if line.startswith("|")]
    return {row[1].strip(" `"): row[2].strip(" `") for row in cells}


def test_every_trait_is_documented_with_its_default():
    own = {
        name: trait
        for name, trait in FastgenApp.class_traits(config=True).items()
        if name in FastgenApp.__dict__
    }
    assert len(own) >= 12
    for name, trait in own.items():
        default = trait.default()
        told = f"{default:g}" if isinstance(default, float) else str(default)
        assert rows()[name].strip('"') == told


def test_every_setting_is_documented():
    schema = json.loads((ROOT / "schema" / "plugin.json").read_text(encoding="utf-8"))
    assert len(schema["properties"]) >= 5
    for setting in schema["properties"].values():
        assert setting["title"] in rows()
