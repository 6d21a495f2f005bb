"""Signatures of the Python modules beside a notebook which it imports. They are read, never run."""

from __future__ import annotations

import ast
import itertools
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..document import Cursor
from .context import Budget, guess_tokens

MOST_BYTES = 200_000
"""Of a module that is read."""

MOST_LINES = 12
"""Said of one module."""

MOST_CHARS = 160
"""Of one line."""

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>[\w.]+)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#]*)"
    r"|import[ \t]+(?P<modules>[^\n#]+))",
    re.MULTILINE,
)
_LEADING = re.compile(r"\.*")


@dataclass(frozen=True)
class Import:
    """One import: `module` with its leading dots; `name` of it, "" for all; known as `alias`."""

    module: str
    name: str
    alias: str


@lru_cache(maxsize=1024)
def imports(code: str) -> tuple[Import, ...]:
    """The imports in `code`, be it broken elsewhere."""
    found: list[Import] = []
    for match in _IMPORT.finditer(code):
        for name, alias in _aliases(match["modules"] or match["names"].strip("()")):
            if match["modules"]:
                found.append(Import(name, "", alias))
            else:
                found.append(Import(match["source"], name, alias))
    return tuple(found)


def _imports_above(cursor: Cursor) -> Iterable[Import]:
    """Each import once, in order: every key asks, and files are looked for."""
    found: dict[Import, None] = {}
    for above in cursor.document.cells[: cursor.index]:
        if above.type == "code":
            found.update(dict.fromkeys(imports(above.source)))
    lines = cursor.before[: cursor.before.rfind("\n") + 1]
    found.update(dict.fromkeys(imports(lines)))
    return found


def _aliases(names: str) -> Iterator[tuple[str, str]]:
    """Each name and what it is known as."""
    for part in names.split(","):
        words = part.split()
        if len(words) == 1:
            yield words[0], words[0]
        elif len(words) == 3 and words[1] == "as":
            yield words[0], words[2]


class LocalModules:
    """The modules below a folder, as kernels that are started beside their notebooks find them."""

    def __init__(self, root: Path) -> None:
        """`root` is the folder that documents' paths begin at; nothing outside of it is read."""
        self._root = root.resolve()

    def describe(self, cursor: Cursor, budget: Budget) -> str:
        """Comment lines with the signatures of what is imported above the line of the cursor.

        As many as fit into 1/8 of the room for the cells; "" where there are none.
        """
        if cursor.document.language.lower() not in ("python", "ipython"):
            return ""
        folder = (self._root / cursor.document.path).parent
        lines: dict[str, None] = {}
        for found in _imports_above(cursor):
            path = self._find(folder, found.module)
            for name, parameters in _signatures(*path) if path else ():
                if not found.name:
                    lines[f"# {found.alias}.{name}{parameters}"] = None
                elif found.name in (name, "*"):
                    called = name if found.name == "*" else found.alias
                    lines[f"# {called}{parameters}"] = None
        room = budget.above // 8
        fitting: list[str] = []
        for line in lines:
            room -= guess_tokens(line) + 1
            if room < 0:
                break
            fitting.append(line)
        return "\n".join(fitting)

    def _find(self, folder: Path, module: str) -> tuple[Path, int] | None:
        """The file of a module and when it was written, in nanoseconds."""
        dots = _LEADING.match(module)
        up = max(0, dots.end() - 1) if dots else 0
        parts = module.lstrip(".").split(".")
        for _ in range(up):
            folder = folder.parent
        base = os.path.join(folder, *parts)
        for path in (f"{base}.py", os.path.join(base, "__init__.py")):
            try:
                stat = os.stat(path)
            except (OSError, ValueError):
                continue
            real = Path(path).resolve()
            if real.is_relative_to(self._root) and 0 < stat.st_size <= MOST_BYTES:
                return real, stat.st_mtime_ns
        return None


@lru_cache(maxsize=64)
def _signatures(path: Path, written: int) -> tuple[tuple[str, str], ...]:
    """Name and parameters of the public functions and classes of a file as it was `written`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    public = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    )
    return tuple((node.name, _parameters(node)) for node in itertools.islice(public, MOST_LINES))


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    """In parentheses; of a class those of its `__init__`, or its fields."""
    if isinstance(node, ast.ClassDef):
        text = f"({_fields(node)})"
    else:
        text = f"({ast.unparse(node.args)})"
        text += f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS].rpartition(",")[0] + ", ...)"


def _fields(node: ast.ClassDef) -> str:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return ast.unparse(part.args).partition("self")[2].lstrip(", ")
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    return ", ".join(ast.unparse(part) for part in fields)
