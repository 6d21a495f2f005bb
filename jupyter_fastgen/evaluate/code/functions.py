"""Whole functions, written by the product: how many are right, how fast, and how they read."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Literal, TypeAlias

import msgspec

from .. import results
from ..rows import sample
from ..stats import Spread, spread
from .checking import Verdict, judge
from .costs import Measure
from .problems import Benchmark, Problem
from .style import Style, style
from .writing import Answer, program

MARGINS: dict[Measure, float] = {"instructions": 0.0, "seconds of CPU": 0.1}
"""By what share an answer must be cheaper than the reference to count as more efficient.

COFFE counts instructions, which hardly vary, and takes any difference. Times vary by some per cent:
without a margin the reference itself would count as faster than itself half of the time.
"""


class Settings(msgspec.Struct, frozen=True):
    """What makes two runs the same; `data` and `prompts` are digests."""

    task: Literal["code"]
    benchmark: Benchmark
    data: str
    model: str
    prompts: str
    seed: int
    limit: int


class Record(msgspec.Struct, frozen=True):
    """What became of one problem; `style` is None where the answer doesn't parse."""

    name: str
    answer: Answer
    verdict: Verdict
    style: Style | None

    @property
    def right(self) -> bool:
        """Whether all tests of correctness pass."""
        return not self.verdict.fault

    @property
    def costs(self) -> tuple[float, float] | None:
        """Of the answer and the reference on all heavy inputs.

        None where the answer is wrong on any of them or in the tests, or one of both failed.
        """
        program = reference = 0.0
        for each in self.verdict.stress:
            if not each.same or each.program is None or each.reference is None:
                return None
            program, reference = program + each.program, reference + each.reference
        return (program, reference) if self.verdict.stress and self.right else None

    @property
    def efficient(self) -> bool:
        """Whether it is right, and cheaper than the reference."""
        if self.costs is None or not self.verdict.measure:
            return False
        program, reference = self.costs
        return program < (1 - MARGINS[self.verdict.measure]) * reference


Results: TypeAlias = "results.Results[Settings, Record]"


class Outcome(msgspec.Struct, frozen=True):
    """Of some problems: shares of 0 to 1 of all of them, None where nothing was measured.

    `right` is pass@1 and `efficient` efficient@1, of greedy answers. `speedup` is the cost of the
    references by that of the answers, added up over the `timed` ones, which are right; `typical`
    is the median of the single ratios. `snake_case`, `short` and `docstrings` are as in `Style`,
    the figures behind them means over the answers that parse.
    """

    problems: int
    right: float
    broken_off: float
    measure: str
    timed: int
    efficient: float | None
    speedup: float | None
    typical: float | None
    snake_case: float
    short: float
    docstrings: float
    comments: float | None
    maintainability: float | None
    functions: float | None
    new_tokens: Spread
    prefill_ms: Spread
    decode_ms: Spread


def digest(prompts: Sequence[str]) -> str:
    """A short name for prompts."""
    return hashlib.sha256("\0".join(prompts).encode()).hexdigest()[:16]


def read_results(path: Path) -> Results:
    """As `results.read_results`."""
    return results.read_results(path, Settings, Record)


def open_results(path: Path, settings: Settings) -> Results:
    """As `results.open_results`."""
    return results.open_results(path, settings, Record)


async def evaluate(
    problems: Sequence[Problem],
    write: Callable[[Problem], Awaitable[Answer]],
    found: Results,
    advance: Callable[[], None],
) -> None:
    """Let `write` solve the problems that `found` samples and does not hold yet.

    `advance` is called after each. Raises what `write` raises.
    """
    settings = found.settings
    done = {record.name for record in found.records}
    chosen = sample(len(problems), settings.limit, settings.seed)
    # So what a run that was ended has done is a fair sample, too.
    random.Random(settings.seed).shuffle(chosen)
    for number in chosen:
        problem = problems[number]
        if problem.name not in done:
            answer = await write(problem)
            verdict = await asyncio.to_thread(judge, problem, program(problem, answer.code))
            found.add(Record(problem.name, answer, verdict, style(answer.code)))
        advance()


def outcome(records: Sequence[Record]) -> Outcome:
    """The figures of some records."""

    def share(of: Callable[[Record], bool]) -> float:
        return sum(map(of, records)) / max(1, len(records))

    styles = [record.style for record in records if record.style is not None]
    costs = [record.costs for record in records if record.costs is not None]
    measures = sorted({record.verdict.measure for record in records} - {""})
    # References cost no tokens.
    counts = [r.answer.counts for r in records if r.answer.counts.new_tokens]
    return Outcome(
        problems=len(records),
        right=share(lambda r: r.right),
        broken_off=share(lambda r: r.answer.reason == "length"),
        measure=" and ".join(measures),
        timed=len(costs),
        efficient=share(lambda r: r.efficient) if measures else None,
        speedup=sum(c[1] for c in costs) / sum(c[0] for c in costs) if costs else None,
        typical=median(c[1] / c[0] for c in costs) if costs else None,
        snake_case=share(lambda r: r.style is not None and r.style.snake_case),
        short=share(lambda r: r.style is not None and r.style.short),
        docstrings=share(lambda r: r.style is not None and r.style.docstrings),
        comments=fmean(s.comments for s in styles) if styles else None,
        maintainability=fmean(s.maintainability for s in styles) if styles else None,
        functions=fmean(s.functions for s in styles) if styles else None,
        new_tokens=spread(c.new_tokens for c in counts),
        prefill_ms=spread(c.prefill_ms for c in counts),
        decode_ms=spread(c.decode_ms for c in counts),
    )
