"""How exact the merge of sparse edits is: on real commits, and with the slips that models make."""

from __future__ import annotations

import gc
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from ...completion.names import Bound
from ...edit.blocks import Forest, parse
from ...edit.checks import checked
from ...edit.difference import changes
from ...edit.ending import Ending
from ...edit.lines import split_lines
from ...edit.markers import keep_marker
from ...edit.merge import Merger
from ...edit.prompt import WHOLE_LINES
from ...edit.undefined import resolved
from ..rows import read_rows, sample
from ..stats import Spread, spread
from . import viewing
from .mutations import MUTATIONS, Case
from .pairs import Pair, bodies
from .sparse import Granularity, sparse

SMALL = 20
"""Changed lines of a small edit."""


class Result(msgspec.Struct, frozen=True):
    """What became of one edit.

    `flagged` says that a person is asked to look for what the merge is unsure of, `undefined` that
    the commit itself uses a name that nothing defines; `lost` counts lines that both texts have and
    the merge of what needs no look has not; `cut` says that a model would have been stopped before
    its last change. Milliseconds are the processor's: what runs beside does not count.
    """

    exact: bool
    flagged: bool
    undefined: bool
    lost: int
    cut: bool
    ms: float
    size: int
    is_cell: bool
    shown: float


class Outcome(msgspec.Struct, frozen=True):
    """Of some edits: shares of 0 to 1, counts of what went wrong unflagged, milliseconds.

    `cut` is the share that would have been ended too early, without a slip; `shown` that of the new
    text's lines that the edits have.
    """

    edits: int
    exact: float
    exact_small: float | None
    exact_cells: float | None
    silently_wrong: int
    silently_lost: int
    flagged: float
    flagged_right: float
    undefined: float
    cut: float
    shown: float
    ms: Spread


class Report(msgspec.Struct, frozen=True):
    """Outcomes by granularity and language, by slip, and of what is shown of long texts."""

    data: str
    pairs: int
    granularities: dict[str, dict[str, Outcome]]
    slips: dict[str, Outcome]
    views: dict[str, dict[str, viewing.Outcome]]

    @property
    def by_granularity(self) -> dict[str, Outcome]:
        """The outcomes of each granularity, of all pairs and by language."""
        return {
            f"{granularity}, {name}": found
            for granularity, by_language in self.granularities.items()
            for name, found in by_language.items()
        }


def measure(
    path: Path, limit: int, slips: int, seed: int, advance: Callable[[str], None]
) -> Report:
    """Merge the pairs of a file, at most `limit` of them, and `slips` of them with each slip."""
    pairs, data = read_rows(path, Pair)
    chosen = [pairs[n] for n in sample(len(pairs), limit, seed)]
    forests = [parse(pair.after, pair.grammar) for pair in chosen]
    gc.collect()
    gc.freeze()  # else what is measured pays for going through all the forests
    granularities: dict[str, dict[str, Outcome]] = {}
    for granularity in get_args(Granularity):
        advance(granularity)
        cases = [_case(p, f, granularity) for p, f in zip(chosen, forests, strict=True)]
        results = [_merge(case, pair) for case, pair in zip(cases, chosen, strict=True)]
        granularities[granularity] = {"all": outcome(results)} | {
            name: outcome([r for r, p in zip(results, chosen, strict=True) if p.language == name])
            for name in sorted({pair.language for pair in chosen})
        }
    slipped: dict[str, Outcome] = {}
    if slips:
        some = [n for n in sample(len(chosen), slips, seed) if not _is_written_whole(chosen[n])]
        for granularity in ("unique", "definition"):
            cases = [(chosen[n], _case(chosen[n], forests[n], granularity)) for n in some]
            for name, mutate in MUTATIONS.items():
                advance(f"{granularity}, {name}")
                draw = random.Random(seed)
                made = [(pair, case, mutate(case, draw)) for pair, case in cases]
                slipped[f"{granularity}, {name}"] = outcome(
                    [_merge(new, pair, True) for pair, case, new in made if new != case]
                )
    advance("what is shown")
    views = viewing.measure(chosen, seed)
    return Report(data, len(chosen), granularities, slipped, views)


def outcome(results: Sequence[Result]) -> Outcome:
    """The figures of some results."""

    def share(of: Sequence[bool]) -> float | None:
        return sum(of) / len(of) if of else None

    return Outcome(
        len(results),
        share([r.exact for r in results]) or 0.0,
        share([r.exact for r in results if r.size <= SMALL]),
        share([r.exact for r in results if r.is_cell]),
        sum(not r.exact and not r.flagged for r in results),
        sum(r.lost > 0 for r in results),
        share([r.flagged for r in results]) or 0.0,
        share([r.flagged and r.exact for r in results]) or 0.0,
        share([r.undefined for r in results]) or 0.0,
        share([r.cut for r in results]) or 0.0,
        sum(r.shown for r in results) / len(results) if results else 0.0,
        spread(r.ms for r in results),
    )


def _is_written_whole(pair: Pair) -> bool:
    return pair.is_cell and len(split_lines(pair.before)) <= WHOLE_LINES


def _case(pair: Pair, forest: Forest, granularity: Granularity) -> Case:
    old, new = bodies(pair.before), bodies(pair.after)
    if _is_written_whole(pair):
        return Case(old, new, new, pair.grammar)
    lines = sparse(old, new, pair.grammar, granularity, forest)
    return Case(old, new, tuple(lines), pair.grammar)


def _merge(case: Case, pair: Pair, slipped: bool = False) -> Result:
    """Merge and compare: byte by byte, or where the answer slipped up to spaces at line ends.

    Blank lines do not count either if it dropped those.
    """
    base = case.line_end.join(case.old) + case.line_end
    start = time.thread_time()
    merger = Merger(base, _is_written_whole(pair))
    for line in case.sparse:
        merger.push(line)
    merge = merger.finish(case.complete)
    ms = 1000 * (time.thread_time() - start)
    merge = checked(merge, base, lambda text: parse(text, case.language))
    # What the other cells of its notebook define is not known of a cell.
    is_file = case.language == "python" and not pair.is_cell
    whole = merge.apply(base, range(len(merge.hunks)))
    unseen = merge.apply(base, merge.safe)
    wanted = case.line_end.join(case.new) + case.line_end
    both = _texts(base) & _texts(wanted)
    return Result(
        exact=whole == wanted
        or (slipped and _ends_cut(whole, case.loose) == _ends_cut(wanted, case.loose)),
        flagged=merge.reason != "" or len(merge.safe) < len(merge.hunks),
        undefined=is_file and resolved(merge, base, Bound()) != merge,
        lost=(both - _texts(unseen)).total(),
        cut=not slipped and not _is_written_whole(pair) and _is_cut(case, base, whole),
        ms=ms,
        size=sum(
            max(c.old_end - c.old_start, c.new_end - c.new_start)
            for c in changes(case.old, case.new)
        ),
        is_cell=pair.is_cell,
        shown=len(case.sparse) / max(1, len(case.new)),
    )


def _is_cut(case: Case, base: str, whole: str) -> bool:
    """Whether a model that writes this is stopped before all of `whole` is there."""
    ending, merger = Ending(case.old), Merger(base)
    for line in case.sparse:
        merger.push(line)
        if ending.reached(line):
            merger.push(keep_marker(case.language))
            merge = merger.finish()
            return merge.apply(base, range(len(merge.hunks))) != whole
    return False


def _ends_cut(text: str, loose: bool) -> list[str]:
    lines = [line.rstrip(" \t") for line in text.split("\n")]
    return [line for line in lines if line.strip()] if loose else lines


def _texts(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.strip())
