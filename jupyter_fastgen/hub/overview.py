"""What an administrator's page shows of a gateway, gathered at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engine.base import Priority, Role
from .auth import Identity
from .quota import Quotas, Use

if TYPE_CHECKING:
    from ..policy import Policy, Rules
    from .gateway import Gateway

NO_GROUP = "(no group)"

MOST_ROWS = 200
"""Users of a group that are shown: those who used the most."""


@dataclass(frozen=True)
class ModelRow:
    """One model; see `models.Model`."""

    id: str
    roles: tuple[Role, ...]
    state: str
    engine: str
    running: int
    slots: int
    queue: dict[Priority, int]
    debounce_ms: int


@dataclass(frozen=True)
class UserRow:
    """One user today; `limit` is None where there is no end of tokens."""

    name: str
    sockets: int
    requests: int
    tokens: int
    limit: int | None


@dataclass(frozen=True)
class GroupRows:
    """The users of a group, those with the most tokens first; some are left out."""

    name: str
    users: list[UserRow]
    left_out: int


@dataclass(frozen=True)
class Overview:
    """All of it."""

    since: float
    now: float
    is_paused: bool
    models: list[ModelRow]
    groups: list[GroupRows]
    rules: list[str]


async def overview(gateway: Gateway, now: float) -> Overview:
    """As things are, at `now` in seconds since the epoch."""
    models: list[ModelRow] = []
    for model in gateway.models:
        scheduler = model.dispatcher.scheduler
        models.append(
            ModelRow(
                model.id,
                model.roles,
                model.state,
                (await model.engine.stats()).engine or model.abilities.server,
                scheduler.running,
                scheduler.slots,
                scheduler.queue,
                scheduler.debounce_ms,
            )
        )
    quotas = gateway.quotas
    groups = users_by_group(gateway.people, gateway.sockets, quotas, now)
    rules = list(in_words(gateway.models.policy))
    return Overview(gateway.since, now, quotas.is_paused, models, groups, rules)


def users_by_group(
    people: dict[str, Identity], sockets: dict[str, int], quotas: Quotas, now: float
) -> list[GroupRows]:
    """Who is connected, or has asked today; whoever is in several groups stands in each."""
    today = quotas.ledger.all_of_today(now)
    by_group: dict[str, list[UserRow]] = {}
    for name in today.keys() | sockets.keys():
        # Who has not come since the start is known from the file, which has no groups.
        user = people.get(name) or Identity(name)
        use = today.get(name) or Use()
        limit = quotas.limits(user.groups).tokens_per_day
        row = UserRow(name, sockets.get(name, 0), use.requests, use.tokens, limit)
        for group in user.groups or (NO_GROUP,):
            by_group.setdefault(group, []).append(row)
    return [
        GroupRows(
            group,
            sorted(rows, key=lambda row: (-row.tokens, row.name))[:MOST_ROWS],
            max(0, len(rows) - MOST_ROWS),
        )
        for group, rows in sorted(by_group.items())
    ]


def in_words(policy: Policy) -> Iterator[str]:
    """The rules, a sentence each; what is left to users is not said."""
    if policy.closed:
        yield policy.closed
    yield from _of("everyone", policy.everyone)
    for group, rules in policy.groups.items():
        yield from _of(f"group {group}", rules)
    for course, rules in policy.courses.items():
        yield from _of(f"course {course}", rules)


def _of(who: str, rules: Rules) -> Iterator[str]:
    if rules.preset:
        yield f"{who}: preset {rules.preset}"
    for feature, choice in rules.features.items():
        yield f"{who}: {feature} {choice}"
    if rules.models is not None:
        yield f"{who}: models {', '.join(rules.models) or 'none'}"
