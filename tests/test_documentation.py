from __future__ import annotations

import json
import runpy
from pathlib import Path

from jupyter_fastgen.host.settings import EDIT_TOKENS, Settings
from jupyter_fastgen.magic.options import COMMANDS, KEPT, OPTIONS, Asked
from jupyter_fastgen.models.catalog import load_catalog
from jupyter_fastgen.models.choice import gpu_memory
from jupyter_fastgen.models.errors import human_size

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "schema" / "plugin.json").read_text(encoding="utf-8"))

NOT_OURS = {"Alt+]", "Ctrl+Z", "typing"}
"""What the README says of keys that JupyterLab has bound."""


def rows(page: str = PAGE) -> dict[str, str]:
    """The second column of every table row, by the first."""
    cells = [line.split("|") for line in page.splitlines() if line.startswith("|")]
    return {row[1].strip(" `"): row[2].strip(" `") for row in cells}


def table(page: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = (line.strip("| ") for line in page.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def keys(on_mac: bool) -> list[str]:
    """The keys of all shortcuts, as JupyterLab binds them."""
    return [
        key.replace("Accel", "Cmd" if on_mac else "Ctrl")
        for shortcut in SCHEMA["jupyter.lab.shortcuts"]
        for key in (shortcut.get("macKeys", shortcut["keys"]) if on_mac else shortcut["keys"])
    ]


def test_the_reference_is_what_the_programs_say():
    told: str = runpy.run_path(str(ROOT / "scripts" / "write_reference.py"))["page"]()
    assert told == (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in ("`model`", "`kv_cache`", "`policy_file`"):
        assert f"\n| {name} |" in told


def test_every_setting_is_documented():
    assert len(SCHEMA["properties"]) >= 5
    for setting in SCHEMA["properties"].values():
        assert setting["title"] in rows()


def test_what_a_model_takes_of_a_gpu_is_what_the_choice_counts():
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    told = {name: row[-1] for name, *row in table(page) if name.startswith("`qwen")}
    tokens = Settings().slots * EDIT_TOKENS
    needs = {f"`{entry.name}`": gpu_memory(entry, tokens) for entry in load_catalog()}
    assert told == {name: human_size(need) for name, need in needs.items() if need}


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


def test_the_readme_names_exactly_the_keys_there_are():
    signs = {"ArrowRight": "→", "ArrowDown": "↓"}
    own = {"+".join(signs.get(part, part) for part in key.split()) for key in keys(on_mac=False)}
    tables = [block for block in README.split("\n\n") if block.startswith("| key")]
    told = {key for table in tables for row in [*rows(table)][2:] for key in row.split(", ")}
    assert told - NOT_OURS == own


def test_on_a_mac_letters_take_control_and_command_as_the_readme_says():
    for shortcut in SCHEMA["jupyter.lab.shortcuts"]:
        if shortcut["selector"] == ".jp-fastgen-mod-reviewing" and shortcut["keys"][0][-2] == " ":
            (key,) = shortcut["keys"]
            assert shortcut["macKeys"] == [key.replace("Alt", "Ctrl Cmd")]


def test_no_key_is_one_of_voiceover():
    # It takes all that are pressed with Control and Option:
    # https://support.apple.com/guide/voiceover/welcome/mac
    assert not [key for key in keys(on_mac=True) if {"Ctrl", "Alt"} <= set(key.split())]
