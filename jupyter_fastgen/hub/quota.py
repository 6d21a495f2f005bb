"""What each user has had of the engine today, and what is left of their budget. Pure.

Days are those of UTC, and begin at midnight. A token is one that was read anew or written: what lay
in the engine's cache costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ..engine.frames import Budget
from .limits import Limits, most_generous

DAY = 86_400
"""Seconds; clocks of Unix leave no leap second out of step."""


class Use(msgspec.Struct):
    """Of one user today."""

    requests: int = 0
    tokens: int = 0


class Today(msgspec.Struct):
    """All users' use of one day, numbered from 1 January 1970: names and counts only."""

    day: int = 0
    users: dict[str, Use] = {}


class Ledger:
    """Counts requests and tokens of the day. Times are seconds since the epoch."""

    def __init__(self, today: Today | None = None) -> None:
        """Go on from what was known of a day."""
        self.today = today or Today()
        self.is_changed = False
        """Since whoever saves it said that it was not."""

    def charge(self, user: str, tokens: int, now: float) -> None:
        """A request of `user` has ended that cost so much."""
        self._turn(now)
        use = self.today.users.setdefault(user, Use())
        use.requests += 1
        use.tokens += tokens
        self.is_changed = True

    def used(self, user: str, now: float) -> Use:
        """What `user` has had today."""
        self._turn(now)
        return self.today.users.get(user) or Use()

    def all_of_today(self, now: float) -> Mapping[str, Use]:
        """What everybody has had."""
        self._turn(now)
        return self.today.users

    def _turn(self, now: float) -> None:
        """Begin a new day, if it is one; a clock that is set back begins none."""
        if now // DAY > self.today.day:
            self.today = Today(int(now // DAY))
            self.is_changed = True


class Quotas:
    """What each user may ask, by the limits of everybody and of groups, and has had of it."""

    def __init__(
        self,
        everybody: Limits,
        groups: Mapping[str, Limits] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.is_paused = False
        """Whether nobody may ask anything, for a time."""
        self.everybody = everybody
        self.ledger = ledger or Ledger()
        self._groups = groups or {}

    def limits(self, groups: Iterable[str]) -> Limits:
        """Of a user in these groups: of those that have limits of their own, the most generous."""
        own = [self._groups[group] for group in groups if group in self._groups]
        return most_generous(own) if own else self.everybody

    def budget(self, user: str, groups: Iterable[str], now: float) -> Budget | None:
        """How `user`, who is in these groups, stands now; None where there is no limit."""
        limit = self.limits(groups).tokens_per_day
        if limit is None:
            return None
        return Budget(self.ledger.used(user, now).tokens, limit, DAY - int(now) % DAY)
