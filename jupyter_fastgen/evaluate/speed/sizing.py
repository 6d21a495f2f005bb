"""How many answers an engine must write at once for so many people, by simulation. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from ..tables import Row, markdown_table, number, percent, spread
from .load import Assumptions, Simulated, simulate

USERS = (50, 200, 1000, 5000, 10_000)

SHED = 0.01
"""Share of the requests that may be told to come back."""

HEAD: Row = [
    "people",
    "typing",
    "requests a second",
    "slots",
    "replicas",
    "wait, p50 / p95",
    "told to come back",
    "slots in use",
]


class Need(msgspec.Struct, frozen=True):
    """The fewest `slots`, of `replicas` together, with which people fare as they should."""

    slots: int
    replicas: int
    found: Simulated


def size(assumed: Assumptions, wait_ms: float, per_replica: int) -> Need:
    """The fewest slots of which 95 % of the requests wait no longer than `wait_ms`.

    And of which no more than `SHED` are told to come back for want of a slot, and half of them need
    not be held back after a key for longer than people's own debounce. `assumed.slots` is not
    looked at.
    """
    # With a slot for each, only who asks more often than one may is told to come back.
    shed = SHED + _shed(_with(assumed, assumed.users))
    least, most = 0, assumed.users
    while most - least > 1:
        middle = (least + most) // 2
        if _suffices(_with(assumed, middle), wait_ms, shed):
            most = middle
        else:
            least = middle
    return Need(most, math.ceil(most / per_replica), _with(assumed, most))


def sizes(
    assumed: Assumptions, users: Sequence[int], wait_ms: float, per_replica: int
) -> Iterator[Need]:
    """One for each number of people."""
    for count in users:
        yield size(msgspec.structs.replace(assumed, users=count), wait_ms, per_replica)


def _with(assumed: Assumptions, slots: int) -> Simulated:
    return simulate(msgspec.structs.replace(assumed, slots=slots))


def _shed(found: Simulated) -> float:
    ends = (found.ends.get(end, 0) for end in ("busy", "expired", "dropped"))
    return sum(ends) / max(1, found.asked)


def _suffices(found: Simulated, wait_ms: float, shed: float) -> bool:
    return (
        (found.waited.p95 or 0.0) <= wait_ms
        and _shed(found) <= shed
        and (found.debounce.p50 or 0.0) <= found.assumptions.debounce_ms
    )


def need_row(need: Need) -> Row:
    """One line of the table."""
    found, assumed = need.found, need.found.assumptions
    seconds = assumed.seconds - assumed.warm_up_s
    return [
        f"{assumed.users:,}",
        f"{assumed.users * assumed.typing:,.0f}",
        number(found.asked / seconds),
        f"{need.slots:,}",
        f"{need.replicas:,}",
        spread(found.waited, "ms"),
        percent(_shed(found)),
        percent(found.busy),
    ]


PAGE = """# How much engine for how many people

Written by `{command}`. People who type are
played at a gateway in virtual time: the scheduler is the gateway's own, and an engine is its slots,
each with a speed. Each row has the fewest slots with which 95 % of the requests wait {wait:g} ms at
most, 1 % at most is told to come back for want of a slot, and people's servers need not ask less.
(Who types without a pause asks more often than one may, and is told so however many slots there
are.) A replica has {per_replica} slots.

{table}

All of it rests on these assumptions; `--assume FILE` takes others (a JSON file), and what an engine
of yours does, `jupyter fastgen doctor --load` tells. `jupyter fastgen bench replay` checks the
simulation against a real gateway.

{assumptions}
"""

OF_EACH = ("users", "slots", "noisy")
"""Not the same in all rows, or of no meaning here."""


def page(needs: Sequence[Need], wait_ms: float, per_replica: int, command: str) -> str:
    """`docs/hub-sizing.md`."""
    assumed = msgspec.to_builtins(needs[0].found.assumptions)
    told = [[f"`{name}`", f"{value:g}"] for name, value in assumed.items() if name not in OF_EACH]
    return PAGE.format(
        command=command,
        wait=wait_ms,
        per_replica=per_replica,
        table=markdown_table(HEAD, [need_row(need) for need in needs]),
        assumptions=markdown_table(["assumption", "value"], told),
    )
