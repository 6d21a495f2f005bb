"""`docs/edits.md`: what results of `eval edits` and `bench css` say, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from ...edit.prompt import WHOLE_LINES
from ..quality.report import versions
from ..results import BadResultsError
from ..tables import EDITS_HEAD, SHEET_HEAD, edits_row, markdown_table, sheet_rows
from .instructed import Record, Results, outcome, read_results
from .sheet import INSTRUCTION, Sheet
from .tasks import load_tasks


def write(folder: Path) -> str:
    """The Markdown of the results (*.jsonl) and sheets (*.json) in `folder`.

    Raises `BadResultsError`.
    """
    results = [read_results(path) for path in sorted(folder.glob("*.jsonl"))]
    sheets = [_read_sheet(path) for path in sorted(folder.glob("*.json"))]
    if not results and not sheets:
        raise BadResultsError(
            f"{folder} holds no results of `jupyter fastgen eval edits` or `bench css`"
        )
    parts = [_HEAD.format(date=date.today().isoformat(), versions=versions())]
    if results:
        tasks, _ = load_tasks()
        cells = sum(task.is_cell for task in tasks)
        parts.append(
            _EDITS.format(
                tasks=len(tasks),
                cells=cells,
                files=len(tasks) - cells,
                limit=WHOLE_LINES,
            )
        )
        for title, is_cell in (("Cells", True), ("Files", False)):
            if any(record.is_cell == is_cell for each in results for record in each.records):
                parts.append(_TABLE.format(title=title, table=_table(results, is_cell)))
    if sheets:
        parts.append(_SHEETS.format(instruction=INSTRUCTION))
    parts += [
        _SHEET.format(
            name=sheet.name,
            lines=sheet.lines,
            model=sheet.model,
            draft=sheet.draft,
            table=markdown_table(SHEET_HEAD, sheet_rows(sheet)),
        )
        for sheet in sheets
    ]
    return "\n".join(parts)


def _read_sheet(path: Path) -> Sheet:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sheet)
    except msgspec.MsgspecError as error:
        raise BadResultsError(
            f"{path} holds no results of `jupyter fastgen bench css`: {error}; name another folder"
        ) from error


def _table(results: Sequence[Results], cells: bool) -> str:
    """A row for each model and format, of cells or of files."""
    found: list[tuple[Results, list[Record]]] = [
        (each, [record for record in each.records if record.is_cell == cells]) for each in results
    ]
    order = ("ours", "whole", "sparse", "free", "search")
    found.sort(key=lambda pair: (pair[0].settings.model, order.index(pair[0].settings.format)))
    rows = [
        [f"{each.settings.model}, {each.settings.format}", *edits_row(outcome(records))]
        for each, records in found
        if records
    ]
    return markdown_table(["", *EDITS_HEAD], rows)


_HEAD = """\
# How good edits are

Written by `jupyter fastgen eval edit-report FOLDER --out docs/edits.md` on {date} from the results
of the commands below. To change this page, change the command.

{versions}

Decoding is greedy: the same run gives the same answers. Times are those of a machine that may
have been busy with other work.
"""

_EDITS = """\
## Instructed edits

`jupyter fastgen eval edits --out FILE --model NAME --format ours|whole|sparse|free|search`

{tasks} edits of our own, {cells} of cells (up to {limit} lines) and {files} of files, most in
Python. Each has an instruction as a person would type it, a solution, and a check that runs: the
edited Python is executed, SQL is queried, other texts are compared with what may come out.

The formats: "ours" is what the product does (a text of up to {limit} lines written anew, a longer
one as a sparse edit; the model is asked once more where nothing of its answer is safe); "whole" and
"sparse" do so with every text, "free" is sparse without the grammar, "search" is blocks of search
and replace with their own prompt. A run may have been ended before it had done all tasks: mind the
first column. What the product does, and that the biggest model for edits which is here writes them,
was chosen by these tables.

- right: the check passes with the changes that need no look; "if all is taken": with all changes.
- applied: some change needs no look. flagged: some change does. refused: there is no change.
- wrong: applied without a look, and the check fails: the model did something else, or did it wrong.
- lines lost unseen: of these, lines are gone that were there and that the solution keeps. "By the
  merge": the merged text is not what the answer says, its markers read as lines that stay; else the
  model left the lines out.
- passes: runs of the model while decoding; with drafts a run may write several tokens. The prompt
  of a text that the edit before had too is in the cache, but for the instruction.
"""

_TABLE = """\
{title}:

{table}
"""

_SHEETS = """\
## One line of a long stylesheet

`jupyter fastgen bench css --json [--file F.css] [--model NAME]`

The instruction: "{instruction}". The full rewrite, the format of the article that the case is from
(changed rules in full, comments for the rest, merged by us), blocks of search and replace, and ours
run on the same engine and model; ours runs once more with drafts. Of what the drafts guess several
tokens are verified in one pass of the model. "right": the size is set, and nothing else changed.
"""

_SHEET = """\
{name}, {lines} lines, {model} (drafts of {draft} tokens):

{table}
"""
