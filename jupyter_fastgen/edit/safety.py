"""What may be wrong with a change, so that a person looks before it is accepted. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from rapidfuzz.distance import Indel

from .align import Path
from .costs import ALIKE
from .lines import indent
from .markers import Delete, Item, Keep, Line

FEW, RATIO = 8, 2
"""So many lines may go, and so many more for each line that comes: an ordinary change."""

ERASED = 12
"""Lines that one deletion marker may take, unless it names the first of whole blocks."""

BEHIND = 40
"""Lines behind that first block that may go with it: a screen."""

SAME = 0.7
"""A line that is so similar to another is what became of it."""

CONTEXT = 3
"""Lines beside a change that tell where it is."""

_DEFINES = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|static|abstract|async)\s+)*"
    r"(?:def|class|function|fn|func|interface|enum|struct|module|macro|namespace|type)\s+(\w+)"
)

_COMMENT = re.compile(r"\s*(?:#(?!#+\s)|//|/\*|(?<=\s)\*\s|--|<!--|\"{3}|'{3})")
"""Not the headings and bullets of Markdown."""


class Flag(str, Enum):
    """Why a change is not accepted unseen; the value is said to people."""

    AMBIGUOUS = "its place is not certain: the lines around it occur more than once"
    BORDER = "a line beside it is no copy of an original line"
    LOST = "lines go although nothing says that they should"
    MANY = "many more lines go than come for them"
    COMMENT = "a comment goes, and none comes for it"
    DEFINITION = "a definition goes without being named"
    ERASED = "a deletion takes more than whole blocks, or does not name them"
    IDLE = "a marker beside it stands for no lines"
    DOUBT = "lines go, and other parts of the answer are not as they should be"
    UNRELATED = "no line of it stands in the original"
    HIDDEN = "it changes lines that the model was not shown: the text is long"
    SYNTAX = "the result has a syntax error that the original has not"
    DUPLICATE = "the result defines the same name twice"
    UNDEFINED = "it uses a name that nothing defines"
    CELL = "a cell goes with what is in it"
    BEYOND = "it changes code, and only comments were asked for"


SUSPECT = frozenset({Flag.AMBIGUOUS, Flag.BORDER, Flag.COMMENT, Flag.IDLE, Flag.LOST, Flag.MANY})
"""Of an answer with one of these nothing is deleted unseen."""


@dataclass(frozen=True)
class Change:
    """Original lines [start, end) that become `new`; `marker` is the one that says they go."""

    start: int
    end: int
    new: tuple[str, ...]
    chunk: int
    marker: Delete | None = None


@dataclass(frozen=True)
class Chunk:
    """The items [first, last) between two markers for lines that stay.

    They stand for original lines somewhere in [low, high): between the nearest chunks before and
    behind whose places are certain.
    """

    first: int
    last: int
    low: int
    high: int


def is_comment(line: str) -> bool:
    """Whether a line is a comment in any language, as far as its beginning tells."""
    return _COMMENT.match(line) is not None


def chunks(items: Sequence[Item], path: Path, original: Sequence[str]) -> list[Chunk]:
    """What the markers of an edit part."""
    markers = [n for n, item in enumerate(items) if isinstance(item, Keep)]
    firsts, lasts = [0, *(n + 1 for n in markers)], [*markers, len(items)]
    lows = [0, *(path.placed[n].start for n in markers)]
    highs = [*(path.placed[n].end for n in markers), len(original)]
    found = [Chunk(*ends) for ends in zip(firsts, lasts, lows, highs, strict=True)]
    certain = [
        any(map(_is_text, items[chunk.first : chunk.last]))
        and Flag.AMBIGUOUS not in chunk_flags(chunk, items, path, original)
        for chunk in found
    ]
    for n in range(1, len(found)):
        if not certain[n - 1]:
            lows[n] = lows[n - 1]
    for n in range(len(found) - 2, -1, -1):
        if not certain[n + 1]:
            highs[n] = highs[n + 1]
    return [Chunk(*ends) for ends in zip(firsts, lasts, lows, highs, strict=True)]


def _is_text(item: Item) -> bool:
    return not isinstance(item, Line) or item.text.strip() != ""


def chunk_flags(
    chunk: Chunk, items: Sequence[Item], path: Path, original: Sequence[str]
) -> frozenset[Flag]:
    """What may be wrong with all changes of a chunk: whether it is where it should be."""
    flags: set[Flag] = set()
    numbers = [
        n
        for n in range(chunk.first, chunk.last)
        if not isinstance(item := items[n], Line) or item.text.strip()
    ]
    if not numbers:
        return frozenset()
    if not _is_certain(chunk, numbers, items, path, original):
        if chunk.first > 0 or path.begin > 0:
            flags |= _border_flags(chunk, numbers, items, path, original)
        if chunk.last < len(items) or path.end < len(original):
            flags |= _border_flags(chunk, numbers[::-1], items, path, original)
    texts = [item.text.strip() for n in numbers if isinstance(item := items[n], Line)]
    if _begins_again(texts) or _begins_again(texts[::-1]):
        flags.add(Flag.AMBIGUOUS)
    for at in (chunk.first - 1, chunk.last):
        if 0 <= at < len(items) and path.placed[at].start == path.placed[at].end:
            flags.add(Flag.IDLE)
    return frozenset(flags)


def _is_certain(
    chunk: Chunk,
    numbers: Sequence[int],
    items: Sequence[Item],
    path: Path,
    original: Sequence[str],
) -> bool:
    """Whether a chunk only puts new lines between copies that together stand in one place.

    The copies are neighbours in the original: nothing goes between them. What a nested marker
    before the chunk stands for, and the line that opens its block, are copies too. Those at either
    end do not come again among the new lines: else these might be the copies.
    """
    opening = _opening(chunk.first - 1, items, path, original)
    first = opening if opening >= 0 else path.placed[numbers[0]].start
    at = first if opening < 0 else path.placed[chunk.first - 1].end
    border = opening >= 0
    for number in numbers:
        item, placed = items[number], path.placed[number]
        border = border or placed.end > placed.start
        if not isinstance(item, Line) or not border:
            return False
        if placed.end > placed.start:
            skipped = original[at : placed.start]
            copied = item.text.rstrip() == original[placed.start].rstrip()
            if any(map(str.strip, skipped)) or not copied:
                return False
            at = placed.end
    if path.placed[numbers[-1]].end != at or path.placed[numbers[-1]].start == at:
        return False
    texts = [item.text.strip() for n in numbers if isinstance(item := items[n], Line)]
    copies = [path.placed[n].end > path.placed[n].start for n in numbers]
    for run in (texts[: _leading(copies)], texts[len(texts) - _leading(copies[::-1]) :]):
        if run and _places(run, texts) > 1:
            return False
    low = min(chunk.low, first)
    return _places(original[first:at], original[low : chunk.high]) == 1


def _leading(flags: Sequence[bool]) -> int:
    """How many are true before the first that is not."""
    return next((n for n, flag in enumerate(flags) if not flag), len(flags))


def _opening(at: int, items: Sequence[Item], path: Path, original: Sequence[str]) -> int:
    """The original line that opens the block which the marker `at` stands for all the rest of.

    -1 if it is no such marker: a copied line stands before it and is less indented, and so is what
    comes behind the lines that it stands for.
    """
    marker, before = (items[at], items[at - 1]) if at > 0 else (None, None)
    if not isinstance(marker, Keep) or not isinstance(before, Line):
        return -1
    start, end = path.placed[at].start, path.placed[at].end
    opens = start - 1
    if path.placed[at - 1].end != start or path.placed[at - 1].start != opens:
        return -1
    inside = [indent(line) for line in original[start:end] if line.strip()]
    behind = next((indent(line) for line in original[end:] if line.strip()), -1)
    column = indent(original[opens])
    is_all = bool(inside) and min(inside) > column >= behind
    return opens if is_all and before.text.rstrip() == original[opens].rstrip() else -1


def _places(wanted: Sequence[str], texts: Sequence[str]) -> int:
    """How often some lines stand in others, up to white space at their ends."""
    wanted = [line.rstrip() for line in wanted]
    texts = [line.rstrip() for line in texts]
    starts = range(len(texts) - len(wanted) + 1)
    return sum(texts[at] == wanted[0] and texts[at : at + len(wanted)] == wanted for at in starts)


def _border_flags(
    chunk: Chunk,
    numbers: Sequence[int],
    items: Sequence[Item],
    path: Path,
    original: Sequence[str],
) -> set[Flag]:
    """Whether the copies that a chunk begins (or ends) with stand in one place only."""
    run: list[int] = []
    for number in numbers:
        item, at = items[number], path.placed[number].start
        if not isinstance(item, Line) or path.placed[number].end == at:
            break
        if item.text.rstrip() != original[at].rstrip():
            break
        run.append(at)
    if not run:
        return {Flag.BORDER}
    first, last = min(run), max(run)
    places = _places(original[first : last + 1], original[chunk.low : chunk.high])
    return {Flag.AMBIGUOUS} if places > 1 else set()


def _begins_again(texts: Sequence[str]) -> bool:
    """Whether the lines that a chunk begins with come again where it ends.

    Then all between may be new: a copy that comes to stand beside what it is a copy of.
    """
    first, end = texts[:CONTEXT], len(texts) - CONTEXT + 1
    return any(
        texts[at : at + CONTEXT] == first for at in range(max(CONTEXT, end - CONTEXT - 1), end)
    )


def change_flags(change: Change, original: Sequence[str], arrived: Counter[str]) -> set[Flag]:
    """What may be wrong with one change; `arrived` counts the stripped new lines of all."""
    old = original[change.start : change.end]
    gone = Counter(line.strip() for line in old if line.strip()) - arrived
    lost = gone.total()
    if change.marker is not None:
        flags = {Flag.ERASED} if lost > ERASED and not _is_named(change, original) else set[Flag]()
        rest = [line for line in old if line.strip() in gone]
        if rest and _COMMENT.match(rest[-1]) and not _COMMENT.match(rest[0]):
            flags.add(Flag.COMMENT)  # it stands above what stays
        return flags
    come = sum(1 for line in change.new if line.strip())
    flags: set[Flag] = set()
    if lost and not change.new:
        flags.add(Flag.LOST)
    elif lost > FEW + RATIO * come:
        flags.add(Flag.MANY)
    if come and _drops_comment(old, change.new):
        flags.add(Flag.COMMENT)
    names = {found[1] for line in old if (found := _DEFINES.match(line))}
    if names and not come and not names <= {m[1] for t in arrived if (m := _DEFINES.match(t))}:
        flags.add(Flag.DEFINITION)
    return flags


def written_anew(old: Sequence[str], new: Sequence[str]) -> frozenset[Flag]:
    """What may be wrong with a text that was written anew and whole: lines without their ends."""
    before = [line.strip() for line in old if line.strip()]
    after = [line.strip() for line in new if line.strip()]
    flags: set[Flag] = set()
    if before and not any(
        Indel.normalized_similarity(a, b) >= ALIKE for a in before for b in after
    ):
        flags.add(Flag.UNRELATED)
    if len(before) > FEW and RATIO * len(after) < len(before):
        flags.add(Flag.MANY)
    return frozenset(flags)


def ends_early(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether the last of the new lines became of an old one that is not the last: lines go."""
    before = [line.strip() for line in old if line.strip()]
    last = next((line.strip() for line in reversed(new) if line.strip()), "")
    alike = [Indel.normalized_similarity(line, last) for line in before]
    return bool(alike) and max(alike) >= SAME and alike[-1] < max(alike)


def _is_named(change: Change, original: Sequence[str]) -> bool:
    """Whether a marker names what it deletes: whole blocks, and not many behind the first."""
    assert change.marker is not None
    return (
        change.marker.target != ""
        and _are_blocks(change.start, change.end, original)
        and _behind_first(original[change.start : change.end]) <= BEHIND
    )


def _behind_first(lines: Sequence[str]) -> int:
    """How many lines of text stand behind the block that the first one begins.

    It ends where a line is indented no more than that, behind a deeper or a blank one, and is no
    closing bracket.
    """
    column = indent(lines[0])
    for at, (before, line) in enumerate(pairwise(lines), 1):
        if before.strip() and indent(before) <= column:
            continue
        if line.strip() and indent(line) <= column and line.strip()[0] not in ")]}":
            return sum(1 for text in lines[at:] if text.strip())
    return 0


def _are_blocks(start: int, end: int, original: Sequence[str]) -> bool:
    """Whether lines [start, end) are whole blocks, or are after a shift that deletes the same."""
    low = high = start
    size = end - start
    while low > 0 and original[low - 1] == original[low + size - 1]:
        low -= 1
    while high + size < len(original) and original[high] == original[high + size]:
        high += 1
    for first in range(low, high + 1):
        texts = [line for line in original[first : first + size] if line.strip()]
        if texts and all(indent(text) >= indent(texts[0]) for text in texts):
            return True
    return False


def _drops_comment(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether comments go and none like them come, alone or above code that stays much the same.

    What is no longer a comment, but code, has not gone.
    """
    comments = [line for line in new if _COMMENT.match(line)]
    above = ""  # of the comment lines that this one is one of
    for at, line in enumerate(old):
        found = _COMMENT.match(line)
        if not found:
            above = line
            continue
        if line in new or any(line[found.end() :].strip() in text for text in new):
            continue
        if any(Indel.normalized_similarity(line, comment) >= ALIKE for comment in comments):
            continue
        behind = next((text for text in old[at + 1 :] if not _COMMENT.match(text)), None)
        if behind is None or not (above.strip() or behind.strip()):
            return True
        if any(Indel.normalized_similarity(behind, text) >= SAME for text in new):
            return True
    return False
