from __future__ import annotations

import json
from pathlib import Path

from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.magic.options import COMMANDS, KEPT, OPTIONS, Asked

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def rows(page: str = PAGE) -> dict[str, str]:
    """The second column of every table row, by the first."""
    cells = [line.split("|") for line in page.splitlines() if line.startswith("|")]
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


def test_every_option_and_command_of_the_magic_is_documented():
    page = (ROOT / "docs" / "magic.md").read_text(encoding="utf-8")
    told = {row.removeprefix("%%fastgen ") for row in rows(page)}
    for name, option in OPTIONS.items():
        assert name == "--write" or f"{name} {option.takes}".strip() in told
    assert rows(page)["--max-tokens N"] == str(Asked().max_tokens)
    for name in (*COMMANDS, "--write"):
        assert name in page
    for key in KEPT:
        assert f"`{key}`" in page
