"""Notebook files as documents, for the command line and the benchmarks."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .document import Cell, Document
from .errors import FastgenError
from .policy import Notebook
from .protocol import Ran


class BadNotebookError(FastgenError):
    """A file that can't be read as a notebook."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can't be read as a notebook: {reason}")


def read_notebook(path: Path) -> Document:
    """Read an .ipynb file of any version; raises `BadNotebookError`."""
    nbformat: Any = importlib.import_module("nbformat")  # it has no complete types
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        cells = [
            Cell(str(cell.get("id", index)), cell["cell_type"], cell["source"], _ran(cell))
            for index, cell in enumerate(notebook["cells"])
        ]
    except OSError as error:
        raise BadNotebookError(path, error.strerror or str(error)) from error
    except Exception as error:  # nbformat lets through whatever a strange file provokes
        raise BadNotebookError(
            path, str(error).split("\n", 1)[0] or type(error).__name__
        ) from error
    metadata = notebook.get("metadata", {})
    language = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get(
        "language"
    )
    return Document(language or "python", path.name, 0, cells, notebook=Notebook.of(metadata))


def _ran(cell: Any) -> Ran:
    if any(output.get("output_type") == "error" for output in cell.get("outputs", [])):
        return "error"
    return "ok" if cell.get("execution_count") else ""
