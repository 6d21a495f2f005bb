"""What would be wrong with a gateway, looked at before people use it: `gateway --check`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing

import msgspec

from ..diagnosis.finding import Finding
from ..diagnosis.server import in_words
from ..engine.base import Abilities, Done, EngineError, Request
from ..errors import FastgenError
from ..policy import Policy
from .auth import Authenticator, AuthError, NotAllowedError
from .models import Offer
from .sources import Source

SECONDS = 120.0
"""For a model to load and answer."""

TOKEN = "JUPYTERHUB_API_TOKEN"


async def examine(
    auth: Authenticator, models: Sequence[tuple[Offer, Source]], policy: Policy
) -> AsyncIterator[Finding]:
    """Look at everything; loads the models, one after another."""
    yield await users(auth)
    for finding in named(policy, [made.id for _, made in models]):
        yield finding
    for offer, made in models:
        async for finding in model(offer, made):
            yield finding


async def users(auth: Authenticator) -> Finding:
    """Whether tokens can be checked."""
    try:
        await auth.identify(os.environ.get(TOKEN, ""))
    except NotAllowedError:
        pass  # the service's own token, which the hub knows
    except AuthError as error:
        return Finding("users", "failed", str(error), "", {})
    return Finding("users", "ok", "tokens can be checked", "", {})


def named(policy: Policy, ids: Sequence[str]) -> Iterable[Finding]:
    """The models that a policy names, and those that there are."""
    rules = {"everyone": policy.everyone, **policy.groups}
    for who, said in rules.items():
        unknown = sorted(set(said.models or ()) - set(ids))
        if unknown:
            text = f"{who} may use {', '.join(unknown)}, which this gateway does not have"
            mend = f"correct c.GatewayApp.policy_file: there are {', '.join(ids)}"
            yield Finding("policy", "warning", text, mend, {"unknown": unknown})


async def model(offer: Offer, made: Source) -> AsyncIterator[Finding]:
    """Whether a model answers, and what it can't."""
    name = f"model {made.id}"
    try:
        can = await asyncio.wait_for(made.load(), SECONDS)
        done = await asyncio.wait_for(_answer(made), SECONDS)
    except EngineError as error:
        yield Finding(name, "failed", error.reason, error.remedy, {})
        return
    except asyncio.TimeoutError:
        yield Finding(name, "failed", f"it does not answer within {SECONDS:g} s", "", {})
        return
    facts: dict[str, object] = {"abilities": msgspec.to_builtins(can), "slots": made.slots}
    text = f"answers {made.slots} at once; {in_words(can)}"
    if not done.new_tokens:
        text = f"its answers are empty; {in_words(can)}"
    yield Finding(name, "ok" if done.new_tokens else "warning", text, "", facts)
    for text, mend in lacks(offer, can):
        yield Finding(name, "warning", text, mend, {})


def lacks(offer: Offer, can: Abilities) -> Iterable[tuple[str, str]]:
    """What is missing for many users, and what mends it."""
    if not can.salts:
        yield (
            "users share its cache: one may learn from times what another has typed",
            "use a server that takes cache_salt (vLLM), or let the gateway run llama.cpp",
        )
    if can.aborts is False:
        yield (
            "it writes on when nobody waits: half of what is asked is given up at the next key",
            "update the server",
        )
    if not can.prioritizes:
        yield (
            "it does not know what is urgent: the gateway's order ends at its door",
            "start vLLM with --scheduling-policy priority, or give it as many slots as it runs",
        )
    if "completion" in offer.roles and can.fim == "prefix-only":
        yield (
            "it is to write ghost text, but does not see what follows the cursor",
            "choose a model that knows fill-in-the-middle, such as qwen2.5-coder",
        )


async def _answer(made: Source) -> Done:
    """What comes of a few tokens; raises `EngineError`."""
    request = Request(1, "1, 2, 3, 4, 5,", max_tokens=4, document="check")
    async with aclosing(made.engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, Done):
                return event
    raise FastgenError("an engine's stream ended without its end")
