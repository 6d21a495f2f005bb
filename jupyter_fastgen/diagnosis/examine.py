"""All that is looked at, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import FastgenError
from .finding import Finding
from .installation import front_end, languages, server_half, versions
from .model import own_model
from .server import server_of_others

if TYPE_CHECKING:
    from ..app import FastgenApp


def examine() -> Iterator[Finding]:
    """Look at everything without starting the engine; cheap things first."""
    yield versions()
    yield from front_end()
    yield server_half()
    yield languages()
    try:
        from ..configured import load_app

        app = load_app()
    except FastgenError as error:
        yield Finding("configuration", "failed", str(error), "correct the file named", {})
        return
    if app.policy_file:
        yield _policy(app)
    yield from _model_and_engine(app)


def _policy(app: FastgenApp) -> Finding:
    """What this server's own file turns off, and whether ghost text is left."""
    said = app.allowed.rules().features
    off: dict[str, object] = {name: told.why for name, told in said.items() if not told.on}
    reasons = [f"off: {', '.join(n for n in off if off[n] == why)}: {why}" for why in off.values()]
    text = "; ".join(dict.fromkeys(reasons)) or "nothing is off"
    told = app.host.allowed()
    if told.on and "suggestions" not in off:
        return Finding("policy", "ok", text, "", off)
    text = text if "suggestions" in off else told.why
    return Finding("policy", "failed", text, "correct it, or ask who wrote it", off)


def _model_and_engine(app: FastgenApp) -> Iterator[Finding]:
    from ..engine.address import is_url

    if is_url(app.model):
        yield server_of_others("engine", app.model, app.api_key)
    else:
        yield from own_model(app)
    if app.remote:
        yield server_of_others("remote", app.remote, app.remote_api_key)
