"""One edit that a browser asks for, in full: nothing of it changes with the document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import protocol
from ..completion.context import Budget
from ..completion.known import describe
from ..completion.namespace import Namespace
from ..document import Cell, Cursor, Document, OutOfStepError
from ..edit.grammars import TEXT, language_of
from ..edit.lines import split_lines
from ..edit.mask import without_header
from ..policy import Notebook

if TYPE_CHECKING:
    from ..edit.sheet import Sheet

KNOWN = Budget(above=512)
"""Of the live kernel a model that edits is told what fits here into 96 tokens."""


@dataclass(frozen=True)
class EditRequest:
    """An edit in full: the cells as they were, whatever becomes of the document.

    `others` are the code cells that stay, `namespace` is what the kernel holds.
    """

    key: str
    sheet: Sheet
    language: str
    part: tuple[int, int] | None
    about: str
    others: tuple[str, ...]
    namespace: Namespace | None
    notebook: Notebook

    @staticmethod
    def of(
        key: str,
        message: protocol.Edit | protocol.Prepare,
        document: Document,
        namespace: Namespace | None,
        about: str = "",
    ) -> EditRequest:
        """What `message` asks for; raises `OutOfStepError` where it does not fit the document.

        `key` names the document among all that are open, `about` is what else there is to know.
        """
        # Imported now: it brings numpy.
        from ..edit.sheet import Sheet

        numbers = sorted({document.index(id) for id in message.cells})
        if not numbers:
            raise OutOfStepError("an edit of no cells")
        cells = [replace(document.cells[number]) for number in numbers]
        language = language_of(document.language)
        if len(cells) == 1 and cells[0].type != "code":
            language = "markdown" if cells[0].type == "markdown" else TEXT
        sheet = Sheet([protocol.Cell(c.id, c.type, c.source) for c in cells], language)
        part = None
        if len(cells) == 1 and message.end is not None:
            if not 0 <= message.start <= message.end <= cells[0].source.count("\n") + 1:
                raise OutOfStepError(f"lines {message.start}:{message.end} of a cell")
            # An editor has one more line, an empty one, behind a last line that is ended.
            count = len(split_lines(cells[0].source))
            part = min(message.start, count), min(message.end, count)
        told = [about, _known(cells, document, namespace), sheet.about]
        others = tuple(
            cell.source
            for number, cell in enumerate(document.cells)
            if number not in numbers and cell.type == "code"
        )
        said = "\n".join(filter(None, told))
        notebook = document.notebook
        return EditRequest(key, sheet, language, part, said, others, namespace, notebook)

    @property
    def magic(self) -> str:
        """What makes a cell of a Python kernel something else, as `%%bash`; "" without it."""
        text = self.sheet.text
        is_other = self.language == "python" and without_header(text)[0] != "python"
        return text.split(maxsplit=1)[0] if is_other else ""


def _known(cells: list[Cell], document: Document, namespace: Namespace | None) -> str:
    """What the live kernel holds and these cells do not say."""
    if namespace is None:
        return ""
    cursor = Cursor(replace(document, cells=cells), cells[-1].id, 0)
    known = describe(namespace, cursor, KNOWN)
    return f"The kernel holds:\n{known}" if known else ""
