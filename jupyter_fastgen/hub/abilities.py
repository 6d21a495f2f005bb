"""What users' servers are told that a gateway's model can."""

from __future__ import annotations

import msgspec

from ..engine.answer import CHOICES
from ..engine.base import Abilities
from ..host.host import ModelHost
from .seeing import SERVER

OWN = Abilities(
    choices=CHOICES, counts=True, aborts=True, grammar="grammar", salts=True, prioritizes=True
)
"""What an engine of ours can do, whose templates the catalog knows."""


async def abilities_of(host: ModelHost) -> Abilities:
    """What a model can, once it is loaded; raises `EngineError`."""
    engine = host.engine()
    await engine.ready()
    own = engine.loaded.abilities or OWN
    return msgspec.structs.replace(own, server=SERVER, fim=host.fim, chat=host.chat)
