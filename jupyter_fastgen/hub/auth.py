"""Whose token that is: asked of JupyterHub, or looked up in a file where the gateway runs alone."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from ..errors import FastgenError
from .tries import Tries

STALE = 600.0
"""Seconds for which who was known stays known while the hub can't be asked."""

PARALLEL = 16
"""Tokens asked about at once: a hub answers some 50 to 150 a second."""

MOST_KNOWN = 20_000
"""Answers that are kept; what nobody has used for longest is asked about again."""


REFUSED = 10.0
"""Seconds for which a token that was refused is not asked about again: somebody may just have been
put into the group."""

MOST_REFUSED = 1000
"""Refused tokens that are kept."""

T = TypeVar("T")


class AuthError(FastgenError):
    """Nobody's token can be checked."""


class TooOftenError(AuthError):
    """Too many wrong tokens came from there; `retry_s` is when one is looked at again."""

    def __init__(self, retry_s: float) -> None:
        super().__init__("too many wrong tokens came from this address: try again later")
        self.retry_s = retry_s


class NotAllowedError(Exception):
    """The token is somebody's who may not use this service."""


class Identity(msgspec.Struct, frozen=True):
    """A user, and the groups that the hub or the file knows them in."""

    name: str
    groups: tuple[str, ...] = ()


class Authenticator(Protocol):
    """Knows tokens."""

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        """Whose `token` is, None if nobody's who may come in.

        `origin` is the address it comes from. Raises `AuthError` where that can't be told.
        """
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

    async def identify(self, token: str, origin: str = "") -> Identity | None:
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

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        """See `Authenticator`; asks the hub each time. Raises `NotAllowedError`, too."""
        from tornado.web import HTTPError

        try:
            # Not its own cache, which keeps refusals for as long as permissions.
            found = await self._auth.user_for_token(token, use_cache=False, sync=False)
        except HTTPError as error:
            raise AuthError(f"the hub can't be asked whose a token is: {error}") from error
        if not found:
            return None
        if not self._auth.check_scopes(self._scopes, found):
            raise NotAllowedError
        name = str(found["name"])
        if found.get("kind") == "service":
            name = f"service:{name}"  # which may be called like a user
        return Identity(name, tuple(map(str, found.get("groups", ()))))


Found = Literal["remembered", "known", "nobody", "failed"]
"""What came of looking at a token: it was known from before, or whoever was asked knew it, knew it
not, or could not be asked."""


@dataclass
class _Answer:
    identity: Identity
    asked: float


class Remembering:
    """Asks another authenticator, once at a time for a token, and not again for `fresh` seconds.

    While that one can't be asked, who was known stays known for a time; nobody new is. An address
    that tries wrong tokens costs it one question a second, and those whose tokens were good are
    let in from there all the same.
    """

    def __init__(
        self,
        source: Authenticator,
        fresh: float,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Found, float | None], None] = lambda found, seconds: None,
    ) -> None:
        """`tell` is told what came of each look, and how many seconds it took to be asked."""
        self._tell = tell
        self._source = source
        self._fresh = fresh
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._refused: dict[str, float] = {}
        self._tries = Tries()
        self._asking: dict[str, asyncio.Task[Identity | None]] = {}
        self._gate = asyncio.Semaphore(PARALLEL)

    async def identify(self, token: str, origin: str = "") -> Identity | None:
        """See `Authenticator`; raises `TooOftenError` for an unknown token, too."""
        key, now = digest(token), self._clock()
        known = self._answers.get(key)
        if known is not None and now - known.asked < self._fresh:
            self._tell("remembered", None)
            return known.identity
        if now - self._refused.get(key, -math.inf) < min(REFUSED, self._fresh):
            return None
        if known is None:
            self._look_out(origin)
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, token, origin))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # Who no longer waits must not end it for the others.
        return await asyncio.shield(task)

    async def _ask(self, key: str, token: str, origin: str) -> Identity | None:
        known = self._answers.get(key)
        began = time.perf_counter()
        try:
            async with self._gate:
                if known is None:
                    self._look_out(origin)  # others may have failed while this waited
                began = time.perf_counter()
                found = await self._source.identify(token)
        except NotAllowedError:
            found = None
        except TooOftenError:
            raise
        except AuthError:
            self._tell("failed", time.perf_counter() - began)
            if known is None or self._clock() - known.asked > STALE:
                raise
            return known.identity
        else:
            if found is None:
                self._tries.fail(origin, self._clock())
        self._tell("nobody" if found is None else "known", time.perf_counter() - began)
        self._answers.pop(key, None)
        if found is None:
            self._refused.pop(key, None)
            _keep(self._refused, key, self._clock(), MOST_REFUSED)
        else:
            _keep(self._answers, key, _Answer(found, self._clock()), MOST_KNOWN)
        return found

    def _look_out(self, origin: str) -> None:
        if retry_s := self._tries.wait(origin, self._clock()):
            raise TooOftenError(retry_s)


def _keep(answers: dict[str, T], key: str, value: T, most: int) -> None:
    """Remember `value`, and forget the oldest where there are more."""
    answers[key] = value
    if len(answers) > most:
        del answers[next(iter(answers))]
