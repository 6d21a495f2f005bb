"""What ran in this kernel, and what failed. Loaded into every kernel: the standard library only."""

from __future__ import annotations

import ast
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

DEPTH = 10
"""Calls that are told of, of those that led to an error."""


@dataclass(frozen=True)
class Ran:
    """A cell as it ran: `number` is that of In [N], `id` "" where the front end gave none."""

    number: int
    id: str
    source: str
    ok: bool


@dataclass
class Recorder:
    """Listens to IPython; keeps of each cell the last run.

    `deleted` gives the ids of the cells that the page says it has deleted since the last run.
    """

    deleted: Callable[[], Iterable[str]] = tuple
    failure: str = ""
    """Of the last cell that failed: what was raised, below the lines that led there."""
    failed: Ran | None = None
    current: str = ""
    """The id of the cell that runs now."""
    gone: dict[str, float] = field(default_factory=dict[str, float])
    """When it was heard that a cell is deleted, in seconds since the epoch, by its id."""
    _ran: dict[str, Ran] = field(default_factory=dict[str, Ran])

    def before(self, info: Any) -> None:
        """A cell begins: IPython's `pre_run_cell`."""
        self.current = getattr(info, "cell_id", None) or ""
        for id in self.deleted():
            self.gone[id] = time.time()
            if self.failed is not None and self.failed.id == id:
                self.failed, self.failure = None, ""
        self.gone.pop(self.current, None)  # it is there again

    def after(self, result: Any) -> None:
        """A cell has ended: IPython's `post_run_cell`."""
        info: Any = getattr(result, "info", None)
        if info is None or not info.store_history or not info.raw_cell.strip():
            return
        id = getattr(info, "cell_id", None) or ""
        number: int = result.execution_count or 0
        ran = Ran(number, id, info.raw_cell, bool(result.success))
        if is_ours(ran.source):
            return
        key = id or f"In [{number}]"
        self._ran.pop(key, None)  # the order is that of the last runs
        self._ran[key] = ran
        error: BaseException | None = result.error_in_exec or result.error_before_exec
        if isinstance(error, Exception):
            self.failed = _culprit(error, ran, self.cells)
            self.failure = _in_lines(error)
        elif self.failed is not None and self.failed.id == id and id:
            self.failed, self.failure = None, ""

    @property
    def cells(self) -> list[Ran]:
        """What ran and is not deleted, the last at the end."""
        return [ran for ran in self._ran.values() if ran.id not in self.gone]

    def numbered(self, number: int) -> Ran | None:
        """The cell that ran as In [number]."""
        return next((ran for ran in self.cells if ran.number == number), None)

    def defining(self, name: str, clean: Callable[[str], str]) -> Ran | None:
        """The last cell that makes `name`; `clean` makes plain Python of IPython's."""
        for ran in reversed(self.cells):
            if name in ran.source and name in bound(clean(_under_magic(ran.source))):
                return ran
        return None


def deleted_cells(shell: Any) -> list[str]:
    """The ids of the cells deleted since the last run, as JupyterLab says with each."""
    message: Any = getattr(shell, "parent_header", None)
    try:
        return [str(id) for id in message["metadata"]["deletedCells"]]
    except (KeyError, TypeError):
        return []  # other front ends do not say


def _under_magic(source: str) -> str:
    """A cell without its cell magic: below `%%time` stands Python, too."""
    return source.lstrip().partition("\n")[2] if source.lstrip().startswith("%%") else source


_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound(source: str) -> set[str]:
    """The names that a module of this source makes; none if it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()

    def visit(nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)  # what is inside is not the module's
            elif isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    found.add(node.id)
            elif not isinstance(node, _SCOPES):
                visit(ast.iter_child_nodes(node))

    visit(tree.body)
    return found


def is_ours(source: str) -> bool:
    """Whether it is a question, and no code."""
    return source.lstrip().startswith(("%%fastgen", "%fastgen"))


def _culprit(error: BaseException, ran: Ran, cells: list[Ran]) -> Ran:
    """The cell whose code raised: one before may have made the function that did."""
    import linecache

    for frame in reversed(_frames(error)):
        text = "".join(linecache.getlines(frame.filename)).strip()
        for cell in reversed(cells):
            if text and cell.source.strip() == text:
                return cell
    return ran


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The last calls; the first of all is IPython's own."""
    trace = error.__traceback__
    return list(traceback.extract_tb(trace.tb_next if trace else None, limit=-DEPTH))


def _in_lines(error: Exception) -> str:
    """What was raised, below the last lines of code, marked as IPython marks them."""
    if isinstance(error, SyntaxError):
        lines = [f"----> {error.lineno} {(error.text or '').rstrip()}"]
        return "\n".join([*lines, f"{type(error).__name__}: {error.msg}"])
    lines = [f"----> {frame.lineno} {frame.line}" for frame in _frames(error) if frame.line]
    return "\n".join([*lines, "".join(traceback.format_exception_only(error)).strip()])
