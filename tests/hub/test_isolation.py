"""What one user's prompts leave in a real engine's cache, and what others see of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_fastgen.engine.base import Done, ModelSpec
from jupyter_fastgen.engine.remote import RemoteEngine
from jupyter_fastgen.engine.worker import Worker
from jupyter_fastgen.hub.limits import Limits

from ..engine.collecting import collect
from .running import Running, ask, running

SECRET = "def launch(code):\n    return code == 'swordfish-9274'\n\n" * 6


@dataclass
class Users:
    """Each with the one connection that their server has."""

    at: Running
    connected: dict[str, RemoteEngine] = field(default_factory=dict[str, RemoteEngine])

    async def ask(self, user: str, prompt: str, document: str = "d") -> Done:
        if user not in self.connected:
            self.connected[user] = await self.at.remote(f"{user}-token")
        request = ask(prompt=prompt, document=document, max_tokens=2, priority="explicit")
        return (await collect(self.connected[user].stream(request)))[1]


@asynccontextmanager
async def real(small_model: Path, slots: int) -> AsyncGenerator[Users]:
    """A gateway before llama.cpp."""
    worker = Worker("llamacpp", ModelSpec("small", str(small_model), context=1024, slots=slots))
    try:
        await worker.ready()
        async with running(worker, slots=slots, limits=Limits(rate=1e6, burst=1000)) as at:
            yield Users(at)
    finally:
        await worker.retire()


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize(
    "probe",
    [SECRET, SECRET[: len(SECRET) // 2], SECRET[:100] + "x = 1"],
    ids=["all", "half", "end"],
)
async def test_a_warm_cache_is_not_seen_by_others(small_model: Path, slots: int, probe: str):
    async with real(small_model, slots) as users:
        cold = await users.ask("alice", SECRET)
        assert cold.cached_tokens == 0
        assert cold.prompt_tokens > 100
        assert (await users.ask("alice", SECRET)).cached_tokens > 100
        told = await users.ask("bob", probe)
        assert told.cached_tokens == 0
        assert told.prefilled_tokens == told.prompt_tokens


async def test_a_flood_of_documents_leaves_others_their_share(small_model: Path):
    async with real(small_model, 4) as users:
        texts = [f"# {n}\n{SECRET}" for n in range(4)]
        for number, text in enumerate(texts):
            await users.ask("alice", text, str(number))
        for number in range(12):
            await users.ask("bob", f"b = {number}", f"b{number}")
        warm = [(await users.ask("alice", texts[n], str(n))).cached_tokens for n in (2, 3)]
        assert all(count > 100 for count in warm)
