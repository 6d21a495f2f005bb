"""Every setting of the extension and of the gateway, from their traitlets, into docs/reference.md.

Run it as `python scripts/write_reference.py`.
"""

from __future__ import annotations

from pathlib import Path

from traitlets import HasTraits

from jupyter_fastgen.app import FastgenApp
from jupyter_fastgen.hub.app import GatewayApp

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"

BEGIN = """\
# Settings of servers and gateways

Written by `python scripts/write_reference.py` from the programs themselves, which print the same
with `--help-all`. Each is set in a file of Python in a configuration directory of Jupyter
(`jupyter --paths`), or on the command line as `--Class.name=value`. What they are for stands in
[configuration.md](configuration.md) and [hub.md](hub.md).
"""

PARTS: dict[type[HasTraits], str] = {
    FastgenApp: """
## The extension

In `jupyter_server_config.py`, or `jupyter_fastgen_config.py` beside it; on a JupyterHub, in
`c.Spawner.args` as well.
""",
    GatewayApp: """
## The gateway

In `jupyter_fastgen_gateway_config.py`; `jupyter fastgen gateway` takes them as arguments, too.
""",
}


def page() -> str:
    """The whole page, in Markdown."""
    parts = [BEGIN]
    for app, begin in PARTS.items():
        traits = app.class_traits(config=True)
        own = [name for name in app.__dict__ if name in traits]
        rows = [
            f"| `c.{app.__name__}.…` | kind | default | what it does |",
            "| --- | --- | --- | --- |",
            *(_row(app, name) for name in own),
        ]
        parts.append("\n".join([begin, *rows, ""]))
    return "".join(parts)


def _row(app: type[HasTraits], name: str) -> str:
    trait = app.class_traits()[name]
    kind = trait.info().removeprefix("a ").removeprefix("an ")
    said = str(trait.help).replace("|", "\\|")
    return f"| `{name}` | {kind} | `{trait.default_value_repr()}` | {said} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
