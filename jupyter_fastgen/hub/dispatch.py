"""Requests of many users -> one engine, in the order that the scheduler says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from ..engine import frames
from ..engine.base import (
    BusyError,
    Done,
    DownError,
    Engine,
    EngineError,
    Priority,
    Request,
    Text,
)
from ..images import MARK, kind_of
from ..policy import Decision, Policy, allows_model, decide
from .auth import Identity
from .breaker import Breaker
from .limits import CHARS_PER_TOKEN, PICTURE_TOKENS
from .quota import Quotas
from .scheduler import NEW_TOKEN, Act, Job, Scheduler, Step

PLACE_S = 0.5
"""Seconds between two looks at which place of the queue somebody's request has come to."""

PROBE = "1"
"""What an engine is asked that was gone."""

PAUSED = "the administrator has paused all suggestions", "they go on when that is over"

DOWN = "the gateway's engine is not there just now"

RETRY_MS = 1000
"""For a server that is busy and does not say how long."""


@dataclass(frozen=True)
class Caller:
    """Who asks: a user, on one of their connections."""

    user: Identity
    client: str


@dataclass
class Account:
    """One request as it is told of: sizes and times, no text. Times are in milliseconds."""

    id: str
    user: str
    groups: tuple[str, ...]
    model: str
    priority: str
    prompt_chars: int
    status: str = "cancelled"
    wait_ms: float | None = None
    first_ms: float | None = None
    total_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0


class _RefusedError(Exception):
    """A request is not run; the text is for the user, `by` is as `frames.Failed.refused`."""

    def __init__(self, reason: str, remedy: str = "", by: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.by = by


@dataclass
class _Turn:
    """A job as its caller sees it: `said` is what the scheduler said of it first."""

    id: int
    said: asyncio.Future[Act]
    ended: Act | None = None
    retry_ms: int = 0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    out_of_time: bool = False


class Dispatcher:
    """Runs requests on `engine`; belongs to the event loop's thread."""

    def __init__(
        self,
        engine: Engine,
        model: str,
        slots: int,
        quotas: Quotas,
        policy: Callable[[], Policy],
        weights: dict[str, float],
        secret: bytes,
        account: Callable[[Account], None] = lambda account: None,
    ) -> None:
        """`policy` gives the one in force. `weights` are of groups.

        `secret` keeps the users' parts of the cache apart.

        `account` is told of every request that ended.
        """
        self.scheduler = Scheduler(slots, quotas.everybody)
        self.quotas = quotas
        self.breaker = Breaker(model, self._probe)
        self._engine = engine
        self.model = model
        self.policy = policy
        self._weights = weights
        self._secret = secret
        self._account = account
        self._turns: dict[Job, _Turn] = {}
        self._asked: dict[tuple[Caller, int], Job] = {}
        self._ids = itertools.count(1)
        self._expiry: asyncio.TimerHandle | None = None

    async def stream(self, caller: Caller, ask: frames.Ask) -> AsyncGenerator[frames.Reply, None]:
        """What comes of a request; leaving the iteration cancels."""
        user = caller.user
        account = Account(
            f"{caller.client}.{ask.id}",
            user.name,
            user.groups,
            self.model,
            ask.priority,
            len(ask.prompt),
        )
        began = time.perf_counter()
        try:
            request = self._request(caller, ask)
            account.priority = request.priority
            if self.breaker.is_open:
                account.status = "down"
                yield frames.Busy(ask.id, self.breaker.retry_ms, DOWN)
                return
            async with aclosing(self._run(caller, ask, request, account)) as replies:
                async for reply in replies:
                    yield reply
        except _RefusedError as refused:
            account.status = "refused"
            yield frames.Failed(ask.id, refused.reason, refused.remedy, refused.by)
        except EngineError as error:
            yield self._failed(ask.id, error, account)
        finally:
            account.total_ms = _since(began)
            self._account(account)

    def cancel(self, caller: Caller, id: int) -> None:
        """End request `id` of a caller; its stream ends with `Done("cancelled")`."""
        job = self._asked.get((caller, id))
        if job is None:
            return
        turn = self._turns[job]
        if self.scheduler.cancel(job):
            self._engine.cancel(turn.id)
        elif not turn.said.done():
            turn.said.cancel()

    def allows(self, user: Identity) -> Decision:
        """Whether `user` may use the model."""
        return allows_model(self.policy(), self.model, user.groups)

    def close(self) -> None:
        """End what would still happen by itself."""
        self.breaker.close()
        if self._expiry is not None:
            self._expiry.cancel()

    async def _probe(self) -> None:
        """Let the engine write one token; raises `EngineError`."""
        request = Request(next(self._ids), PROBE, max_tokens=1, document=PROBE)
        async with aclosing(self._engine.stream(request)) as events:
            async for _ in events:
                pass

    async def _run(
        self, caller: Caller, ask: frames.Ask, request: Request, account: Account
    ) -> AsyncGenerator[frames.Reply, None]:
        id, document = ask.id, ask.document
        loop = asyncio.get_running_loop()
        job = Job(
            caller.user.name,
            caller.client,
            document,
            request.priority,
            len(request.prompt) / CHARS_PER_TOKEN + len(request.images) * PICTURE_TOKENS,
            max((self._weights.get(group, 1.0) for group in caller.user.groups), default=1.0),
            self.quotas.limits(caller.user.groups),
        )
        began = time.perf_counter()
        turn = self._turns[job] = _Turn(request.id, loop.create_future())
        self._asked[caller, id] = job
        self._enact(self.scheduler.submit(job, loop.time()))
        try:
            async with aclosing(self._places(job, turn)) as places:
                async for place in places:
                    yield frames.Place(id, place)
            if turn.said.cancelled():
                yield Done(id, "cancelled")
            elif turn.said.result() != "start":
                account.status = turn.said.result()
                yield _ended(id, turn.said.result(), turn.retry_ms)
            elif job.ended:  # since it was to be started
                yield self._end(id, turn, Done(id, "cancelled"), account)
            else:
                account.wait_ms = _since(began)
                async with aclosing(self._events(job, turn, request)) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            yield self._end(id, turn, event, account)
                        else:
                            if event.text and account.first_ms is None:
                                account.first_ms = _since(began)
                            yield msgspec.structs.replace(event, id=id)
        finally:
            del self._turns[job], self._asked[caller, id]
            if turn.timer is not None:
                turn.timer.cancel()
            if self.scheduler.cancel(job):
                self._enact(self.scheduler.finish(job, loop.time()))

    async def _places(self, job: Job, turn: _Turn) -> AsyncGenerator[int, None]:
        """Wait for what is said of `job`; where a person waits, too, with its places meanwhile.

        A last 0 says that it waits no more.
        """
        told = 0
        while not turn.said.done():
            place = self.scheduler.position(job) if job.priority == "explicit" else 0
            if place != told:
                told = place
                yield place
            await asyncio.wait({turn.said}, timeout=PLACE_S if place else None)
        if told:
            yield 0

    async def _events(
        self, job: Job, turn: _Turn, request: Request
    ) -> AsyncGenerator[Text | Done, None]:
        """What the engine says to a job that may run, while it may."""

        def out_of_time() -> None:
            turn.out_of_time = True
            self._engine.cancel(request.id)

        limits = job.limits or self.quotas.everybody
        seconds = limits.of(job.priority).run_s
        turn.timer = asyncio.get_running_loop().call_later(seconds, out_of_time)
        read, new = job.cost, 0
        try:
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        read = event.prefilled_tokens if event.prompt_tokens else read
                        new = event.new_tokens
                    else:
                        new += bool(event.text)
                    self.scheduler.charge(job, read + NEW_TOKEN * new)
                    yield event
        except EngineError:
            read = new = 0  # nobody pays for an answer that failed
            raise
        finally:
            self.quotas.ledger.charge(job.user, round(read + new), time.time())

    def _end(self, id: int, turn: _Turn, done: Done, account: Account) -> frames.Reply:
        account.prompt_tokens, account.cached_tokens = done.prompt_tokens, done.cached_tokens
        account.new_tokens = done.new_tokens
        if turn.ended is not None and done.reason == "cancelled":
            account.status = turn.ended
            return _ended(id, turn.ended, turn.retry_ms)
        account.status = "timeout" if turn.out_of_time else done.reason
        reason = "length" if turn.out_of_time else done.reason
        return msgspec.structs.replace(done, id=id, reason=reason)

    def _failed(self, id: int, error: EngineError, account: Account) -> frames.Reply:
        account.status = "failed"
        if isinstance(error, DownError):
            self.breaker.trip(error)
            if account.first_ms is None:
                return frames.Busy(id, self.breaker.retry_ms, DOWN)
        if isinstance(error, BusyError):
            account.status = "busy"
            return frames.Busy(id, RETRY_MS if error.pause is None else round(1000 * error.pause))
        return frames.Failed(id, error.reason, error.remedy)

    def _enact(self, steps: list[Step]) -> None:
        for step in steps:
            turn = self._turns.get(step.job)
            if turn is None:
                continue
            turn.retry_ms = step.retry_ms
            if not turn.said.done():
                turn.said.set_result(step.act)
            else:
                turn.ended = step.act
                self._engine.cancel(turn.id)
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if (due := self.scheduler.due) is not None:
            self._expiry = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._enact(self.scheduler.expire(asyncio.get_running_loop().time()))

    def _request(self, caller: Caller, ask: frames.Ask) -> Request:
        """What the engine is asked; raises `_RefusedError`."""
        user, policy = caller.user, self.policy()
        if self.quotas.is_paused:
            raise _RefusedError(*PAUSED, by="paused")
        may = {
            feature: decide(policy, feature, True, user.groups)
            for feature in ("remote", "suggestions", "edits", "generate")
        }
        if not may["remote"].on:
            raise _RefusedError(may["remote"].why, by="remote")
        model = self.allows(user)
        if not model.on:
            raise _RefusedError(model.why, by="model")
        writes = may["edits"].on or may["generate"].on
        # Whoever may have no edits asks for ghost text, and that with its bounds.
        priority = ask.priority if writes or ask.priority != "explicit" else "ghost"
        if priority != "explicit" and not may["suggestions"].on:
            raise _RefusedError(may["suggestions"].why, by="suggestions")
        budget = self.quotas.budget(user.name, user.groups, time.time())
        if budget is not None and budget.is_spent:
            raise _RefusedError(*frames.spent(budget), by="quota")
        if (caller, ask.id) in self._asked:
            raise _RefusedError(f"a request {ask.id} runs already: give each an id of its own")
        bounds = self.quotas.limits(user.groups).of(priority)
        if max(len(ask.prompt), len(ask.original)) > bounds.prompt_chars:
            raise _RefusedError(
                f"the prompt has {len(ask.prompt)} characters, and {bounds.prompt_chars} are"
                " allowed: set a smaller context_tokens"
            )
        if ask.images:
            _check_pictures(ask, priority)
        name = user.name.encode()
        return Request(
            id=next(self._ids),
            prompt=ask.prompt,
            begin=ask.begin,
            max_tokens=min(ask.max_tokens, bounds.new_tokens),
            stop=ask.stop,
            temperature=ask.temperature,
            seed=ask.seed,
            # Not by the connection: who comes back finds the document warm.
            document=f"{user.name}/{ask.document or caller.client}",
            logprobs=ask.logprobs,
            starts=ask.starts,
            grammar=ask.grammar,
            progress=ask.progress,
            priority=priority,
            original=ask.original,
            images=ask.images,
            salt=hmac.new(self._secret, name, hashlib.sha256).hexdigest()[:32],
        )


def _check_pictures(ask: frames.Ask, priority: Priority) -> None:
    if priority != "explicit":
        raise _RefusedError("pictures are only for what a person asks for and waits for")
    if not all(map(kind_of, ask.images)):
        raise _RefusedError("a picture is no PNG, JPEG or WebP file")
    if ask.prompt.count(MARK) != len(ask.images):
        raise _RefusedError(f"{len(ask.images)} pictures, and not as many places for them")


def _ended(id: int, act: Act, retry_ms: int) -> frames.Reply:
    return frames.Superseded(id) if act == "superseded" else frames.Busy(id, retry_ms)


def _since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
