"""Whose token that is: asked of JupyterHub, or looked up in a file where the gateway runs alone."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ..errors import FastgenError

STALE = 600.0
"""Seconds for which who was known stays known while the hub can't be asked."""

PARALLEL = 16
"""Tokens asked about at once: a hub answers some 50 to 150 a second."""

MOST_KNOWN = 20_000
"""Answers that are kept; what nobody has used for longest is asked about again."""


class AuthError(FastgenError):
    """Nobody's token can be checked."""


class Identity(msgspec.Struct, frozen=True):
    """A user, and the groups that the hub or the file knows them in."""

    name: str
    groups: tuple[str, ...] = ()


class Authenticator(Protocol):
    """Knows tokens."""

    async def identify(self, token: str) -> Identity | None:
        """Whose `token` is, None if nobody's; raises `AuthError` where that can't be told."""
        ...


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenFile:
    """Users of a gateway without a hub: lines of `name sha256 group group …`, # for comments.

    It is read again when it has changed. Raises `AuthError` for a file that others can read, or
    that can't be understood.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: float = -1
        self._known: dict[str, Identity] = {}
        self._refresh()

    async def identify(self, token: str) -> Identity | None:
        """See `Authenticator`."""
        self._refresh()
        # Digests are looked up, so times tell nothing of the tokens.
        return self._known.get(digest(token))

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            if found.st_mtime_ns == self._read_at:
                return
            if os.name == "posix" and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise AuthError(
                    f"the token file {self._path} can be read by others: run"
                    f" `chmod 600 {self._path}`"
                )
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise AuthError(f"the token file {self._path} can't be read: {error}") from error
        known: dict[str, Identity] = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            if len(words) < 2 or len(words[1]) != 64:
                raise AuthError(
                    f"line {number} of {self._path} is not `name sha256 group …`: write it with"
                    " `jupyter fastgen gateway-user NAME`"
                )
            known[words[1].lower()] = Identity(words[0], tuple(words[2:]))
        self._known, self._read_at = known, found.st_mtime_ns


class HubTokens:
    """Users of a JupyterHub, by the tokens of their servers, if these may access this service."""

    def __init__(self) -> None:
        """Raises `AuthError` where the process is no service of a hub."""
        try:
            from jupyterhub.services.auth import HubAuth
        except ImportError as error:
            raise AuthError(
                f"jupyterhub can't be imported ({error}): run `pip install jupyter-fastgen[hub]`"
            ) from error
        name = os.environ.get("JUPYTERHUB_SERVICE_NAME", "")
        if not name or not os.environ.get("JUPYTERHUB_API_TOKEN"):
            raise AuthError(
                "JUPYTERHUB_SERVICE_NAME and JUPYTERHUB_API_TOKEN are not set: start the gateway as"
                " a service of the hub, or name a file of users with --GatewayApp.token_file"
            )
        self._auth: Any = HubAuth()
        self._scopes = {f"access:services!service={name}", "access:services"}

    async def identify(self, token: str) -> Identity | None:
        """See `Authenticator`; asks the hub each time."""
        from tornado.web import HTTPError

        try:
            # Not its own cache, which keeps refusals for as long as permissions.
            found = await self._auth.user_for_token(token, use_cache=False, sync=False)
        except HTTPError as error:
            raise AuthError(f"the hub can't be asked whose a token is: {error}") from error
        if not found or not self._auth.check_scopes(self._scopes, found):
            return None
        name = str(found["name"])
        if found.get("kind") == "service":
            name = f"service:{name}"  # which may be called like a user
        return Identity(name, tuple(map(str, found.get("groups", ()))))


@dataclass
class _Answer:
    identity: Identity | None
    asked: float


class Remembering:
    """Asks another authenticator, once at a time for a token, and not again for `fresh` seconds.

    While that one can't be asked, who was known stays known for a time; nobody new is.
    """

    def __init__(
        self, source: Authenticator, fresh: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._fresh = fresh
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._asking: dict[str, asyncio.Task[Identity | None]] = {}
        self._gate = asyncio.Semaphore(PARALLEL)

    async def identify(self, token: str) -> Identity | None:
        """See `Authenticator`."""
        key = digest(token)
        known = self._answers.get(key)
        if known is not None and self._clock() - known.asked < self._fresh:
            return known.identity
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, token))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # Who no longer waits must not end it for the others.
        return await asyncio.shield(task)

    async def _ask(self, key: str, token: str) -> Identity | None:
        try:
            async with self._gate:
                found = await self._source.identify(token)
        except AuthError:
            known = self._answers.get(key)
            if known is None or self._clock() - known.asked > STALE:
                raise
            return known.identity
        self._answers.pop(key, None)
        self._answers[key] = _Answer(found, self._clock())
        if len(self._answers) > MOST_KNOWN:
            del self._answers[next(iter(self._answers))]
        return found
