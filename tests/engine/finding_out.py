"""The engine for OpenAI's API, once it has found out what a server in miniature can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from jupyter_fastgen.engine.base import Abilities, ModelSpec
from jupyter_fastgen.engine.openai import OpenAIServer

from .contract import Answer, answer, request
from .faulty import Faulty, faulty


@asynccontextmanager
async def loaded(
    given: str = "", model: str = "", patience: float = 5.0, **settings: Any
) -> AsyncGenerator[tuple[Faulty, OpenAIServer], None]:
    """A faulty server, and an engine that has found out what it can."""
    async with faulty() as server:
        for name, value in settings.items():
            setattr(server, name, value)
        engine = OpenAIServer(patience)
        spec = ModelSpec("far", f"{server.url}/v1{model}", api_key=given)
        await engine.load(spec, lambda _: None)
        server.asked.clear()
        try:
            yield server, engine
        finally:
            await engine.close()


async def abilities(engine: OpenAIServer) -> Abilities:
    can = (await engine.stats()).abilities
    assert can is not None
    return can


async def said(engine: OpenAIServer, **options: Any) -> Answer:
    return await asyncio.wait_for(answer(engine, request("Say", **options)), 10)
