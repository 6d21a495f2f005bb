"""`docs/merge.md`: how exact the merge of edits is, and what is shown of long texts, as tables."""

from __future__ import annotations

import platform
from datetime import date
from importlib.metadata import version

from ... import computer
from ...edit.ending import BEHIND, INSIDE
from ...engine import machine
from ..tables import (
    MERGE_HEADS,
    VIEW_HEADS,
    exactly,
    markdown_table,
    merge_rows,
    view_rows,
)
from .merging import Report
from .viewing import LOCAL


def write(found: Report, file: str) -> str:
    """The Markdown of what was measured on the pairs of a `file`."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("jupyter-fastgen", "numpy"))
    return _PAGE.format(
        date=date.today().isoformat(),
        versions=f"{versions}, Python {platform.python_version()}",
        machine=f"{computer.processor()}, {machine.physical_cores()} cores",
        pairs=found.pairs,
        local=LOCAL,
        file=file,
        granularities=markdown_table(MERGE_HEADS, merge_rows(found.by_granularity)),
        endings=markdown_table(
            ["edits", "ended too early"],
            [[name, exactly(by["all"].cut)] for name, by in found.granularities.items()],
        ),
        undefined=exactly(found.granularities["unique"]["all"].undefined),
        behind=BEHIND,
        inside=INSIDE,
        slips=markdown_table(MERGE_HEADS, merge_rows(found.slips)),
        views=markdown_table(VIEW_HEADS, view_rows(found.views)),
    )


_PAGE = """\
# How exact edits are merged

Written by `jupyter fastgen bench merge --pairs {file} --out docs/merge.md` on {date}. To change
this page, change the command. No model takes part: the edits are what an ideal one would write.
Times are the processor's, so that what runs beside does not count.

{versions}; {machine}

## Edits without a fault

Of {pairs} commits, each to one file or one cell of a notebook, sparse edits are made and merged
again, byte by byte. They show around a change: lines up to one that the text has only once
("unique"); that, and the whole definition ("definition"); that, and the whole top-level block
("top"); or only three lines ("hunk3"), which is often too little to tell where they belong. Cells
of up to 25 lines are written anew.

"Wrong unflagged" counts merges that differ from the commit while no hunk asks for a look, "lost
unflagged" those that take away, without a look, a line that both versions have. "Flagged though
right" is what that costs: an exact merge of which a hunk asks for a look.

{granularities}

Not counted are {undefined} of these commits that use a Python name which nothing defines: an edit
that does so is flagged for it, however it is merged.

## Where an answer is ended

Small models copy on behind their last change, to the end of the text. So an answer is ended where
it copies {behind} lines, and the block that it changed is over, or {inside} lines within that. An
edit of several places that shows so much between them, instead of a marker, loses those behind;
with whole blocks shown that is not rare:

{endings}

## With the slips that models make

Of a sample of the same edits, those that a slip changes. Exact is then up to white space at the
ends of lines, and where blank lines were dropped, up to those. Two slips can't be told from an edit
that is meant: a deletion at the text's end that is not written down (it does not happen: the lines
stay), and parts that change places where the text has both twice.

{slips}

## What is shown of a long text

Of a text that is longer than so many tokens a model sees headers, and the blocks that fit the
instruction. "Found" are the commits of which all changed lines are then shown; only commits count
whose changes lie within {local} lines. Commits have no instructions that a person would give; in
their place stand the name of the innermost definition that is changed ("its definition", which says
little where that is longer than what may be shown), three words of the new lines, drawn at random
("its words"), or both. "Our own instructions" are those of `jupyter fastgen eval edits`, written by
us for our own texts, few of which are so long.

{views}
"""
