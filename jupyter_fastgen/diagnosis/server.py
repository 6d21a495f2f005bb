"""A server that others run: whether it answers, and what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ..errors import FastgenError
from .finding import Finding

if TYPE_CHECKING:
    from ..engine.base import Abilities, ModelSpec, Stats


def server_of_others(name: Literal["engine", "remote"], url: str, api_key: str) -> Finding:
    """What a server that others run says of itself, and what it was found to do."""
    import asyncio

    from ..engine.address import place
    from ..engine.base import EngineError, ModelSpec

    facts: dict[str, object] = {"name": "server"}
    try:
        facts["at"] = place(url)
        stats = asyncio.run(_asked(ModelSpec("", url, api_key=api_key)))
    except FastgenError as error:
        mend = f"correct c.FastgenApp.{'model' if name == 'engine' else 'remote'}"
        said = str(error)
        if isinstance(error, EngineError):
            said, mend = error.reason, error.remedy or mend
        # Without the remote one there is ghost text.
        return Finding(name, "failed" if name == "engine" else "warning", said, mend, facts)
    can = stats.abilities
    assert can is not None
    facts |= {"model": stats.model, "context": stats.context, "sees": stats.sees != ""}
    facts["abilities"] = msgspec.to_builtins(can)
    model = f"{stats.model} on " if stats.model else ""
    text = f"{model}{can.server} at {place(url)}, as configured; {in_words(can)}"
    text += ", sees pictures" if stats.sees else ""
    return Finding(name, "ok", text, "", facts)


async def _asked(spec: ModelSpec) -> Stats:
    from ..engine.served import adapter

    engine = await adapter(spec)
    try:
        await engine.load(spec, lambda _: None)
        return await engine.stats()
    finally:
        await engine.close()


def in_words(can: Abilities) -> str:
    """What a server can do, and what it lacks."""
    stops = {
        True: "stops when nobody listens",
        False: "writes on when nobody listens",
        None: "not known whether it stops when nobody listens",
    }
    said = [
        "fill-in-the-middle" if can.fim != "prefix-only" else "no fill-in-the-middle",
        f"tells {can.choices} likeliest tokens" if can.choices else "tells no likely tokens",
        "counts cached tokens" if can.counts else "does not count cached tokens",
        "grammars" if can.grammar else "no grammars",
        stops[can.aborts],
    ]
    said += ["cache salt"] * can.salts + ["priorities"] * can.prioritizes
    return ", ".join(said)
