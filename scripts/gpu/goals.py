"""What the engine is to reach on the GPU that is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """Of a step: what is measured, where that stands in the step's result, and its limits."""

    step: str
    what: str
    at: tuple[str, ...]
    least: float = -math.inf
    most: float = math.inf

    @property
    def wanted(self) -> str:
        """Its limit in words."""
        return f"at most {self.most:g}" if self.most < math.inf else f"at least {self.least:g}"

    def measured(self, result: Mapping[str, Any]) -> float | None:
        """The value, if it was measured."""
        found: Any = result
        for key in self.at:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, int | float) else None

    def is_met(self, value: float) -> bool:
        """Whether a value is within its limits."""
        return self.least <= value <= self.most


AGREE = 0.97
"""Of the tokens that two ways of computing the same choose alike, at least: half precision decides
near ties this way or that."""

GOALS = (
    *(
        Goal("logits", f"same tokens as transformers, {way}", (way, "agree"), least=AGREE)
        for way in ("paged", "unpaged")
    ),
    Goal("behaviour", "tokens read of a known prompt", ("prefix", "cached"), most=1),
    *(
        Goal("pictures", f"{what}, {kind}, far from transformers'", (kind, at), most=most)
        for kind in ("qwen2_vl", "qwen2_5_vl", "mistral3", "llava")
        for what, at, most in (
            ("what is seen of a picture", "embeddings", 0.02),
            ("an answer about it", "sure", 0.1),
        )
    ),
    *(
        Goal(
            "speed",
            f"first token of a known prompt of {length:,} tokens, ms",
            ("first_token_ms", str(length), "cached"),
            most=15,
        )
        for length in (1000, 4000, 8000)
    ),
    Goal("speed", "share of the bandwidth while writing", ("share_of_bandwidth",), least=0.6),
    *(
        Goal(
            "speed", f"rewrite of 400 lines with a draft, {what}", ("edit_of_400_lines", at), least
        )
        for what, at, least in (
            ("tokens per pass", "drafted_tokens_per_pass", 15),
            ("times faster", "faster", 10),
        )
    ),
    Goal("typists", "16 typists, 95th percentile, ms", ("typists", "p95_ms"), most=100),
    *(
        Goal(
            "typists",
            f"cancelled while {doing}, until the GPU is free, ms",
            (at, "free_ms"),
            most=30,
        )
        for doing, at in (("reading", "cancel_reading"), ("writing", "cancel_writing"))
    ),
)


def judged(step: str, result: Mapping[str, Any]) -> list[Result]:
    """The goals of a step with what was measured, where it was."""
    return [
        {"goal": goal.what, "wanted": goal.wanted, "measured": value, "met": goal.is_met(value)}
        for goal in GOALS
        if goal.step == step and (value := goal.measured(result)) is not None
    ]
