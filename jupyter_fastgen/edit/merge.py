"""A sparse edit and the text that it is for: hunks, while it is written and at its end. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from hashlib import blake2b

from ..errors import FastgenError
from .align import Alignment, Path
from .difference import changes
from .fence import Fence
from .hunks import Forest, Hunk, apply, build
from .lines import Indentation, body, split_lines
from .markers import Delete, Item, Keep, Line, read
from .rows import Kind
from .safety import Flag

WHOLE = 0.6
"""An answer without markers that has this share of the text's lines is all of it."""

SHORT = 3
"""A line of so few characters says nothing about where an answer belongs."""


class StaleBaseError(FastgenError):
    """The text is no longer the one that an edit was made for."""


@dataclass(frozen=True)
class Merge:
    """The hunks of an edit, in order, and the text with the digest `base` that they are for.

    `reason` says why there are none, where the answer did not fit the text at all.
    """

    base: str
    hunks: tuple[Hunk, ...]
    reason: str = ""

    @property
    def safe(self) -> set[int]:
        """The numbers of the hunks that need no look."""
        return {number for number, hunk in enumerate(self.hunks) if hunk.safe}

    def apply(self, text: str, accepted: Collection[int]) -> str:
        """`text` with the hunks of these numbers; raises `StaleBaseError` if it is another one."""
        if digest(text) != self.base:
            raise StaleBaseError(
                "the text was changed since this edit was made for it: align the edit anew"
            )
        return apply(text, self.hunks, accepted)


def digest(text: str) -> str:
    """What tells a text from its other versions."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def rebase(merge: Merge, old: str, new: str) -> tuple[Merge, list[Hunk]]:
    """A merge for `old` as one for `new`, and the hunks that were lost on the way.

    A hunk goes on if its lines, and those right before and behind it, are still there.
    """
    before = [body(line) for line in split_lines(old)]
    moves = changes(before, [body(line) for line in split_lines(new)])
    kept: list[Hunk] = []
    lost: list[Hunk] = []
    for hunk in merge.hunks:
        if any(move.old_start <= hunk.end and hunk.start <= move.old_end for move in moves):
            lost.append(hunk)
            continue
        by = sum(
            (move.new_end - move.new_start) - (move.old_end - move.old_start)
            for move in moves
            if move.old_end < hunk.start
        )
        kept.append(replace(hunk, start=hunk.start + by, end=hunk.end + by))
    return Merge(digest(new), tuple(kept), merge.reason), lost


class Merger:
    """The merge of an answer that grows line by line.

    `whole` says that the model was asked for the whole text: all that it leaves out then goes.
    """

    def __init__(self, base: str, whole: bool = False, forest: Forest | None = None) -> None:
        self._base = base
        self._original = [body(line) for line in split_lines(base)]
        self._stripped = frozenset(line.strip() for line in self._original)
        self._whole = whole
        self._forest = forest
        self._fence = Fence(self._original)
        self._indent = Indentation(self._original)
        self._lines: list[str] = []
        self.reached = 0
        """The line of the text before which all was settled when that was asked for last."""
        self._begin(whole)

    def _begin(self, whole: bool) -> None:
        self._read: list[str] = []
        self._items: list[Item] = []
        self._blank: list[Item] = []
        self._alignment = Alignment(self._original, whole)
        self._settled: tuple[int, list[Hunk]] = 0, []

    def push(self, line: str) -> None:
        """Add the next line of the answer; its end does not count."""
        start = self._fence.start
        self._lines.append(body(line))
        self._fence.add(self._lines[-1])
        if self._fence.start != start:
            self._begin(self._whole)
        for text in self._lines[self._fence.start + len(self._read) : self._fence.end]:
            self._add(text)

    def _add(self, text: str) -> None:
        text = self._indent.as_base(text)
        item = read(text, self._stripped, self._read[-1] if self._read else "")
        self._read.append(text)
        if isinstance(item, Keep) and self._whole and not self._has_markers():
            # Asked for the whole, it left something out all the same.
            self._realign([*self._items, item], False)
        elif not text.strip() and self._items and not isinstance(self._items[-1], Line):
            # A blank line behind a marker counts only if something follows it.
            self._blank.append(item)
        else:
            for known in (*self._blank, item):
                self._items.append(known)
                self._alignment.push(known)
            self._blank.clear()

    def _realign(self, items: list[Item], whole: bool) -> None:
        self._items = items
        self._alignment = Alignment(self._original, whole)
        self._settled = 0, []
        for item in items:
            self._alignment.push(item)

    def _has_markers(self) -> bool:
        return any(isinstance(item, Keep) for item in self._items)

    def settled(self) -> list[Hunk]:
        """The hunks before the last marker whose place is certain.

        No further line changes their lines; flags and `moved_to` may change until the end. Of a
        whole text they are the likely ones before the last copy, for nothing in it is certain.
        """
        if self._whole and not self._has_markers():
            return self._likely()
        path = self._alignment.settled()
        count = len(path.placed)
        if count != self._settled[0]:
            is_about = self._is_about(path)
            hunks = build(self._original, self._items[:count], path, self._forest)
            self._settled = count, hunks if is_about else []
            self.reached = path.end
        return self._settled[1]

    def _likely(self) -> list[Hunk]:
        path = self._alignment.likely()
        items = self._items[: len(path.placed)]
        last = _last_copy(items, path)
        if last < 0:
            return []
        known = Path(path.begin, path.placed[: last + 1], path.placed[last].end)
        self.reached = known.end
        return build(self._original, items[: last + 1], known, self._forest, whole=True)

    def finish(self, complete: bool = True) -> Merge:
        """The merge, now that the answer ended; of one that broke off, the part before a marker."""
        reason = ""
        self._close_fence()
        if not complete:
            reason = "the answer broke off: what it says behind its last marker is left out"
            self._realign(self._items[: _last_marker(self._items) + 1], False)
        path = self._alignment.finish()
        implied = path.begin > 0 or path.end < len(self._original)
        if complete and implied and self._is_whole():
            self._realign(self._items, True)
            path = self._alignment.finish()
        whole = self._whole and not self._has_markers()
        hunks = build(self._original, self._items, path, self._forest, whole)
        if not self._is_about(path):
            if self._is_whole():
                hunks = [replace(hunk, flags=hunk.flags | {Flag.UNRELATED}) for hunk in hunks]
            elif hunks:
                hunks = []
                reason = "no line of the answer stands in the text: where it belongs is unknown"
        if not complete:
            # What goes may have been meant to come again.
            hunks = [
                replace(hunk, flags=hunk.flags | {Flag.DOUBT}) if hunk.end > hunk.start else hunk
                for hunk in hunks
            ]
        return Merge(digest(self._base), tuple(hunks), reason)

    def _close_fence(self) -> None:
        """Drop the fence that ends the answer, if it was taken for one of the text."""
        texts = (n for n, item in enumerate(self._items) if _is_text(item))
        last = max(texts, default=-1)
        item = self._items[last] if last >= 0 else None
        if isinstance(item, Line) and self._fence.is_last_line_of_answer(item.text):
            self._realign(self._items[:last], self._whole)

    def _is_whole(self) -> bool:
        """Whether an answer without any marker is as long as the text: then it is all of it."""
        if not self._items or any(not isinstance(item, Line) for item in self._items):
            return False
        texts = sum(line.strip() != "" for line in self._read)
        return texts >= WHOLE * sum(line.strip() != "" for line in self._original)

    def _is_about(self, path: Path) -> bool:
        """Whether the answer, as far as `path` goes, shows a line of the text, or is all of it."""
        if self._whole or not any(self._stripped):
            return True
        return any(
            len(item.text.strip()) > SHORT
            if isinstance(item, Line) and placed.kind == Kind.KEPT
            else isinstance(item, Delete)
            for item, placed in zip(self._items, path.placed, strict=False)
        )


def _is_text(item: Item) -> bool:
    """Whether it is more than a blank line."""
    return not isinstance(item, Line) or item.text.strip() != ""


def _last_copy(items: list[Item], path: Path) -> int:
    """The index of the last line with text that is kept; -1 if there is none."""
    placed = zip(items, path.placed, strict=True)
    kept = [_is_text(item) and place.kind == Kind.KEPT for item, place in placed]
    return max((n for n, is_copy in enumerate(kept) if is_copy), default=-1)


def _last_marker(items: list[Item]) -> int:
    """The index of the last marker for lines that stay; -1 if there is none."""
    return max((n for n, item in enumerate(items) if isinstance(item, Keep)), default=-1)
