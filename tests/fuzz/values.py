"""Messages of a schema, nearly: drawn from msgspec's types, with now and then another value.

All is drawn from one `random.Random`, so the same seed gives the same messages.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from time import monotonic
from typing import Any

import msgspec
import msgspec.inspect as kinds

SECONDS = float(os.environ.get("FASTGEN_FUZZ_SECONDS", "6"))
SEED = int(os.environ.get("FASTGEN_FUZZ_SEED", "1"))
ROUND = int(os.environ.get("FASTGEN_FUZZ_ROUND", "0"))

CANARY = "krakatoa"
"""Stands in every text, and so may be in no log."""

WRONG = 0.04
"""Share of values that are of no kind, or past all bounds."""

ODD: list[Any] = [
    *(None, True, False, -1, 0, 2**31, 2**53, 2**63 - 1, -(2**63), 1e308, -0.0, "", "\x00", "d0"),
    *("\u202e", "\U000e0041", "x" * 5000, "../../etc/passwd", [], {}, [[[[]]]], {"a": {"b": [1]}}),
]

WORDS = [
    CANARY,
    "x = 1\n",
    "def f():\n    ",
    "print(",
    "é",
    "\U0001f600",
    '"""',
    "%%time\n",
    "\t",
    ")",
]


def rounds() -> Iterator[tuple[str, random.Random]]:
    """What to say of each round so that it can be had again, and its dice, until time is over."""
    end, number = monotonic() + SECONDS / 4, ROUND
    while monotonic() < end:
        yield (
            f"FASTGEN_FUZZ_SEED={SEED} FASTGEN_FUZZ_ROUND={number}",
            random.Random(f"{SEED}/{number}"),
        )
        number += 1


def text(dice: random.Random) -> str:
    """A few words of code, and the canary."""
    return "".join(dice.choices(WORDS, k=dice.randint(0, 6))) + CANARY


def value(kind: kinds.Type, dice: random.Random) -> Any:
    """A value of `kind`, mostly."""
    if dice.random() < WRONG:
        return dice.choice(ODD)
    if isinstance(kind, kinds.UnionType):
        return value(dice.choice(kind.types), dice)
    if isinstance(kind, kinds.Metadata):
        return value(kind.type, dice)
    if isinstance(kind, kinds.StructType):
        return _struct(kind, dice)
    if isinstance(kind, kinds.LiteralType):
        return dice.choice(kind.values)
    if isinstance(kind, kinds.BoolType):
        return dice.random() < 0.5
    if isinstance(kind, kinds.IntType):
        return dice.choice([0, 1, 2, 3, dice.randint(0, 400), dice.randint(-5, 2**40)])
    if isinstance(kind, kinds.FloatType):
        return dice.uniform(0, 2)
    if isinstance(kind, kinds.StrType):
        return dice.choice([f"x{dice.randint(0, 3)}", text(dice), "auto", "code"])
    if isinstance(kind, kinds.BytesType):
        return dice.randbytes(dice.randint(0, 40))
    if isinstance(kind, kinds.ListType | kinds.VarTupleType):
        return [value(kind.item_type, dice) for _ in range(dice.randint(0, 3))]
    return dice.choice(ODD)


def _struct(kind: kinds.StructType, dice: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if kind.tag_field is not None and dice.random() > WRONG:
        made[kind.tag_field] = kind.tag
    for field in kind.fields:
        if field.required or dice.random() < 0.6:
            made[field.encode_name] = value(field.type, dice)
    if dice.random() < WRONG:
        made["n_discard"] = -1
    return made


def bent(frame: bytes, dice: random.Random) -> bytes:
    """The same frame with bytes changed, lost, doubled or put in."""
    data = bytearray(frame)
    for _ in range(dice.randint(1, 4)):
        at, span = dice.randint(0, len(data)), dice.randint(0, 8)
        data[at : at + span] = dice.choice(
            [b"", dice.randbytes(span), data[at : at + span] * 2, b"\xff", b"[" * 50, b'\\ud800"']
        )
    return bytes(data)


def encoded(kind: kinds.Type, dice: random.Random, encode: Any) -> bytes:
    """A frame that is nearly one of the protocol."""
    try:
        frame = encode(value(kind, dice))
    except (msgspec.MsgspecError, OverflowError, UnicodeError):
        frame = b""
    return bent(frame, dice) if dice.random() < 0.2 else frame
