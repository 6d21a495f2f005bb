"""`%%fastgen` and `%fastgen` in IPython: little is done here, the rest comes when first used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    context_matcher,  # pyright: ignore[reportUnknownVariableType]
)

from .history import Recorder, deleted_cells

if TYPE_CHECKING:
    from .magics import Fastgen

SWITCH = "FASTGEN_MAGIC"
"""An environment variable: 0 keeps the magic from being loaded unasked."""

_MAGIC = "fastgen"


class Extension:
    """What `%load_ext jupyter_fastgen` puts into a shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.recorder = Recorder(lambda: deleted_cells(shell))
        self._magics: Fastgen | None = None

    @property
    def magics(self) -> Fastgen:
        """What does the work, made when it is first needed."""
        if self._magics is None:
            from .magics import Fastgen

            self._magics = Fastgen(self.shell, self.recorder)
        return self._magics

    def fastgen(self, line: str, cell: str | None = None) -> None:
        """Write code from a description below `%%fastgen`, or change code; -h has examples."""
        if cell is None:
            self.magics.line(line)
        else:
            self.magics.cell(line, cell)

    @context_matcher()  # pyright: ignore[reportUntypedFunctionDecorator]
    def complete(self, context: CompletionContext) -> dict[str, Any]:
        """What may follow in a cell of ours."""
        if "%fastgen" in context.full_text:
            return self.magics.complete(context)
        return {"completions": []}

    def load(self) -> None:
        """Listen to what runs, and offer the magic and its completion."""
        self.shell.register_magic_function(self.fastgen, "line_cell", _MAGIC)
        self.shell.events.register("pre_run_cell", self.recorder.before)
        self.shell.events.register("post_run_cell", self.recorder.after)
        self.shell.Completer.custom_matchers.append(self.complete)
        self.shell.input_transformers_post.append(with_body)

    def unload(self) -> None:
        """Take all that back, and end an engine of our own."""
        self.shell.events.unregister("pre_run_cell", self.recorder.before)
        self.shell.events.unregister("post_run_cell", self.recorder.after)
        self.shell.Completer.custom_matchers.remove(self.complete)
        self.shell.input_transformers_post.remove(with_body)
        for kind in ("line", "cell"):
            self.shell.magics_manager.magics[kind].pop(_MAGIC, None)
        if self._magics is not None:
            self._magics.close()


def with_body(lines: list[str]) -> list[str]:
    """A transformed cell, by lines: a `%%fastgen` alone gets a body, or IPython refuses it.

    Not before it is transformed: in a terminal, too, a first line alone is not complete yet.
    """
    start, end = f"get_ipython().run_cell_magic({_MAGIC!r}, ", ", '')\n"
    if len(lines) == 1 and lines[0].startswith(start) and lines[0].endswith(end):
        return [lines[0].removesuffix(end) + ", '\\n')\n"]
    return lines


def load(shell: Any) -> None:
    """Make the magic known to an IPython shell; again does nothing."""
    if loaded(shell) is None:
        Extension(shell).load()


def unload(shell: Any) -> None:
    """Undo `load`."""
    extension = loaded(shell)
    if extension is not None:
        extension.unload()


def loaded(shell: Any) -> Extension | None:
    """The extension that a shell has."""
    known = shell.magics_manager.magics["cell"].get(_MAGIC)
    extension = getattr(known, "__self__", None)
    return extension if isinstance(extension, Extension) else None


def load_unasked(shell: Any) -> None:
    """What the startup file does: `load`, unless it is switched off."""
    if os.environ.get(SWITCH, "1") not in ("0", "off", "false", "no"):
        shell.extension_manager.load_extension("jupyter_fastgen")
