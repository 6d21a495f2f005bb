"""How many tokens llama.cpp decodes for a request that was cancelled, by its own counters.

Run as a program with the path of a GGUF file: prints the overruns as JSON. It is a process of
its own because llama.cpp's threads may outlive the interpreter.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import secrets
import sys
from typing import Any

import httpx

from ...engine import machine
from ...engine.base import Done, ModelSpec, Progress, Request
from ...engine.llamacpp import LlamaCpp, LlamaServer
from .browser import BenchError

ROUNDS = 8

_PROMPT = "def count(values):\n    return len(values)\n\n" * 8 + "def "


class _LlamaCppElsewhere(LlamaCpp):
    """Asks as the embedded engine does, of a server that also counts."""

    async def load(self, spec: ModelSpec, progress: Progress) -> None:
        await LlamaServer.load(self, spec, progress)


async def measure(path: str) -> list[int]:
    """Cancel several requests in the middle: tokens decoded after the last one that was seen."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    key = secrets.token_urlsafe(16)
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel = 1024, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = machine.fitting_threads()
    params.endpoint_metrics = params.endpoint_slots = True
    params.port, params.api_keys, params.ui, params.verbosity = 0, [key], False, 1
    server: Any = await asyncio.to_thread(xllamacpp.Server, params)
    url: str = server.listening_address
    engine = _LlamaCppElsewhere()
    await engine.load(ModelSpec("model", url, api_key=key), lambda progress: None)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        await _overrun(engine, client, 1)  # reads the prompt
        overruns = [await _overrun(engine, client, n) for n in range(1, ROUNDS + 1)]
    await engine.close()
    return overruns


async def _overrun(engine: LlamaCpp, client: httpx.AsyncClient, tokens: int) -> int:
    before = await _decodes(client)
    seen = 0
    request = Request(tokens, _PROMPT, max_tokens=128, document="d")
    async for event in engine.stream(request):
        if isinstance(event, Done):
            break
        seen += 1
        if seen == tokens:
            engine.cancel(request.id)
    while True:
        slot: Any = (await client.get("/slots")).json()[0]
        if not slot["is_processing"]:
            # The prompt was cached but for its last token: each call gave one token.
            return await _decodes(client) - before - seen
        await asyncio.sleep(0.02)


async def _decodes(client: httpx.AsyncClient) -> int:
    """Calls of llama_decode so far."""
    text = (await client.get("/metrics")).text
    found = re.search(r"^llamacpp:n_decode_total (\d+)", text, re.MULTILINE)
    if found is None:
        raise BenchError("llama.cpp does not count its calls of llama_decode")
    return int(found.group(1))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1]))), flush=True)
    os._exit(0)
